import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterAll(async () => await server.close());

async function collect<Part>(parts: AsyncIterable<Part>): Promise<Part[]> {
  const all: Part[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

it("finds each graph's own assistant by search, by graph name and by the id that clients derive", async () => {
  const { assistants } = server.client;
  const [found] = await assistants.search({ graphId: "http-words", limit: 10 });
  expect(found).toMatchObject({ graph_id: "http-words", name: "http-words", version: 1 });
  expect(await assistants.get("http-words")).toEqual(found);
  expect(await assistants.get(found?.assistant_id as string)).toEqual(found);
  expect(await assistants.count({ graphId: "http-words" })).toBe(1);
  await expect(assistants.get("http-nothing")).rejects.toThrow(/HTTP 404: Assistant not found/);
});

it("creates, finds, labels and lists threads", async () => {
  const { threads } = server.client;
  const tag = randomUUID();
  const thread = await threads.create({ metadata: { tag } });
  expect(thread).toMatchObject({ status: "idle", metadata: { tag }, interrupts: {} });
  await threads.update(thread.thread_id, { metadata: { more: 1 } });
  expect(await threads.get(thread.thread_id)).toMatchObject({ metadata: { tag, more: 1 } });
  expect(await threads.search({ metadata: { tag } })).toHaveLength(1);
  await expect(threads.create({ threadId: thread.thread_id })).rejects.toThrow(/HTTP 409/);
  expect(await threads.create({ threadId: thread.thread_id, ifExists: "do_nothing" })).toMatchObject({
    thread_id: thread.thread_id,
  });
  const missing = randomUUID();
  await expect(threads.get(missing)).rejects.toThrow(`HTTP 404: Thread with ID ${missing} not found`);
});

it("waits for a run and answers with its last values", async () => {
  const { thread_id } = await server.client.threads.create();
  let created: { run_id: string } | undefined;
  const values = await server.client.runs.wait(thread_id, "http-words", {
    input: { text: "a" },
    onRunCreated: (run) => {
      created = run;
    },
  });
  expect(values).toEqual({ text: "A!", log: ["upper", "mark"] });
  const run = await server.client.runs.get(thread_id, created?.run_id as string);
  expect(run).toMatchObject({ status: "success", thread_id });
  expect(await server.client.runs.list(thread_id)).toEqual([run]);
  expect(await server.client.threads.get(thread_id)).toMatchObject({ status: "idle", values });
});

it("creates the thread of a run when asked to, and refuses otherwise", async () => {
  const missing = randomUUID();
  const input = { text: "a" };
  await expect(server.client.runs.create(missing, "http-words", { input })).rejects.toThrow(/HTTP 404: Thread with ID/);
  await server.client.runs.wait(missing, "http-words", { input, ifNotExists: "create" });
  expect(await server.client.threads.get(missing)).toMatchObject({ metadata: { graph_id: "http-words" } });
});

it("streams only the modes that were asked for, metadata first, and separators in one line", async () => {
  const { thread_id } = await server.client.threads.create();
  const parts = await collect(
    server.client.runs.stream(thread_id, "http-words", { input: { text: "b" }, streamMode: ["updates", "custom"] }),
  );
  expect(parts.map(({ event }) => event)).toEqual(["metadata", "updates", "custom", "updates"]);
  expect(parts[0]?.data).toMatchObject({ attempt: 1 });
  expect(parts[2]?.data).toEqual({ note: "line\u2028separator" });
});

it("replays a finished run from the start or after an event", async () => {
  const { thread_id } = await server.client.threads.create();
  const { run_id } = await server.client.runs.create(thread_id, "http-words", {
    input: { text: "c" },
    streamMode: ["values"],
  });
  expect(await server.client.runs.join(thread_id, run_id)).toEqual({ text: "C!", log: ["upper", "mark"] });
  const all = await collect(server.client.runs.joinStream(thread_id, run_id, { lastEventId: "-1" }));
  // As it was asked for when it was started.
  expect(new Set(all.map(({ event }) => event))).toEqual(new Set(["metadata", "values"]));
  const values = all.filter(({ event }) => event === "values");
  expect(values.at(-1)?.data).toEqual({ text: "C!", log: ["upper", "mark"] });
  const lastEventId = values.at(-2)?.id as string;
  const rest = await collect(server.client.runs.joinStream(thread_id, run_id, { lastEventId, streamMode: "values" }));
  expect(rest.filter(({ event }) => event === "values")).toEqual(values.slice(-1));
});

it("says what went wrong in a failed run: as a result, as an error frame and on the thread", async () => {
  const { thread_id } = await server.client.threads.create();
  const input = { text: "x" };
  await expect(server.client.runs.wait(thread_id, "http-fail", { input })).rejects.toThrow("TypeError: Boo!");
  const parts = await collect(server.client.runs.stream(thread_id, "http-fail", { input }));
  expect(parts.at(-1)).toMatchObject({ event: "error", data: { error: "TypeError", message: "Boo!" } });
  expect(await server.client.threads.get(thread_id)).toMatchObject({ status: "error", error: { message: "Boo!" } });
  expect(await server.client.threads.getState(thread_id)).toMatchObject({ tasks: [{ error: "TypeError: Boo!" }] });
});

it("cancels a running run and a queued one", async () => {
  const { thread_id } = await server.client.threads.create();
  const input = { text: "x" };
  const first = await server.client.runs.create(thread_id, "http-wait", { input });
  const second = await server.client.runs.create(thread_id, "http-wait", { input });
  await expect(
    server.client.runs.create(thread_id, "http-wait", { input, multitaskStrategy: "reject" }),
  ).rejects.toThrow(/HTTP 409: thread .* is busy/);
  await server.client.runs.cancel(thread_id, second.run_id, true);
  expect(await server.client.runs.get(thread_id, second.run_id)).toMatchObject({ status: "interrupted" });
  await server.client.runs.cancel(thread_id, first.run_id, true);
  expect(await server.client.runs.get(thread_id, first.run_id)).toMatchObject({ status: "interrupted" });
  expect(await server.client.threads.get(thread_id)).toMatchObject({ status: "idle" });
});

it("gives state, history and the state at a checkpoint, with messages as the clients know them", async () => {
  const { thread_id } = await server.client.threads.create();
  expect(await server.client.threads.getState(thread_id)).toMatchObject({ values: {}, next: [], tasks: [] });
  expect(await server.client.threads.getHistory(thread_id)).toEqual([]);
  const { run_id } = await server.client.runs.create(thread_id, "http-chat", {
    input: { messages: [{ role: "human", content: "hi" }] },
    metadata: { label: "mine" },
  });
  await server.client.runs.join(thread_id, run_id);
  const state = await server.client.threads.getState<{ messages: { type: string; content: string }[] }>(thread_id);
  expect(state.values.messages.map(({ type, content }) => [type, content])).toEqual([
    ["human", "hi"],
    ["ai", "hello"],
  ]);
  expect(state).toMatchObject({ next: [], metadata: { run_id, label: "mine", graph_id: "http-chat" } });
  const history = await server.client.threads.getHistory(thread_id, { limit: 10 });
  expect(history.map(({ next }) => next)).toEqual([[], ["reply"], ["__start__"]]);
  expect(history[0]?.checkpoint).toEqual(state.checkpoint);
  expect(history[0]?.parent_checkpoint).toEqual(history[1]?.checkpoint);
  const before = await server.client.threads.getHistory(thread_id, { before: history[0]?.checkpoint as never });
  expect(before).toHaveLength(2);
  expect(await server.client.threads.getHistory(thread_id, { metadata: { label: "other" } })).toEqual([]);
  const older = await server.client.threads.getState(thread_id, history[1]?.checkpoint.checkpoint_id as string);
  expect(older).toMatchObject({ next: ["reply"] });
  const same = await server.client.threads.getState(thread_id, history[1]?.checkpoint as never);
  expect(same.checkpoint).toEqual(older.checkpoint);
});

it("shows a subgraph's state when asked to", async () => {
  const { thread_id } = await server.client.threads.create();
  const parts = await collect(
    server.client.runs.stream(thread_id, "http-nested", {
      input: { text: "d" },
      streamMode: "values",
      streamSubgraphs: true,
    }),
  );
  expect(parts.some(({ event }) => /^values\|inner:/.test(event))).toBe(true);
  expect(await server.client.threads.getState(thread_id, undefined, { subgraphs: true })).toMatchObject({ next: [] });
});

it("edits the state of an unguarded graph and answers with the new head", async () => {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "http-words", { input: { text: "e" } });
  const updated = (await server.client.threads.updateState(thread_id, {
    values: { text: "edited" },
    asNode: "upper",
  })) as unknown as { checkpoint: { checkpoint_id: string } };
  const state = await server.client.threads.getState(thread_id);
  expect(state).toMatchObject({ values: { text: "edited" }, next: ["mark"] });
  expect(state.checkpoint).toMatchObject({ checkpoint_id: updated.checkpoint.checkpoint_id });
  await expect(server.client.threads.updateState(thread_id, { values: {}, asNode: "nobody" })).rejects.toThrow(
    /HTTP 422: .*"nobody" is no node/,
  );
  expect(await server.client.runs.list(thread_id)).toHaveLength(1);
  const values = await server.client.runs.wait(thread_id, "http-words", { input: null });
  expect(values).toMatchObject({ text: "edited!" });
});

it("reads, edits and runs again a graph that a factory made as the first run said", async () => {
  const { assistants, runs, threads } = server.client;
  const { assistant_id } = await assistants.create({ graphId: "http-made", config: { configurable: { node: "ana" } } });
  const { thread_id } = await threads.create();
  expect(await runs.wait(thread_id, assistant_id, { input: {} })).toEqual({ by: "ana" });
  expect((await threads.get(thread_id)).config).toEqual({ configurable: { node: "ana" } });
  await threads.updateState(thread_id, { values: { by: "edit" }, asNode: "ana" });
  expect(await threads.getState(thread_id)).toMatchObject({ values: { by: "edit" }, next: [] });
  const unknown = { values: { by: "edit" }, asNode: "nobody" };
  await expect(threads.updateState(thread_id, unknown)).rejects.toThrow(/HTTP 422: .*"nobody" is no node.*: ana/);
  expect(await runs.wait(thread_id, "http-made", { input: {} })).toEqual({ by: "ana" });
  const config = { configurable: { node: "ben" } };
  expect(await runs.wait(thread_id, "http-made", { input: {}, config })).toEqual({ by: "ben" });
});

it("goes on from an older checkpoint", async () => {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "http-words", { input: { text: "f" } });
  const history = await server.client.threads.getHistory<{ text: string }>(thread_id);
  const fork = history.find(({ next }) => next[0] === "mark");
  const values = await server.client.runs.wait(thread_id, "http-words", {
    input: null,
    checkpointId: fork?.checkpoint.checkpoint_id as string,
  });
  expect(values).toMatchObject({ text: "F!" });
  const [head] = await server.client.threads.getHistory(thread_id);
  expect(history.map(({ checkpoint }) => checkpoint.checkpoint_id)).not.toContain(head?.checkpoint.checkpoint_id);
});

it("copies a thread with its state", async () => {
  const { thread_id } = await server.client.threads.create({ metadata: { tag: "original" } });
  await server.client.runs.wait(thread_id, "http-words", { input: { text: "g" } });
  const copy = await server.client.threads.copy(thread_id);
  expect(copy.thread_id).not.toBe(thread_id);
  expect(await server.client.threads.getState(copy.thread_id)).toMatchObject({ values: { text: "G!" } });
});

it("pauses at a plain interrupt() and goes on with the answer", async () => {
  const { thread_id } = await server.client.threads.create();
  const asked = (await server.client.runs.wait(thread_id, "http-ask", { input: { text: "sure?" } })) as {
    __interrupt__: { id: string; value: unknown }[];
  };
  expect(asked.__interrupt__).toMatchObject([{ value: { question: "sure?" } }]);
  const thread = await server.client.threads.get(thread_id);
  expect(thread.status).toBe("interrupted");
  expect(Object.values(thread.interrupts).flat()).toMatchObject([{ id: asked.__interrupt__[0]?.id }]);
  const state = await server.client.threads.getState(thread_id);
  expect(state).toMatchObject({ next: ["ask"], tasks: [{ name: "ask", interrupts: asked.__interrupt__ }] });
  const values = await server.client.runs.wait(thread_id, "http-ask", {
    input: {},
    command: { resume: { [asked.__interrupt__[0]?.id as string]: "yes" } },
  });
  expect(values).toMatchObject({ answers: ["yes"] });
});

it("takes null as an answer, and a bare value for the only question", async () => {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "http-ask", { input: { text: "sure?" } });
  const values = await server.client.runs.wait(thread_id, "http-ask", { command: { resume: null } });
  expect(values).toMatchObject({ answers: [null] });
});

it("answers one of two questions with the rest, twice when asked twice, and goes on with the last", async () => {
  const { thread_id } = await server.client.threads.create();
  const asked = (await server.client.runs.wait(thread_id, "http-ask-twice", { input: { text: "?" } })) as {
    __interrupt__: { id: string; value: unknown }[];
  };
  const [left, right] = ["left?", "right?"].map((text) => asked.__interrupt__.find(({ value }) => value === text)?.id);
  await expect(server.client.runs.wait(thread_id, "http-ask-twice", { command: { resume: 1 } })).rejects.toThrow(
    /HTTP 409: 2 questions are open/,
  );
  const answerLeft = { command: { resume: { [left as string]: "l" } } };
  const rest = { __interrupt__: [{ id: right, value: "right?" }] };
  expect(await server.client.runs.wait(thread_id, "http-ask-twice", answerLeft)).toEqual(rest);
  expect(await server.client.runs.wait(thread_id, "http-ask-twice", answerLeft)).toEqual(rest);
  const values = (await server.client.runs.wait(thread_id, "http-ask-twice", {
    command: { resume: { [right as string]: "r" } },
  })) as { answers: unknown[] };
  expect(values.answers.toSorted()).toEqual(["l", "r"]);
});

it("passes a static breakpoint with an empty input, which is an approval", async () => {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "http-words", { input: { text: "h" }, interruptBefore: ["mark"] });
  expect(await server.client.threads.get(thread_id)).toMatchObject({ status: "interrupted" });
  const values = await server.client.runs.wait(thread_id, "http-words", { input: null });
  expect(values).toMatchObject({ text: "H!" });
  const reviews = (await (await server.ask(`/reviews?thread_id=${thread_id}`)).json()) as {
    flavour: string;
    status: string;
  }[];
  expect(reviews).toMatchObject([{ flavour: "breakpoint", status: "closed" }]);
});

it("patches a thread's metadata by its state, as the clients call it, and no value of it", async () => {
  const { threads } = server.client;
  const { thread_id } = await threads.create({ metadata: { a: 1 } });
  await server.client.runs.wait(thread_id, "http-words", { input: { text: "h" } });
  const before = await threads.getState(thread_id);
  await threads.patchState({ configurable: { thread_id } }, { b: 2 });
  expect((await threads.get(thread_id)).metadata).toMatchObject({ a: 1, b: 2 });
  expect(await threads.getState(thread_id)).toEqual(before);
  await expect(threads.patchState(crypto.randomUUID(), { b: 2 })).rejects.toThrow(/HTTP 404: Thread with ID/);
  await expect(threads.patchState(thread_id, { b: "\0" })).rejects.toThrow(/HTTP 422/);
});
