import { randomUUID } from "node:crypto";
import { RemoteGraph } from "@langchain/langgraph/remote";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { sweepThreadTtl } from "../../src/runtime/thread-ttl.ts";
import { collect } from "../support/collect.ts";
import { until } from "../support/until.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterAll(async () => await server.close());

const WORDS = { assistant_id: "http-words", input: { text: "a" } };
const runs = () => server.client.runs;
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  server.ask(path, { method: "POST", body, headers });

async function sweep(): Promise<void> {
  // Bound: every look puts off what it has looked at.
  while ((await sweepThreadTtl(server.house.parts)) > 0);
}

it("waits for a run that has no thread, and says where it is", async () => {
  let created: { run_id: string; thread_id?: string } | undefined;
  const values = await runs().wait(null, "http-words", {
    input: { text: "a" },
    onRunCreated: (run) => {
      created = run;
    },
  });
  expect(values).toEqual({ text: "A!", log: ["upper", "mark"] });
  expect(created?.run_id).toMatch(/^[0-9a-f-]{36}$/);
  const response = await post("/runs/wait", WORDS);
  expect(response.headers.get("content-location")).toMatch(/^\/runs\/[0-9a-f-]{36}$/);
  expect(response.headers.get("location")).toMatch(/^\/threads\/[0-9a-f-]{36}\/runs\/[0-9a-f-]{36}\/join$/);
  expect(JSON.parse(await response.text())).toEqual(values);
});

it("streams a run that has no thread, and shows it again to who comes back", async () => {
  const all = await collect(runs().stream(null, "http-words", { input: { text: "b" }, streamMode: "values" }));
  expect(all.map(({ event }) => event)).toEqual(["metadata", "values", "values", "values"]);
  const { run_id } = (all[0] as { data: unknown }).data as { run_id: string };
  const again = await collect(runs().joinStream(null, run_id, { streamMode: "values" }));
  expect(again.map(({ event, data }) => [event, data])).toEqual(all.map(({ event, data }) => [event, data]));
  const joined = await server.ask(`/runs/${run_id}/join`);
  expect(JSON.parse(await joined.text())).toEqual({ text: "B!", log: ["upper", "mark"] });
  const response = await post("/runs/stream", WORDS);
  await response.text();
  expect(response.headers.get("location")).toMatch(/^\/threads\/[0-9a-f-]{36}\/runs\/[0-9a-f-]{36}\/stream/);
});

it("serves a remote graph without a thread", async () => {
  const remote = new RemoteGraph({ graphId: "http-words", url: server.listening.url, apiKey: "" });
  expect(await remote.invoke({ text: "c" })).toEqual({ text: "C!", log: ["upper", "mark"] });
  const updates = await collect(await remote.stream({ text: "d" }, { streamMode: "updates" }));
  expect(updates.map((update) => Object.keys(update as object))).toEqual([["upper"], ["mark"]]);
});

it("ends the thread of such a run soon after it, and shows it to nobody who lists threads", async () => {
  const run = await runs().create(null, "http-words", { input: { text: "a" } });
  await runs().join(run.thread_id, run.run_id);
  const kept = await runs().create(null, "http-words", { input: { text: "a" }, onCompletion: "keep" as never });
  await runs().join(kept.thread_id, kept.run_id);
  const listed = (await server.client.threads.search({ limit: 1000 })).map(({ thread_id }) => thread_id);
  expect(listed).toContain(kept.thread_id);
  expect(listed).not.toContain(run.thread_id);
  expect(await server.client.threads.get(run.thread_id)).toMatchObject({ status: "idle" });
  await sweep();
  expect(await runs().get(run.thread_id, run.run_id)).toMatchObject({ status: "success" });
  await server.house.pass(11 * 60);
  // The worker may be at it too.
  await until("its thread is gone", async () => {
    await sweep();
    return (await server.ask(`/threads/${run.thread_id}`)).status === 404;
  });
  expect((await server.ask(`/runs/${run.run_id}/stream`)).status).toBe(404);
  expect(await server.client.threads.get(kept.thread_id)).toMatchObject({ status: "idle" });
});

it("keeps the thread of a run that waits for a person, where it is answered", async () => {
  const asked = (await runs().wait(null, "http-pay", { input: { amount: 5 } })) as { __interrupt__?: unknown[] };
  expect(asked.__interrupt__).toHaveLength(1);
  await server.house.pass(3600);
  await sweep();
  const [review] = (await (await server.ask("/reviews?status=open&graph_id=http-pay")).json()) as ReviewTask[];
  const thread_id = review?.thread_id as string;
  const listed = await server.client.threads.search({ status: "interrupted" });
  expect(listed.map((thread) => thread.thread_id)).toContain(thread_id);
  const body = { decisions: [{ type: "approve" }], seen_digest: review?.request_digest };
  const decided = await post(`/reviews/${review?.id}/decision`, body);
  const { run_id } = (await decided.json()) as { run_id: string };
  expect(await runs().join(thread_id, run_id)).toMatchObject({ result: "paid 5" });
});

it("starts many runs at once, as the official client names what they are", async () => {
  const batch = await runs().createBatch([
    { assistantId: "http-words", input: { text: "a" }, streamMode: ["updates"], metadata: { n: 1 } } as never,
    { assistantId: "http-words", input: { text: "b" }, onCompletion: "keep" } as never,
  ]);
  expect(batch).toHaveLength(2);
  expect(batch[0]).toMatchObject({ metadata: { n: 1 }, kwargs: { stream_mode: ["updates"] } });
  expect(batch[0]?.thread_id).not.toBe(batch[1]?.thread_id);
  for (const { thread_id, run_id } of batch) {
    expect(await runs().join(thread_id, run_id)).toMatchObject({ log: ["upper", "mark"] });
  }
});

it("starts nothing of a batch in which anything is wrong, and each run once that comes twice with one key", async () => {
  const number = async () =>
    Number((await server.house.database.pool.query("select count(*) as n from holdpoint.run")).rows[0].n);
  const before = await number();
  const good = WORDS;
  for (const bad of [
    { ...good, assistant_id: "nobody" },
    { ...good, streamMode: "everything" },
    { ...good, command: { resume: 1 } },
    5,
    null,
    [],
  ]) {
    expect((await post("/runs/batch", [good, bad])).status).toBeGreaterThanOrEqual(400);
  }
  expect((await post("/runs/batch", [])).status).toBe(422);
  expect((await post("/runs/batch", {})).status).toBe(422);
  expect((await post("/runs/batch", Array(101).fill(good))).status).toBe(422);
  expect(await number()).toBe(before);
  const key = { "idempotency-key": randomUUID() };
  const first = (await (await post("/runs/batch", [good, good], key)).json()) as { run_id: string }[];
  const second = (await (await post("/runs/batch", [good, good], key)).json()) as { run_id: string }[];
  expect(second.map(({ run_id }) => run_id)).toEqual(first.map(({ run_id }) => run_id));
  expect(new Set(first.map(({ run_id }) => run_id)).size).toBe(2);
  expect(await number()).toBe(before + 2);
  expect((await post("/runs/batch", [good], key)).status).toBe(422);
});

it("makes one run of two equal requests with one key", async () => {
  const headers = { "idempotency-key": randomUUID() };
  const [one, other] = await Promise.all([post("/runs", WORDS, headers), post("/runs", WORDS, headers)]);
  expect(((await one.json()) as { run_id: string }).run_id).toBe(((await other.json()) as { run_id: string }).run_id);
});

it("cancels such a run when who waits for it hangs up and wants that", async () => {
  const stop = new AbortController();
  const body = JSON.stringify({ ...WORDS, assistant_id: "http-wait", on_disconnect: "cancel" });
  const headers = { "content-type": "application/json" };
  const init = { method: "POST", body, headers, signal: stop.signal };
  const response = await fetch(`${server.listening.url}/runs/stream`, init);
  const run_id = String(response.headers.get("content-location")).split("/").at(-1) as string;
  await until("it runs", async () => (await server.house.run(run_id)).status === "running");
  stop.abort();
  await until("it is cancelled", async () => (await server.house.run(run_id)).status === "interrupted");
});

it.each([
  ["POST", "/runs", {}, 422],
  ["POST", "/runs", { assistant_id: "nobody" }, 404],
  ["POST", "/runs", { ...WORDS, command: { resume: "yes" } }, 422],
  ["POST", "/runs/wait", { ...WORDS, on_completion: "burn" }, 422],
  ["POST", "/runs/stream", { ...WORDS, stream_mode: ["values", "everything"] }, 422],
  ["POST", "/runs/stream", { ...WORDS, input: { text: 5 } }, 422],
  ["POST", "/runs", "[[[", 400],
  ["GET", "/runs/x/stream", undefined, 422],
  ["GET", `/runs/${randomUUID()}/stream`, undefined, 404],
  ["GET", `/runs/${randomUUID()}/join`, undefined, 404],
] as [string, string, unknown, number][])("answers %s %s of %j with %i", async (method, path, body, status) => {
  expect((await server.ask(path, { method, body })).status).toBe(status);
});

it("lets nobody start, follow or find a run who may not, and none of another tenant's", async () => {
  const reader = { "x-api-key": await server.key("reader", ["runs:read"]) };
  for (const path of ["/runs", "/runs/wait", "/runs/stream", "/runs/batch"]) {
    expect((await post(path, WORDS, reader)).status).toBe(403);
  }
  const run = await runs().create(null, "http-words", { input: { text: "a" } });
  await runs().join(run.thread_id, run.run_id);
  await server.house.database.pool.query("update holdpoint.thread set tenant_id = 'elsewhere' where thread_id = $1", [
    run.thread_id,
  ]);
  await server.house.database.pool.query("update holdpoint.run set tenant_id = 'elsewhere' where run_id = $1", [
    run.run_id,
  ]);
  for (const what of ["stream", "join"]) expect((await server.ask(`/runs/${run.run_id}/${what}`)).status).toBe(404);
});

it("tells messages as they are written, and once as a whole", async () => {
  const input = { messages: [{ role: "human", content: "hi", id: "h1" }] };
  const parts = await collect(runs().stream(null, "http-talk", { input, streamMode: ["messages"] }));
  expect(parts.map(({ event }) => event)).toEqual([
    "metadata",
    "messages/complete",
    "messages/metadata",
    "messages/partial",
    "messages/partial",
    "messages/partial",
    "messages/complete",
  ]);
  const contents = parts.map(({ data }) => (Array.isArray(data) ? data.map(({ content }) => content).join() : null));
  expect(contents).toEqual([null, "hi", null, "h", "he", "hey", "hey"]);
  const [id] = Object.keys(parts[2]?.data as object);
  const [partial] = (parts[3] as { data: unknown }).data as object[];
  expect(partial).toMatchObject({ id, type: "ai" });
  expect(Object.values(parts[2]?.data as object)[0]).toMatchObject({
    metadata: { langgraph_node: "write" },
  });
});

it("tells tuples of messages beside them, and what tools do", async () => {
  const input = { messages: [{ role: "human", content: "hi" }] };
  const streamMode = ["messages", "messages-tuple", "tools"] as never;
  const parts = await collect(runs().stream(null, "http-talk", { input, streamMode }));
  const events = parts.map(({ event }) => event as string);
  expect(events.filter((event) => event === "messages")).toHaveLength(3);
  expect(events.filter((event) => event === "messages/partial")).toHaveLength(3);
  const tools = parts
    .filter(({ event }) => (event as string) === "tools")
    .map(({ data }) => (data as { event: string }).event);
  expect(tools).toEqual(["on_tool_start", "on_tool_end"]);
});

it("streams all ten modes at once, live and again", async () => {
  const input = { messages: [{ role: "human", content: "hi" }] };
  const modes = "values updates messages messages-tuple custom tasks checkpoints debug events tools".split(" ");
  const { thread_id } = await server.client.threads.create();
  const streamMode = modes as never;
  const live = await collect(runs().stream(thread_id, "http-talk", { input, streamMode }));
  const names = new Set(live.map(({ event }) => (event as string).split("/")[0]));
  expect([...names].toSorted()).toEqual(
    "checkpoints debug events messages metadata tasks tools updates values".split(" "),
  );
  const { run_id } = (live[0] as { data: unknown }).data as { run_id: string };
  const again = await collect(runs().joinStream(thread_id, run_id, { streamMode, lastEventId: "-1" }));
  expect(again).toEqual(live);
  for (const mode of modes) {
    const alone = await collect(runs().joinStream(thread_id, run_id, { streamMode: [mode] as never }));
    expect([mode, alone.length > (mode === "custom" ? 0 : 1)]).toEqual([mode, true]);
  }
});

it("shows only what happens in the subgraphs that are named, also to who comes back", async () => {
  const { thread_id } = await server.client.threads.create();
  const input = { text: "a" };
  const options = { input, streamMode: ["values"], streamSubgraphs: true } as const;
  const eventsOf = (parts: { event: unknown }[]) => parts.map(({ event }) => String(event));
  const root = await collect(runs().stream(thread_id, "http-nested", { ...options, streamNamespaces: [""] } as never));
  expect(eventsOf(root)).toEqual(["metadata", "values", "values"]);
  const { run_id } = (root[0] as { data: unknown }).data as { run_id: string };
  const whole = await collect(runs().joinStream(thread_id, run_id, { streamMode: "values" }));
  const inner = eventsOf(whole).find((event) => event.startsWith("values|inner:")) as string;
  const [, namespace] = inner.split("|") as [string, string];
  const join = (streamNamespaces: string[]) =>
    collect(runs().joinStream(thread_id, run_id, { streamMode: "values", streamNamespaces } as never));
  const inside = eventsOf(await join([namespace]));
  expect(new Set(inside)).toEqual(new Set(["metadata", inner]));
  expect(eventsOf(await join(["", namespace]))).toEqual(eventsOf(whole));
  expect(eventsOf(await join(["nobody"]))).toEqual(["metadata"]);
  const path = `/threads/${thread_id}/runs/${run_id}/stream`;
  const response = await server.ask(`${path}?stream_mode=values&namespace=&namespace=${encodeURIComponent(namespace)}`);
  await response.text();
  expect(response.headers.get("location")).toContain(`namespace=&namespace=${encodeURIComponent(namespace)}`);
  const long = `namespace=${"x".repeat(1_001)}`;
  expect((await server.ask(`${path}?${long}`)).status).toBe(422);
  const before = await runs().list(thread_id, { limit: 100 });
  expect((await post(`/threads/${thread_id}/runs/stream?${long}`, WORDS)).status).toBe(422);
  expect((await post(`/runs/stream?${long}`, WORDS)).status).toBe(422);
  expect(await runs().list(thread_id, { limit: 100 })).toEqual(before);
});

it("lists of runs only what is asked for", async () => {
  const { thread_id } = await server.client.threads.create();
  await runs().wait(thread_id, "http-words", { input: { text: "a" } });
  const run = await runs().create(thread_id, "http-words", { input: { text: "b" } });
  await runs().join(thread_id, run.run_id);
  const select = ["run_id", "status"] as never;
  expect(await runs().list(thread_id, { limit: 1, select })).toEqual([{ run_id: run.run_id, status: "success" }]);
  const page = await server.ask(`/threads/${thread_id}/runs?limit=1&select=["run_id"]`);
  expect([await page.json(), page.headers.get("x-pagination-next")]).toEqual([[{ run_id: run.run_id }], "1"]);
  expect((await server.ask(`/threads/${thread_id}/runs?select=lease`)).status).toBe(422);
});
