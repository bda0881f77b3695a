import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { sweepThreadTtl } from "../../src/runtime/thread-ttl.ts";
import { until } from "../support/until.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterAll(async () => await server.close());

const threads = () => server.client.threads;

async function ran(text: string, metadata: Record<string, unknown> = {}, graph = "http-words"): Promise<string> {
  const { thread_id } = await threads().create({ metadata: metadata as never });
  await server.client.runs.wait(thread_id, graph, { input: { text } });
  return thread_id;
}

const ids = (found: { thread_id: string }[]) => found.map(({ thread_id }) => thread_id);

it("finds and counts threads by status, metadata, ids and what their state holds", async () => {
  const tag = randomUUID();
  const a = await ran("a", { tag });
  const asks = await ran("sure?", { tag }, "http-ask");
  const empty = (await threads().create({ metadata: { tag } as never })).thread_id;
  const metadata = { tag } as never;
  expect(ids(await threads().search({ metadata }))).toEqual([empty, asks, a]);
  expect(ids(await threads().search({ metadata, status: "interrupted" }))).toEqual([asks]);
  expect(ids(await threads().search({ metadata, ids: [a, empty, randomUUID()] }))).toEqual([empty, a]);
  expect(ids(await threads().search({ metadata, values: { text: "A!" } }))).toEqual([a]);
  expect(ids(await threads().search({ values: { text: "A!", log: ["mark"] }, metadata }))).toEqual([a]);
  expect(await threads().search({ metadata, values: { text: "B!" } })).toEqual([]);
  expect(await threads().count({ metadata })).toBe(3);
  expect(await threads().count({ metadata, status: "idle" })).toBe(2);
  expect(await threads().count({ metadata, values: { text: "A!" } })).toBe(1);
  expect(await threads().count({ metadata: { tag: "none" } as never })).toBe(0);
  const page = await server.ask("/threads/search", { method: "POST", body: { metadata, limit: 2 } });
  expect([page.headers.get("x-pagination-total"), page.headers.get("x-pagination-next")]).toEqual(["3", "2"]);
});

it("finds by what a state holds beside characters that jsonb cannot carry", async () => {
  const tag = randomUUID();
  for (const text of ["nul \0", "half \ud800", "pair 😀\0", "text \\u0000\0"]) await ran(text, { tag });
  expect(await threads().count({ metadata: { tag } as never, values: { log: ["upper"] } })).toBe(4);
  expect(await threads().count({ metadata: { tag } as never, values: { text: "PAIR 😀\ufffd!" } })).toBe(1);
  expect(await threads().count({ metadata: { tag } as never, values: { text: "NUL \ufffd!" } })).toBe(1);
});

it("sorts threads as asked", async () => {
  const tag = randomUUID();
  const metadata = { tag } as never;
  const made = [await ran("a", { tag }), await ran("sure?", { tag }, "http-ask"), await ran("c", { tag })];
  const sorted = async (sortBy: string, sortOrder: string) =>
    ids(await threads().search({ metadata, sortBy: sortBy as never, sortOrder: sortOrder as never }));
  expect(await sorted("created_at", "asc")).toEqual(made);
  expect(await sorted("created_at", "desc")).toEqual(made.toReversed());
  expect(await sorted("thread_id", "asc")).toEqual(made.toSorted());
  expect((await sorted("status", "desc"))[0]).toBe(made[1]);
  expect(await sorted("updated_at", "asc")).toEqual(made);
  expect(await sorted("state_updated_at", "desc")).toEqual(made.toReversed());
});

it("gives of each thread only what is asked for, and what paths lead to", async () => {
  const tag = randomUUID();
  const thread_id = await ran("a", { tag, deep: { list: [{ x: 1 }, { x: 2 }] } });
  const metadata = { tag } as never;
  expect(await threads().search({ metadata, select: ["thread_id", "status"] })).toEqual([
    { thread_id, status: "idle" },
  ]);
  const extract = {
    last: "values.log[-1]",
    second: "metadata.deep.list[1].x",
    whole: "values",
    nowhere: "values.nobody.there[3]",
    prototype: "values.constructor.name",
    length: "values.text.length",
  };
  expect(await threads().search({ metadata, select: ["thread_id"], extract })).toEqual([
    {
      thread_id,
      extracted: {
        last: "mark",
        second: 2,
        whole: { text: "A!", log: ["upper", "mark"] },
        nowhere: null,
        prototype: null,
        length: null,
      },
    },
  ]);
});

it("answers a change with nothing where nothing is wanted", async () => {
  const { thread_id } = await threads().create();
  await threads().update(thread_id, { metadata: { a: 1 }, returnMinimal: true } as never);
  expect(await threads().update(thread_id, { metadata: { b: 2 } })).toMatchObject({ metadata: { a: 1, b: 2 } });
  const minimal = await server.ask(`/threads/${thread_id}`, {
    method: "PATCH",
    body: {},
    headers: { prefer: "return=minimal" },
  });
  expect([minimal.status, await minimal.text()]).toEqual([204, ""]);
});

it("gives of a state only what is asked for, by every road", async () => {
  const thread_id = await ran("a");
  const { checkpoint } = await threads().getState(thread_id);
  const { checkpoint_id } = checkpoint as { checkpoint_id: string };
  const select = ["next", "values.log"] as never;
  const expected = { next: [], values: { log: ["upper", "mark"] } };
  expect(await threads().getState(thread_id, undefined, { select })).toEqual(expected);
  expect(await threads().getState(thread_id, checkpoint_id, { select })).toEqual(expected);
  expect(await threads().getState(thread_id, checkpoint as never, { select })).toEqual(expected);
  const history = await threads().getHistory(thread_id, { limit: 1, select: ["values.nobody"] as never });
  expect(history).toEqual([{ values: {} }]);
  for (const query of [
    "select=next&select=values.log",
    'select=["next","values.log"]',
    "select=next&select=values.log",
  ]) {
    expect(await (await server.ask(`/threads/${thread_id}/state?${query}`)).json()).toEqual(expected);
  }
  const { thread_id: fresh } = await threads().create();
  expect(await threads().getState(fresh, undefined, { select: ["values"] as never })).toEqual({ values: {} });
});

it("gives a new thread a history, from which its graph goes on", async () => {
  const thread = await threads().create({
    graphId: "http-words",
    supersteps: [
      { updates: [{ values: { text: "a" }, asNode: "__input__" }] },
      { updates: [{ values: { text: "B", log: ["by hand"] }, asNode: "upper" }] },
    ],
  });
  expect(thread).toMatchObject({ status: "interrupted", values: { text: "B", log: ["by hand"] } });
  const history = await threads().getHistory(thread.thread_id);
  expect(history.map(({ next }) => next)).toEqual([["mark"], ["__start__"]]);
  const values = await server.client.runs.wait(thread.thread_id, "http-words", { input: null });
  expect(values).toEqual({ text: "B!", log: ["by hand", "mark"] });
  const again = await threads().create({
    threadId: thread.thread_id,
    graphId: "http-words",
    ifExists: "do_nothing",
    supersteps: [{ updates: [{ values: { text: "other" }, asNode: "upper" }] }],
  });
  expect(again).toMatchObject({ values: { text: "B!" } });
});

it("takes the history of a new thread from commands as well", async () => {
  const { thread_id } = await threads().create({
    graphId: "http-words",
    supersteps: [
      { updates: [{ values: null, command: { update: { text: "c" } } as never, asNode: "upper" }] },
      { updates: [{ values: { text: "d" }, asNode: "mark" }] },
    ],
  });
  expect(await threads().getState(thread_id)).toMatchObject({ values: { text: "d" }, next: [] });
});

it("refuses a history that nobody may give, and makes no thread then", async () => {
  const updates = [{ values: { amount: 5 }, as_node: "execute" }];
  const thread_id = randomUUID();
  const create = (body: object, headers = {}) =>
    server.ask("/threads", { method: "POST", body: { thread_id, supersteps: [{ updates }], ...body }, headers });
  expect((await create({})).status).toBe(400);
  expect((await create({ metadata: { graph_id: "nobody" } })).status).toBe(404);
  expect((await create({ metadata: { graph_id: "http-pay" } })).status).toBe(409);
  expect((await create({ metadata: { graph_id: "http-words" } })).status).toBe(422);
  const resume = [{ command: { resume: "yes" }, as_node: "upper" }];
  expect((await create({ metadata: { graph_id: "http-words" }, supersteps: [{ updates: resume }] })).status).toBe(422);
  expect((await create({ metadata: { graph_id: "http-words" }, supersteps: [{ updates: [] }] })).status).toBe(422);
  const key = await server.key("starter", ["runs:create"]);
  expect((await create({ metadata: { graph_id: "http-words" } }, { "x-api-key": key })).status).toBe(403);
  await expect(threads().get(thread_id)).rejects.toThrow(/HTTP 404/);
});

it("removes all but the newest state of threads, or threads, and says how many", async () => {
  const [a, b, c] = [await ran("a"), await ran("b"), await ran("c")];
  expect(await threads().prune([a, b, randomUUID()], { strategy: "keep_latest" })).toEqual({ pruned_count: 2 });
  expect(await threads().getHistory(a)).toHaveLength(1);
  expect(await threads().getState(a)).toMatchObject({ values: { text: "A!" } });
  expect(await threads().prune([a, a, c])).toEqual({ pruned_count: 2 });
  await expect(threads().get(a)).rejects.toThrow(/HTTP 404/);
  expect(await threads().getHistory(b)).toHaveLength(1);
});

it("says when a thread ends, puts that off when it is used, and ends it then", async () => {
  const kept = await ran("a");
  const gone = await ran("b");
  await threads().update(kept, { ttl: { ttl: 60, strategy: "keep_latest" } } as never);
  await threads().update(gone, { ttl: 60 } as never);
  const { thread_id: asking } = await threads().create({ ttl: 60 } as never);
  await server.client.runs.wait(asking, "http-ask", { input: { text: "?" } });
  const told = (await threads().get(gone, { include: ["ttl"] } as never)) as unknown as { ttl: object };
  expect(told.ttl).toEqual({ ttl: 60, strategy: "delete", expires_at: expect.any(String) });
  expect(await threads().get(gone)).not.toHaveProperty("ttl");
  const { thread_id: without } = await threads().create();
  expect(await threads().get(without, { include: ["ttl"] } as never)).toMatchObject({ ttl: null });
  const sweep = async () => {
    // Bound: every look puts off what it has looked at.
    while ((await sweepThreadTtl(server.house.parts)) > 0);
  };
  await server.house.pass(50 * 60);
  await threads().update(gone, { metadata: { used: true } });
  await server.house.pass(20 * 60);
  // The worker may be at it too.
  await until("its history is gone", async () => {
    await sweep();
    return (await threads().getHistory(kept)).length === 1;
  });
  expect(await threads().get(gone)).toMatchObject({ metadata: { used: true } });
  await server.house.pass(60 * 60);
  await until("it is gone", async () => {
    await sweep();
    return (await server.ask(`/threads/${gone}`)).status === 404;
  });
  expect(await threads().get(kept)).toMatchObject({ values: { text: "A!" } });
  expect(await threads().get(asking)).toMatchObject({ status: "interrupted" });
});

it("never ends the thread of a guarded graph on which somebody has decided", async () => {
  const { thread_id } = await threads().create({ ttl: 1 } as never);
  await server.client.runs.wait(thread_id, "http-pay", { input: { amount: 5 } });
  const [review] = (await (await server.ask(`/reviews?thread_id=${thread_id}`)).json()) as ReviewTask[];
  const body = { decisions: [{ type: "reject" }], seen_digest: review?.request_digest };
  const decided = await server.ask(`/reviews/${review?.id}/decision`, { method: "POST", body });
  await server.client.runs.join(thread_id, ((await decided.json()) as { run_id: string }).run_id);
  await server.house.pass(3600);
  while ((await sweepThreadTtl(server.house.parts)) > 0);
  expect(await threads().get(thread_id)).toMatchObject({ status: "idle" });
  // It is not looked at for ever.
  const told = await threads().get(thread_id, { include: ["ttl"] } as never);
  expect(told).toMatchObject({ ttl: { ttl: 1, strategy: "delete", expires_at: null } });
});

const HOSTILE: [string, string, unknown, number][] = [
  ["POST", "/threads/search", { values: [] }, 422],
  ["POST", "/threads/search", { values: { a: "\0" } }, 422],
  ["POST", "/threads/search", { ids: ["x"] }, 422],
  ["POST", "/threads/search", { ids: Array(1001).fill(randomUUID()) }, 422],
  ["POST", "/threads/search", { sort_by: "tenant_id" }, 422],
  ["POST", "/threads/search", { sort_order: "; drop table" }, 422],
  ["POST", "/threads/search", { select: ["lease_epoch"] }, 422],
  ["POST", "/threads/search", { extract: { a: "lease_epoch" } }, 422],
  ["POST", "/threads/search", { extract: { a: "values[" } }, 422],
  ["POST", "/threads/search", { extract: { a: "values.a".repeat(100) } }, 422],
  [
    "POST",
    "/threads/search",
    { extract: Object.fromEntries(Array.from({ length: 11 }, (_, n) => [n, "values"])) },
    422,
  ],
  ["POST", "/threads/count", { status: "open" }, 422],
  ["POST", "/threads/count", { metadata: { a: "\ud800" } }, 422],
  ["POST", "/threads/prune", {}, 422],
  ["POST", "/threads/prune", { thread_ids: ["x"] }, 422],
  ["POST", "/threads/prune", { thread_ids: [], strategy: "all" }, 422],
  ["POST", "/threads/prune", { thread_ids: [] }, 200],
  ["POST", "/threads", { ttl: { ttl: 0 } }, 422],
  ["POST", "/threads", { ttl: { ttl: 1e300 } }, 422],
  ["POST", "/threads", { ttl: { ttl: 5, strategy: "burn" } }, 422],
  ["POST", "/threads", { supersteps: {} }, 422],
  ["POST", "/threads", { supersteps: [{ updates: [5] }] }, 422],
  ["GET", `/threads/${randomUUID()}?include=secrets`, undefined, 422],
  ["GET", `/threads/${randomUUID()}/state?select=lease`, undefined, 422],
  ["GET", `/threads/${randomUUID()}/state?select=[1]`, undefined, 422],
  ["GET", `/threads/${randomUUID()}/state?select=next`, undefined, 404],
];

it.each(HOSTILE)("answers %s %s with %i where it is %j", async (method, path, body, status) => {
  expect((await server.ask(path, { method, body })).status).toBe(status);
});

it("finds, counts, prunes and tells nothing of another tenant's threads", async () => {
  const tag = randomUUID();
  const thread_id = await ran("a", { tag });
  await server.house.database.pool.query("update holdpoint.thread set tenant_id = 'elsewhere' where thread_id = $1", [
    thread_id,
  ]);
  const metadata = { tag } as never;
  expect(await threads().search({ metadata })).toEqual([]);
  expect(await threads().search({ metadata, sortBy: "created_at", sortOrder: "asc" })).toEqual([]);
  expect(await threads().search({ ids: [thread_id] })).toEqual([]);
  expect(await threads().count({ metadata })).toBe(0);
  for (const strategy of ["delete", "keep_latest"] as const) {
    expect(await threads().prune([thread_id], { strategy })).toEqual({ pruned_count: 0 });
  }
  await expect(threads().update(thread_id, { ttl: 1 } as never)).rejects.toThrow(/HTTP 404/);
  const left = "select count(*)::int as n from holdpoint.checkpoint where thread_id = $1";
  expect((await server.house.database.pool.query(left, [thread_id])).rows[0].n).toBe(4);
});
