import { randomUUID } from "node:crypto";
import { Client } from "@langchain/langgraph-sdk";
import * as older from "langgraph-sdk-2";
import { expect } from "vitest";
import { collect } from "../support/collect.ts";
import { until } from "../support/until.ts";

// What people do with the official clients, in one telling: for each client that is about, and for each house it meets.

/** Where the clients knock, and what each of their requests carries beside. */
export type Connect = (headers?: Record<string, string>) => Client;

const connectWith = (of: typeof Client, url: () => string): Connect => {
  return (defaultHeaders = {}) => new of({ apiUrl: url(), apiKey: null as never, defaultHeaders });
};

/** The clients that are about; the registry's newest tag has pointed at the older one. */
export const SDKS: readonly (readonly [version: string, (url: () => string) => Connect])[] = [
  ["1.15.0", (url) => connectWith(Client, url)],
  ["2.0.0", (url) => connectWith(older.Client as unknown as typeof Client, url)],
];

const WORDS = { input: { text: "a" } };
const DONE = { text: "A!", log: ["upper", "mark"] };

type Part = { id?: string; event: string; data: unknown };

const parts = async (stream: AsyncIterable<unknown>) => (await collect(stream)) as Part[];
const namesOf = (read: readonly Part[]) => read.map(({ event }) => event);

async function threadOf(client: Client): Promise<string> {
  return (await client.threads.create()).thread_id;
}

async function assistants(connect: Connect): Promise<void> {
  const { assistants } = connect();
  const tag = randomUUID();
  const made = await assistants.create({
    graphId: "http-nested",
    name: tag,
    config: { configurable: { tone: "calm" } },
    metadata: { tag },
  });
  const id = made.assistant_id;
  expect(await assistants.get(id)).toEqual(made);
  expect(await assistants.search({ metadata: { tag } })).toEqual([made]);
  expect(await assistants.search({ name: tag.toUpperCase(), includePagination: true })).toEqual({
    assistants: [made],
    next: null,
  });
  expect(await assistants.count({ metadata: { tag } })).toBe(1);
  expect(await assistants.update(id, { metadata: { more: 1 }, description: "d" })).toMatchObject({ version: 2 });
  expect((await assistants.getVersions(id)).map(({ version }) => version)).toEqual([2, 1]);
  expect(await assistants.setLatest(id, 1)).toMatchObject({ version: 1, metadata: { tag } });
  expect((await assistants.getGraph(id)).nodes.map((node) => node.id)).toEqual(["__start__", "inner", "__end__"]);
  expect(Object.keys((await assistants.getSchemas(id)).state_schema?.properties ?? {})).toEqual(["text", "log"]);
  expect(Object.keys(await assistants.getSubgraphs(id))).toEqual(["inner"]);
  await assistants.delete(id);
  await expect(assistants.get(id)).rejects.toThrow(/^HTTP 404: Assistant not found/);
}

async function threads(connect: Connect): Promise<void> {
  const { threads } = connect();
  const tag = randomUUID();
  const [first, second] = [await threads.create({ metadata: { tag } }), await threads.create({ metadata: { tag } })];
  expect(await threads.get(first.thread_id)).toEqual(first);
  const ids = async (more: object) =>
    (await threads.search({ metadata: { tag }, ...more })).map((one) => one.thread_id);
  expect(await ids({ sortBy: "created_at", sortOrder: "asc" })).toEqual([first.thread_id, second.thread_id]);
  expect(await ids({ limit: 1, offset: 1, sortBy: "created_at", sortOrder: "desc" })).toEqual([first.thread_id]);
  expect(await ids({ ids: [second.thread_id] })).toEqual([second.thread_id]);
  expect(await ids({ status: "busy" })).toEqual([]);
  expect(await threads.count({ metadata: { tag } })).toBe(2);
  expect(await threads.update(first.thread_id, { metadata: { more: 1 } })).toMatchObject({
    metadata: { tag, more: 1 },
  });
  await threads.delete(first.thread_id);
  await expect(threads.get(first.thread_id)).rejects.toThrow(`HTTP 404: Thread with ID ${first.thread_id} not found`);
  await expect(threads.create({ threadId: second.thread_id })).rejects.toThrow(/^HTTP 409/);
  const same = { threadId: second.thread_id, ifExists: "do_nothing" as const };
  expect(await threads.create(same)).toMatchObject({ thread_id: second.thread_id });
}

async function states(connect: Connect): Promise<void> {
  const client = connect();
  const thread_id = await threadOf(client);
  await client.runs.wait(thread_id, "http-words", WORDS);
  const head = await client.threads.getState(thread_id);
  const history = await client.threads.getHistory(thread_id, { limit: 10 });
  expect(history.map(({ next }) => next)).toEqual([[], ["mark"], ["upper"], ["__start__"]]);
  expect(history[0]?.checkpoint).toEqual(head.checkpoint);
  const older = history[1]?.checkpoint;
  expect(await client.threads.getState(thread_id, older as never)).toMatchObject({ next: ["mark"] });
  expect(await client.threads.getState(thread_id, older?.checkpoint_id as string)).toMatchObject({ next: ["mark"] });
  await client.threads.updateState(thread_id, { values: { text: "edited" }, asNode: "upper" });
  expect(await client.threads.getState(thread_id)).toMatchObject({ values: { text: "edited" }, next: ["mark"] });
  const copy = await client.threads.copy(thread_id);
  expect(await client.runs.wait(copy.thread_id, "http-words", { input: null })).toMatchObject({ text: "edited!" });
  expect(await client.threads.getState(thread_id)).toMatchObject({ values: { text: "edited" } });
  const supersteps = [
    { updates: [{ values: { text: "x" }, asNode: "__input__" }] },
    { updates: [{ values: { text: "y" }, asNode: "__start__" }] },
  ];
  const made = await client.threads.create({ graphId: "http-words", supersteps });
  expect(await client.threads.getState(made.thread_id)).toMatchObject({ values: { text: "y" }, next: ["upper"] });
  await client.threads.patchState(thread_id, { a: 1 });
  expect((await client.threads.get(thread_id)).metadata).toMatchObject({ a: 1 });
}

async function runs(connect: Connect): Promise<void> {
  const client = connect();
  const thread_id = await threadOf(client);
  const created: { run_id: string; thread_id?: string }[] = [];
  const watched = { ...WORDS, onRunCreated: (run: { run_id: string }) => void created.push(run) };
  expect(await client.runs.wait(thread_id, "http-words", watched)).toEqual(DONE);
  const { run_id } = created[0] as { run_id: string };
  expect(created).toEqual([{ run_id, thread_id }]);
  const next = await client.runs.create(thread_id, "http-words", { ...WORDS, metadata: { n: 2 } });
  expect(await client.runs.join(thread_id, next.run_id)).toMatchObject({ text: "A!" });
  expect((await client.runs.list(thread_id)).map((run) => run.run_id)).toEqual([next.run_id, run_id]);
  expect(await client.runs.list(thread_id, { status: "pending" })).toEqual([]);
  expect(await client.runs.get(thread_id, next.run_id)).toMatchObject({ status: "success", metadata: { n: 2 } });
  await client.runs.delete(thread_id, next.run_id);
  await expect(client.runs.get(thread_id, next.run_id)).rejects.toThrow(/^HTTP 404/);
  expect(await client.threads.getState(thread_id)).toMatchObject({ values: DONE });
  expect(await client.runs.wait(null, "http-words", WORDS)).toEqual(DONE);
  const batch = await client.runs.createBatch([
    { assistantId: "http-words", ...WORDS },
    { assistantId: "http-words", input: { text: "b" } },
  ]);
  const results = await Promise.all(batch.map((run) => client.runs.join(run.thread_id, run.run_id)));
  expect(results).toEqual([DONE, { ...DONE, text: "B!" }]);
  await expect(client.runs.wait(thread_id, "http-fail", WORDS)).rejects.toThrow("TypeError: Boo!");
  const failed = client.runs.wait(thread_id, "http-fail", { ...WORDS, raiseError: false } as never);
  expect(await failed).toEqual({ __error__: { error: "TypeError", message: "Boo!" } });
}

async function streams(connect: Connect): Promise<void> {
  const client = connect();
  const thread_id = await threadOf(client);
  const options = { ...WORDS, streamMode: ["values", "updates", "custom"], streamResumable: true } as never;
  const live = await parts(client.runs.stream(thread_id, "http-words", options));
  expect(namesOf(live)).toEqual(["metadata", "values", "updates", "values", "custom", "updates", "values"]);
  expect(live.find(({ event }) => event === "custom")?.data).toEqual({ note: "line\u2028separator" });
  const { run_id } = (live[0] as Part).data as { run_id: string };
  const joins = Array.from({ length: 3 }, () => client.runs.joinStream(thread_id, run_id, { lastEventId: "-1" }));
  expect(await Promise.all(joins.map(parts))).toEqual([live, live, live]);
  const after = { lastEventId: live[3]?.id as string };
  expect(await parts(client.runs.joinStream(thread_id, run_id, after))).toEqual(live.slice(4));
  const updates = { streamMode: "updates", lastEventId: "-1" } as const;
  expect(namesOf(await parts(client.runs.joinStream(thread_id, run_id, updates)))).toEqual([
    "metadata",
    "updates",
    "updates",
  ]);
  const input = { messages: [{ role: "human", content: "hi" }] };
  const said = { input, streamMode: ["messages-tuple"], streamSubgraphs: true } as never;
  const talk = await parts(client.runs.stream(null, "http-talk", said));
  const pieces = talk.slice(1).map(({ data }) => (data as { content: string }[])[0]?.content);
  expect(pieces).toEqual(["h", "e", "y"]);
  const failed = await parts(client.runs.stream(null, "http-fail", { ...WORDS, streamMode: "values" }));
  expect(failed.at(-1)).toMatchObject({ event: "error", data: { error: "TypeError", message: "Boo!" } });
}

async function questions(connect: Connect): Promise<void> {
  const client = connect();
  const thread_id = await threadOf(client);
  const input = { text: "sure?" };
  const asked = await parts(client.runs.stream(thread_id, "http-ask", { input, streamMode: ["values", "updates"] }));
  const last = asked.at(-1)?.data as { __interrupt__?: { id: string; value: unknown }[] } | undefined;
  const question = last?.__interrupt__?.[0];
  expect(question).toMatchObject({ value: { question: "sure?" } });
  expect(await client.threads.get(thread_id)).toMatchObject({ status: "interrupted" });
  const state = await client.threads.getState(thread_id);
  expect(state.tasks).toMatchObject([{ name: "ask", interrupts: [question] }]);
  const unknown = { command: { resume: { ["f".repeat(32)]: "yes" } } };
  await expect(client.runs.wait(thread_id, "http-ask", unknown)).rejects.toThrow(/^HTTP 4/);
  const answer = { command: { resume: { [question?.id as string]: "yes" } } };
  expect(await client.runs.wait(thread_id, "http-ask", answer)).toMatchObject({ answers: ["yes"] });
  expect(await client.threads.get(thread_id)).toMatchObject({ status: "idle", interrupts: {} });
  const paused = await threadOf(client);
  await client.runs.wait(paused, "http-words", { ...WORDS, interruptBefore: ["mark"] });
  expect(await client.threads.getState(paused)).toMatchObject({ next: ["mark"] });
  expect(await client.runs.wait(paused, "http-words", { input: null })).toEqual(DONE);
}

async function cancelling(connect: Connect): Promise<void> {
  const client = connect();
  const thread_id = await threadOf(client);
  const first = await client.runs.create(thread_id, "http-wait", WORDS);
  const second = await client.runs.create(thread_id, "http-words", WORDS);
  const rejected = { ...WORDS, multitaskStrategy: "reject" } as const;
  await expect(client.runs.create(thread_id, "http-words", rejected)).rejects.toThrow(/^HTTP 409/);
  const statusOf = async ({ run_id }: { run_id: string }) => (await client.runs.get(thread_id, run_id)).status;
  await until("the first runs", async () => (await statusOf(first)) === "running");
  await client.runs.cancel(thread_id, second.run_id, true);
  expect(await statusOf(second)).toBe("interrupted");
  const watching = parts(client.runs.joinStream(thread_id, first.run_id));
  await client.runs.cancel(thread_id, first.run_id, true);
  expect(await statusOf(first)).toBe("interrupted");
  expect(namesOf(await watching)[0]).toBe("metadata");
  expect(await client.threads.get(thread_id)).toMatchObject({ status: "idle" });
  const stuck = await client.runs.create(thread_id, "http-wait", WORDS);
  const instead = { ...WORDS, multitaskStrategy: "rollback" } as const;
  expect(await client.runs.wait(thread_id, "http-words", instead)).toEqual(DONE);
  await expect(client.runs.get(thread_id, stuck.run_id)).rejects.toThrow(/^HTTP 404/);
}

async function store(connect: Connect): Promise<void> {
  const { store } = connect();
  const namespace = ["clients", randomUUID()];
  await store.putItem(namespace, "k", { colour: "red", n: 1 });
  await store.putItem([...namespace, "deep"], "l", { colour: "blue" });
  expect(await store.getItem(namespace, "k")).toMatchObject({ namespace, key: "k", value: { colour: "red" } });
  expect(await store.getItem(namespace, "nothing")).toBeNull();
  const found = await store.searchItems(namespace, { filter: { colour: "red" } });
  expect(found.items.map(({ key, createdAt }) => [key, typeof createdAt])).toEqual([["k", "string"]]);
  const listed = await store.listNamespaces({ prefix: namespace });
  expect(listed.namespaces.toSorted((one, other) => one.length - other.length)).toEqual([
    namespace,
    [...namespace, "deep"],
  ]);
  await store.deleteItem(namespace, "k");
  expect(await store.getItem(namespace, "k")).toBeNull();
  await expect(store.putItem(["a.b"], "k", {})).rejects.toThrow();
}

async function crons(connect: Connect): Promise<void> {
  const client = connect();
  const thread_id = await threadOf(client);
  const payload = { ...WORDS, schedule: "0 9 * * *" };
  const { cron_id } = (await client.crons.create("http-words", payload)) as unknown as { cron_id: string };
  const onThread = (await client.crons.createForThread(thread_id, "http-words", payload)) as unknown as {
    cron_id: string;
  };
  const found = await client.crons.search({ threadId: thread_id });
  expect(found.map((cron) => cron.cron_id)).toEqual([onThread.cron_id]);
  expect(await client.crons.count({ threadId: thread_id })).toBe(1);
  expect(await client.crons.update(cron_id, { enabled: false })).toMatchObject({ cron_id, enabled: false });
  for (const id of [cron_id, onThread.cron_id]) await client.crons.delete(id);
  expect(await client.crons.search({ threadId: thread_id })).toEqual([]);
}

async function joiningThreads(connect: Connect): Promise<void> {
  const client = connect();
  const thread_id = await threadOf(client);
  const stop = new AbortController();
  const seen: string[] = [];
  const options = { streamMode: ["run_modes"], signal: stop.signal, lastEventId: "-" } as never;
  const following = (async () => {
    for await (const { event } of client.threads.joinStream(thread_id, options) as AsyncIterable<Part>)
      seen.push(event);
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  await client.runs.wait(thread_id, "http-words", WORDS);
  await client.runs.wait(thread_id, "http-words", WORDS);
  await until("both were seen", () => seen.filter((event) => event === "metadata").length >= 2);
  await until("their values were seen", () => seen.filter((event) => event === "values").length >= 6);
  stop.abort();
  await following;
}

async function sendingTwice(connect: Connect): Promise<void> {
  const thread_id = await threadOf(connect());
  const twice = connect({ "idempotency-key": randomUUID() });
  const made = await Promise.all([1, 2].map(() => twice.runs.create(thread_id, "http-words", WORDS)));
  expect(new Set(made.map(({ run_id }) => run_id)).size).toBe(1);
  const joined = await Promise.all(made.map(({ run_id }) => connect().runs.join(thread_id, run_id)));
  expect(joined).toEqual([DONE, DONE]);
  expect(await connect().runs.list(thread_id)).toHaveLength(1);
}

/** What is done, each on its own. */
export const SCENARIO: readonly (readonly [does: string, (connect: Connect) => Promise<void>])[] = [
  ["keeps assistants, their versions and what they look like", assistants],
  ["keeps threads, and finds them again", threads],
  ["reads, edits, copies and writes the states of threads", states],
  ["starts runs, waits for them and joins them", runs],
  ["streams runs to whoever starts, joins or comes back", streams],
  ["is asked questions and answers them", questions],
  ["cancels runs, and starts others instead", cancelling],
  ["keeps things in the store", store],
  ["keeps crons", crons],
  ["follows all runs of a thread", joiningThreads],
  ["starts once what it sends twice with one key", sendingTwice],
];
