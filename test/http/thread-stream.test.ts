import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { followThread, type ThreadStreamMode } from "../../src/http/follow-thread.ts";
import { createThreadFeeds } from "../../src/http/thread-feed.ts";
import type { Database } from "../../src/postgres/database.ts";
import { until } from "../support/until.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterAll(async () => await server.close());

const leaving: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const leave of leaving.splice(0)) await leave();
});

interface Told {
  id?: string;
  event: string;
  data: unknown;
}

/** Follows with the official client until it is told to leave. */
function join(thread_id: string, options: { lastEventId?: string; streamMode?: ThreadStreamMode[] } = {}) {
  const stop = new AbortController();
  const told: Told[] = [];
  const ended = (async () => {
    const parts = server.client.threads.joinStream(thread_id, { ...options, signal: stop.signal } as never);
    for await (const part of parts) told.push(part as Told);
    return "ended";
  })().catch(() => "cut");
  leaving.push(async () => {
    stop.abort();
    await ended;
  });
  const shown = () =>
    told.map(({ event, data }) => {
      const { status } = (data ?? {}) as { status?: string };
      return status === "run_done" ? "run_done" : event;
    });
  return {
    told,
    shown,
    ended,
    has: (event: string, times = 1) => shown().filter((one) => one === event).length >= times,
  };
}

const following = (clients: number) => until("they follow", () => server.deps.threadFeeds.size === clients);

async function run(thread_id: string, graph = "http-words") {
  const started = await server.client.runs.create(thread_id, graph, { input: { text: "a" }, streamMode: ["updates"] });
  await server.client.runs.join(thread_id, started.run_id);
  return started.run_id;
}

const ONE = ["metadata", "values", "updates", "values", "updates", "values", "run_done"];

it("shows one run after the other, each until it is done, to all who follow", async () => {
  const { thread_id } = await server.client.threads.create();
  const [one, other] = [join(thread_id), join(thread_id)];
  await following(2);
  const first = await run(thread_id);
  await until("the first is done", () => one.has("run_done") && other.has("run_done"));
  const second = await run(thread_id);
  await until("the second is done", () => one.has("run_done", 2) && other.has("run_done", 2));
  expect(one.shown()).toEqual([...ONE, ...ONE]);
  expect(other.told).toEqual(one.told);
  const done = one.told.filter(({ data }) => (data as { status?: string }).status === "run_done");
  expect(done.map(({ data }) => data)).toEqual(
    [first, second].map((run_id) => ({ run_id, status: "run_done", run_status: "success" })),
  );
});

it("begins now, at the beginning, or behind an event, as asked", async () => {
  const { thread_id } = await server.client.threads.create();
  await run(thread_id);
  const whole = join(thread_id, { lastEventId: "-" });
  await until("all is shown", () => whole.has("updates", 2));
  const now = join(thread_id);
  await following(2);
  await run(thread_id);
  await until("both have the second", () => now.has("run_done") && whole.has("run_done", 2));
  expect(now.shown()).toEqual(ONE);
  // What has no id of its own is given the one before it by the client.
  const idsOf = ({ told }: ReturnType<typeof join>) => [...new Set(told.flatMap(({ id }) => (id ? [Number(id)] : [])))];
  const ids = idsOf(whole);
  expect(ids).toEqual(ids.map((_id, place) => place + 1));
  const behind = join(thread_id, { lastEventId: String(ids[2]) });
  await until("the rest is shown", () => behind.has("run_done"));
  await until("the end is shown", () => behind.has("run_done", 2));
  expect(idsOf(behind)).toEqual(ids.slice(3));
});

it("tells that a run is done before anything of the next, also to who reads late", async () => {
  const { thread_id } = await server.client.threads.create();
  await run(thread_id);
  await server.client.threads.updateState(thread_id, { values: { text: "edited" }, asNode: "mark" });
  await run(thread_id);
  const late = join(thread_id, { lastEventId: "-", streamMode: ["run_modes", "state_update"] });
  await until("all is shown", () => late.has("run_done", 2));
  expect(late.shown()).toEqual([...ONE, "state_update", ...ONE]);
});

it("shows that runs begin and end, or that somebody edits the state, where only that is asked for", async () => {
  const { thread_id } = await server.client.threads.create();
  const [lifecycle, edits, everything] = [
    join(thread_id, { streamMode: ["lifecycle"] }),
    join(thread_id, { streamMode: ["state_update"] }),
    join(thread_id, { streamMode: ["run_modes", "state_update"] }),
  ];
  await following(3);
  await run(thread_id);
  await server.client.threads.updateState(thread_id, { values: { text: "edited" }, asNode: "mark" });
  await run(thread_id);
  await until(
    "all have all",
    () => lifecycle.has("run_done", 2) && edits.has("state_update") && everything.has("run_done", 2),
  );
  expect(lifecycle.shown()).toEqual(["metadata", "run_done", "metadata", "run_done"]);
  expect(edits.shown()).toEqual(["state_update"]);
  expect(everything.shown()).toEqual([...ONE, "state_update", ...ONE]);
});

it("tells of a run that fails, one that pauses and one that is taken back before it began", async () => {
  const { thread_id } = await server.client.threads.create();
  const all = join(thread_id, { streamMode: ["lifecycle"] });
  await following(1);
  const hanging = await server.client.runs.create(thread_id, "http-wait", { input: { text: "x" } });
  await until("it has begun", () => all.has("metadata"));
  await server.client.runs.cancel(thread_id, hanging.run_id, true);
  await until("it is done", () => all.has("run_done"));
  await server.client.runs.wait(thread_id, "http-fail", { input: { text: "x" } }).catch(() => {});
  await until("the next is done", () => all.has("run_done", 2));
  const statuses = all.told.flatMap(({ data }) => (data as { run_status?: string }).run_status ?? []);
  expect(statuses).toEqual(["interrupted", "error"]);
});

it("asks once which threads have moved, however many are followed, and reads only those", async () => {
  const { database, wakeups } = server.house;
  let reads = 0;
  const counting: Database = {
    ...database,
    many: (statement) => {
      reads += 1;
      return database.many(statement);
    },
  };
  const threadFeeds = createThreadFeeds({ database: counting, wakeups, log: server.deps.log });
  const source = { database: counting, threadFeeds, hitlAliases: true, ask: async () => {} };
  const stop = new AbortController();
  const made = await Promise.all(Array.from({ length: 60 }, () => server.client.threads.create()));
  const texts = new Map<string, string>();
  const all = made.map(async ({ thread_id }) => {
    const wish = { tenant_id: "default", thread_id, after: null, modes: ["run_modes"] as const };
    for await (const text of followThread(source, wish, stop.signal)) {
      texts.set(thread_id, `${texts.get(thread_id) ?? ""}${text}`);
    }
  });
  await until("all wait", () => [...texts.values()].filter((text) => text.includes("heartbeat")).length === 60);
  const before = reads;
  const { thread_id } = made[7] as { thread_id: string };
  await run(thread_id);
  await until("it is shown", () => texts.get(thread_id)?.includes("run_done"));
  expect(reads - before).toBeLessThan(60);
  stop.abort();
  await Promise.all(all);
  expect(threadFeeds.size).toBe(0);
});

it("notices what another process does, and the end of the thread", async () => {
  const { thread_id } = await server.client.threads.create();
  const { database } = server.house;
  const heard: ((thread_id: string | undefined) => void)[] = [];
  const elsewhere = {
    wake: () => {},
    close: async () => {},
    subscribe: (_channel: string, listener: (thread_id: string | undefined) => void) => {
      heard.push(listener);
      return () => {};
    },
  };
  const threadFeeds = createThreadFeeds({ database, wakeups: elsewhere, log: server.deps.log });
  const source = { database, threadFeeds, hitlAliases: true, ask: async () => {} };
  const wish = { tenant_id: "default", thread_id, after: null, modes: ["lifecycle"] as const };
  let text = "";
  const ended = (async () => {
    for await (const more of followThread(source, wish, new AbortController().signal)) text += more;
    return "ended";
  })();
  await until("it waits", () => text.includes("heartbeat"));
  await run(thread_id);
  for (const hear of heard) hear(undefined);
  await until("it is shown", () => text.includes("run_done"));
  await server.client.threads.delete(thread_id);
  for (const hear of heard) hear(undefined);
  expect(await ended).toBe("ended");
});

it("ends for whoever has lost the right meanwhile", async () => {
  const { thread_id } = await server.client.threads.create();
  const { database, threadFeeds } = { ...server.deps };
  const source = {
    database,
    threadFeeds,
    hitlAliases: true,
    askAgainMs: 0,
    ask: () => Promise.reject(new Error("no more")),
  };
  const wish = { tenant_id: "default", thread_id, after: null, modes: ["run_modes"] as const };
  const following = followThread(source, wish, new AbortController().signal);
  await following.next();
  await following.next();
  const next = following.next();
  server.house.wakeups.wake("runs", thread_id);
  await expect(next).rejects.toThrow("no more");
  expect(threadFeeds.size).toBe(0);
});

it.each([
  ["/threads/x/stream", 422],
  [`/threads/${randomUUID()}/stream`, 404],
  [`/threads/${randomUUID()}/stream?stream_mode=everything`, 422],
  [`/threads/${randomUUID()}/stream?stream_mode=[1]`, 422],
] as [string, number][])("answers %s with %i", async (path, status) => {
  expect((await server.ask(path)).status).toBe(status);
});

it("refuses who may not read, and shows nothing of another tenant's thread", async () => {
  const { thread_id } = await server.client.threads.create();
  const key = await server.key("starter", ["runs:create"]);
  expect((await server.ask(`/threads/${thread_id}/stream`, { headers: { "x-api-key": key } })).status).toBe(403);
  const move = "update holdpoint.thread set tenant_id = 'elsewhere' where thread_id = $1";
  await server.house.database.pool.query(move, [thread_id]);
  expect((await server.ask(`/threads/${thread_id}/stream`)).status).toBe(404);
});

it("lets go of clients that hang up, and ends for those that stay when the server drains", async () => {
  const { thread_id } = await server.client.threads.create();
  const staying = join(thread_id);
  await following(1);
  server.app.drain();
  expect(await staying.ended).toBe("ended");
  expect(server.deps.threadFeeds.size).toBe(0);
});
