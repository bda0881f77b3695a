import { afterAll, beforeAll, expect, it } from "vitest";
import type { GraphSet } from "../../src/graphs/graph-set.ts";
import { createApp } from "../../src/http/app.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
let thread_id: string;
beforeAll(async () => {
  server = await openServer({ writeWaitMs: 50, maxBodyBytes: 10_000 }, { works: false });
  const thread = (await (await server.ask("/threads", { method: "POST", body: {} })).json()) as { thread_id: string };
  thread_id = thread.thread_id;
});
afterAll(async () => await server.close());

async function refused(path: string, body?: unknown, method = body === undefined ? "GET" : "POST") {
  const response = await server.ask(path, { method, body });
  return { status: response.status, code: response.headers.get("x-holdpoint-error"), text: await response.text() };
}

const run = (more: object = {}) => ({ assistant_id: "http-words", input: { text: "x" }, ...more });

it("says which methods an address takes, and what is at none", async () => {
  expect(await refused("/nothing")).toMatchObject({ status: 404, code: "not_found" });
  const response = await server.ask("/threads", { method: "DELETE" });
  expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
});

it("answers in plain text where the LangGraph clients ask, and in JSON elsewhere", async () => {
  const missing = crypto.randomUUID();
  expect(await refused(`/threads/${missing}`)).toEqual({
    status: 404,
    code: "not_found",
    text: `Thread with ID ${missing} not found`,
  });
  const own = await refused(`/reviews/${missing}`);
  expect(JSON.parse(own.text)).toEqual({
    error: { code: "not_found", message: `Review ${missing} not found`, facts: {}, retryable: false },
  });
});

it("refuses ids that are none", async () => {
  for (const path of [
    "/threads/x",
    "/threads/x/state",
    "/threads/x/runs",
    `/threads/${thread_id}/runs/x`,
    "/reviews/x",
    "/reviews/x/audit",
  ]) {
    expect([path, await refused(path)]).toEqual([path, expect.objectContaining({ status: 422, code: "invalid" })]);
  }
  expect(await refused("/threads/a%00b")).toMatchObject({ status: 422 });
  expect(await refused("/reviews?graph_id=%00")).toMatchObject({ status: 422 });
  expect(await refused(`/threads/${thread_id}/runs/${crypto.randomUUID()}`)).toMatchObject({ status: 404 });
});

it("refuses bodies that are too large, too deep, not JSON or not sent as JSON", async () => {
  expect(await refused("/threads", { metadata: { a: "x".repeat(20_000) } })).toMatchObject({ status: 413 });
  expect(await refused("/threads", "[".repeat(9_000))).toMatchObject({ status: 422 });
  expect(await refused("/threads", `{"metadata":${'{"a":'.repeat(300)}1${"}".repeat(301)}`)).toMatchObject({
    status: 422,
  });
  expect(await refused("/threads", "{nope")).toMatchObject({ status: 400, code: "bad_request" });
  const form = await server.ask("/threads", {
    method: "POST",
    body: "a=1",
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  expect(form.status).toBe(415);
});

it("refuses metadata that the database cannot hold, and keeps such text in input and values", async () => {
  for (const text of ["a\0b", "\ud800", "x\udc00y"]) {
    expect(await refused("/threads", { metadata: { text } })).toMatchObject({ status: 422 });
    expect(await refused(`/threads/${thread_id}/runs`, run({ metadata: { text } }))).toMatchObject({ status: 422 });
  }
  const { thread_id: own } = (await (await server.ask("/threads", { method: "POST", body: {} })).json()) as {
    thread_id: string;
  };
  const created = await server.ask(`/threads/${own}/runs`, {
    method: "POST",
    body: run({ input: { text: "a\0\ud800" } }),
  });
  expect(created.status).toBe(200);
  expect(((await created.json()) as { kwargs: { input: unknown } }).kwargs.input).toEqual({ text: "a\0\ud800" });
});

it("refuses input that does not fit the graph, naming where, and creates nothing", async () => {
  const answer = await refused(`/threads/${thread_id}/runs/wait`, run({ input: { text: 5 } }));
  expect(answer).toMatchObject({ status: 422, text: expect.stringContaining("/input/text") });
  expect(await refused(`/threads/${thread_id}/runs`, run({ input: "text" }))).toMatchObject({ status: 422 });
  expect(await refused(`/threads/${thread_id}/runs`, { input: {} })).toMatchObject({
    status: 422,
    text: expect.stringContaining("/assistant_id"),
  });
  expect(await (await server.ask(`/threads/${thread_id}/runs`)).json()).toEqual([]);
});

it("refuses what is not served instead of doing something else", async () => {
  const runs = `/threads/${thread_id}/runs`;
  for (const more of [{ multitask_strategy: "overtake" }, { timeout: 0 }, { stream_mode: "everything" }]) {
    expect([more, await refused(runs, run(more))]).toEqual([more, expect.objectContaining({ status: 422 })]);
  }
  expect(await refused("/threads/search", { limit: 1001 })).toMatchObject({ status: 422 });
  expect(await refused("/reviews?limit=1001")).toMatchObject({ status: 422 });
  expect(await refused("/reviews?offset=-1")).toMatchObject({ status: 422 });
  expect(await refused("/reviews?offset=99999999999")).toMatchObject({ status: 422 });
  expect(await refused(`/threads/${thread_id}/history`, { before: "x" })).toMatchObject({ status: 422 });
});

it("names an assistant that is unknown, and the fault of a file that is broken", async () => {
  expect(await refused(`/threads/${thread_id}/runs`, run({ assistant_id: "nothing" }))).toMatchObject({
    status: 404,
    text: expect.stringContaining('No assistant found for "nothing": it is no assistant and no graph; graphs: '),
  });
  const broken: GraphSet = {
    graphs: new Map(),
    errors: [{ path: "workflows/http-words.ts", line: 3, message: "unexpected token" }],
  };
  const app = createApp({ ...server.deps, graphs: () => broken });
  const ask = (path: string, body?: unknown) =>
    app.fetch(
      new Request(
        `http://127.0.0.1${path}`,
        body === undefined
          ? {}
          : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
      ),
    );
  const byName = await ask(`/threads/${thread_id}/runs`, run());
  expect([byName.status, await byName.text()]).toEqual([
    404,
    expect.stringContaining("workflows/http-words.ts:3: unexpected token"),
  ]);
  const { assistant_id } = (await (await server.ask("/assistants/http-words")).json()) as { assistant_id: string };
  const byId = await ask(`/threads/${thread_id}/runs`, run({ assistant_id }));
  expect([byId.status, await byId.text()]).toEqual([
    404,
    expect.stringContaining("workflows/http-words.ts:3: unexpected token"),
  ]);
});

it("takes a state edit back that no worker wants, and refuses one on a busy thread", async () => {
  const { thread_id: own } = (await (
    await server.ask("/threads", { method: "POST", body: { metadata: { graph_id: "http-words" } } })
  ).json()) as {
    thread_id: string;
  };
  const edit = { values: { text: "a" }, as_node: "upper" };
  expect(await refused(`/threads/${own}/state`, edit)).toMatchObject({ status: 503, code: "no_worker" });
  await server.ask(`/threads/${own}/runs`, { method: "POST", body: run() });
  expect(await refused(`/threads/${own}/state`, edit)).toMatchObject({ status: 409, code: "thread_busy" });
  expect(await refused(`/threads/${own}/copy`, {})).toMatchObject({ status: 409, code: "thread_busy" });
  expect(await refused(`/threads/${thread_id}/state`, edit)).toMatchObject({ status: 400 });
});

it("says nothing about a fault of its own but the id under which it is logged", async () => {
  const app = createApp({
    ...server.deps,
    isReady: () => {
      throw new Error("a secret");
    },
  });
  const response = await app.fetch(new Request("http://127.0.0.1/readyz"));
  expect([response.status, await response.text()]).toEqual([500, "Internal Server Error"]);
  expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
});
