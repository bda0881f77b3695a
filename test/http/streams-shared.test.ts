import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { awaitRun, waitForRun } from "../../src/http/await-run.ts";
import { followRun } from "../../src/http/follow-run.ts";
import { createRunFeeds, type RunFeeds } from "../../src/http/run-feed.ts";
import { streamBody } from "../../src/http/stream-body.ts";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { type ClaimedRun, reapLeases } from "../../src/postgres/claim.ts";
import type { Database } from "../../src/postgres/database.ts";
import { appendEvents } from "../../src/postgres/events.ts";
import type { StreamEvent } from "../../src/protocol/events.ts";
import { collect } from "../support/collect.ts";
import { claimNext, leaseOf } from "../support/dying-worker.ts";
import { until } from "../support/until.ts";
import { openServer, type TestServer } from "./server.ts";

// What following costs: many clients on one run, slow ones, and those that go away.

let server: TestServer;
beforeAll(async () => {
  server = await openServer({}, { works: false });
});
afterAll(async () => await server.close());

const ALL = { modes: null };
const CLIENTS = 100;

/** A run that somebody executes: its events are stored, and told of, by hand. */
async function executing() {
  const { house } = server;
  await house.start("steps", { input: {} });
  const run = await claimNext(house);
  return {
    run,
    async store(events: StreamEvent[]) {
      await appendEvents(house.parts.batcher, leaseOf(run), run.attempt, events);
      house.wakeups.wake("events", run.thread_id);
    },
    async end() {
      await house.parts.saver.deleteThread(run.thread_id);
      house.wakeups.wake("runs", run.thread_id);
    },
  };
}

/** Where runs come from, and how often was looked. */
function counted(): { database: Database; runFeeds: RunFeeds; looks(): number } {
  const { database, wakeups } = server.house;
  let looks = 0;
  const counting: Database = {
    ...database,
    many: (statement) => {
      looks += 1;
      return database.many(statement);
    },
  };
  return { database: counting, runFeeds: createRunFeeds({ database: counting, wakeups }), looks: () => looks };
}

/** Follows into a list. */
function follower(source: { runFeeds: RunFeeds }, run: ClaimedRun, signal: AbortSignal) {
  const texts: string[] = [];
  const ended = (async () => {
    for await (const text of followRun(source.runFeeds, run, ALL, signal)) texts.push(text);
  })();
  return { ended, text: () => texts.join("") };
}

it("reads each batch once for all clients of a run, and listens once", async () => {
  const { run, store, end } = await executing();
  const source = counted();
  const stop = new AbortController();
  const followers = Array.from({ length: CLIENTS }, () => follower(source, run, stop.signal));
  const have = (what: string) => until(`all have ${what}`, () => followers.every(({ text }) => text().includes(what)));
  await have("metadata");
  const before = source.looks();
  for (let batch = 1; batch <= 10; batch += 1) {
    await store([{ event: "custom", data: `batch ${batch}` }]);
    await have(`batch ${batch}`);
  }
  // Now and then somebody looks without having been told.
  expect(source.looks() - before).toBeLessThan(3 * 10);
  const listening =
    "select from pg_stat_activity where datname = current_database() and application_name = 'holdpoint:listen'";
  expect((await server.house.database.pool.query(listening)).rows).toHaveLength(1);
  await end();
  await Promise.all(followers.map(({ ended }) => ended));
  expect(new Set(followers.map(({ text }) => text())).size).toBe(1);
  expect(source.runFeeds.size).toBe(0);
});

it("asks once for many runs that are followed", async () => {
  const runs = await Promise.all(Array.from({ length: 5 }, async () => await executing()));
  const source = counted();
  const stop = new AbortController();
  const followers = runs.map(({ run }) => follower(source, run, stop.signal));
  await until("all have begun", () => followers.every(({ text }) => text() !== ""));
  expect(source.runFeeds.size).toBe(5);
  expect(source.looks()).toBeLessThan(5);
  stop.abort();
  await Promise.all(followers.map(({ ended }) => ended));
});

it("asks one question for all the runs on which nothing happens, and shows what happens on one of them", async () => {
  const runs = await Promise.all(Array.from({ length: 40 }, async () => await executing()));
  const [first] = runs as [(typeof runs)[0], ...typeof runs];
  const source = counted();
  const stop = new AbortController();
  const followers = runs.map(({ run }) => follower(source, run, stop.signal));
  await until("all have begun", () => followers.every(({ text }) => text() !== ""));
  // What another process says names no thread: this is how a wake-up of everybody arrives.
  const asked = async () => {
    const before = source.looks();
    server.house.wakeups.wake("runs");
    await until("it was asked", () => source.looks() > before);
    // Whoever is woken by the answer has had its turn.
    for (let turn = 0; turn < 50; turn += 1) await server.house.database.pool.query("select 1");
    return source.looks() - before;
  };
  await until("one question is enough", async () => (await asked()) === 1);
  await first.store([{ event: "custom", data: "here" }]);
  await until("it is shown", () => followers[0]?.text().includes("here") === true);
  stop.abort();
  await Promise.all(followers.map(({ ended }) => ended));
  expect(source.runFeeds.size).toBe(0);
});

it("asks for those who wait for ends only whether they have come, once for all", async () => {
  const runs = await Promise.all(Array.from({ length: 5 }, async () => await executing()));
  const source = counted();
  const { signal } = new AbortController();
  const waiting = runs.map(({ run }) => awaitRun(source, run, signal));
  await until("they have asked", () => source.looks() > 0);
  const [before, beganAt] = [source.looks(), performance.now()];
  for (let event = 0; event < 4; event += 1) {
    for (const { store } of runs) await store([{ event: "custom", data: event }]);
  }
  // Once a second somebody looks without having been told.
  const polls = Math.ceil((performance.now() - beganAt) / 1000);
  expect(source.looks() - before).toBeLessThan(2 + polls);
  for (const { end } of runs) await end();
  expect((await Promise.all(waiting)).map((run) => run?.status)).toEqual(Array(5).fill("interrupted"));
});

it("keeps nothing for a client that does not read", async () => {
  const { run, store, end } = await executing();
  for (let batch = 0; batch < 20; batch += 1) {
    await store([{ event: "custom", data: `${batch} ${"x".repeat(200_000)}` }]);
  }
  const source = counted();
  const body = streamBody((signal) => followRun(source.runFeeds, run, ALL, signal)).getReader();
  const sizes: number[] = [];
  const readOne = async () => void sizes.push((await body.read()).value?.length ?? 0);
  await readOne();
  await readOne();
  const { promise: told, resolve } = Promise.withResolvers<void>();
  const forget = server.house.wakeups.subscribe("events", () => resolve());
  const before = source.looks();
  await store([{ event: "custom", data: "more" }]);
  await told;
  forget();
  for (let turn = 0; turn < 50; turn += 1) await server.house.database.pool.query("select 1");
  expect(source.looks()).toBe(before);
  while (sizes.reduce((sum, size) => sum + size) < 4_000_000) await readOne();
  expect(Math.max(...sizes)).toBeLessThan(700_000);
  await body.cancel();
  expect(source.runFeeds.size).toBe(0);
  await end();
});

it("lets go of everything when its clients go away, whatever they were waiting for", async () => {
  const { run, store } = await executing();
  const path = `${server.listening.url}/threads/${run.thread_id}/runs/${run.run_id}`;
  const stop = new AbortController();
  const answers = ["stream", "join", "stream", "join"].map((what) => fetch(`${path}/${what}`, { signal: stop.signal }));
  const bodies = (await Promise.all(answers)).map((answer) => answer.text().catch(() => "cut"));
  await store([{ event: "custom", data: 1 }]);
  expect(server.deps.runFeeds.size).toBe(1);
  stop.abort();
  expect(await Promise.all(bodies)).toEqual(Array(4).fill("cut"));
  await until("nobody follows", () => server.deps.runFeeds.size === 0);
});

it("tells those who follow a run, or wait for it, that it was deleted", async () => {
  const { run, store, end } = await executing();
  await store([{ event: "custom", data: 1 }]);
  const { signal } = new AbortController();
  const following = collect(followRun(server.deps.runFeeds, run, ALL, signal));
  const waiting = collect(waitForRun(server.deps, run, signal));
  const awaiting = awaitRun(server.deps, run, signal);
  await until("they have begun", () => server.deps.runFeeds.size === 1);
  await end();
  const error = { error: "not_found", message: expect.stringContaining("was deleted") };
  const text = (await following).join("");
  expect(text).toMatch(/event: error\ndata: {"error":"not_found".*}\n\n: end\n$/);
  expect(JSON.parse((await waiting).join(""))).toEqual({ __error__: error });
  expect(await awaiting).toMatchObject({ run_id: run.run_id, status: "interrupted" });
});

it("sends heartbeats while what happens is not what was asked for", async () => {
  const { run, store, end } = await executing();
  const clock = vi.spyOn(Date, "now");
  const texts: string[] = [];
  const following = (async () => {
    const follow = { modes: ["custom" as const] };
    for await (const text of followRun(server.deps.runFeeds, run, follow, new AbortController().signal))
      texts.push(text);
  })();
  await until("it is announced", () => texts.length === 1);
  clock.mockImplementation(() => 8e15);
  await store([{ event: "values", data: 1 }]);
  await until("a heartbeat is sent", () => texts.includes(": heartbeat\n"));
  clock.mockRestore();
  await end();
  await following;
  expect(texts.join("")).not.toContain("values");
});

it("shows everything of a run that ends while it is being read, and looks again after a failure", async () => {
  const { house } = server;
  const { run, store } = await executing();
  const source = counted();
  const { many } = source.database;
  let failures = 0;
  source.database.many = (statement) => {
    failures += 1;
    return failures === 1 ? Promise.reject(new Error("no connection")) : many(statement);
  };
  const { signal } = new AbortController();
  await expect(collect(followRun(source.runFeeds, run, ALL, signal))).rejects.toThrow("no connection");
  await store([{ event: "custom", data: "last" }]);
  await cancelRun(house.database, { ...run, principal_id: "test:ana" });
  await house.pass(3600);
  await reapLeases(house.database);
  const text = (await collect(followRun(source.runFeeds, run, ALL, signal))).join("");
  expect(text).toMatch(/data: "last"\nid: 1\n\n: end\n$/);
});
