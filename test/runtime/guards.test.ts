import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { adjustRate, type RateState, takeRate, UNTOUCHED } from "../../src/policy/rate-limit.ts";
import { createSharedGuards, type SharedGuards } from "../../src/postgres/guards/shared-guards.ts";
import { sweepGuards, sweepUsage } from "../../src/postgres/guards/sweep.ts";
import { createGuardPorts } from "../../src/runtime/guard-ports.ts";
import { openLog } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { type GuardScene, RULES_BUDGETS, testGuardRules } from "../support/guard-rules.ts";
import { fc } from "../support/properties.ts";
import { watchDatabase } from "../support/watched-database.ts";
import { house, openScene } from "./scene.ts";

openScene();

const metrics = createMetrics(async () => []);
const log = openLog({ level: "silent", pretty: false });
let shared: SharedGuards;
let passedMs = 0;

/** Another process's guards, as far as Postgres can tell. */
const process = (more: Partial<Parameters<typeof createSharedGuards>[0]> = {}) =>
  createSharedGuards({
    database: house.database,
    log,
    metrics,
    budgets: RULES_BUDGETS,
    copyMs: 0,
    now: () => passedMs,
    ...more,
  });

const RUN = "00000000-0000-4000-8000-000000000000";
const runOf = (run: Parameters<GuardScene["of"]>[0] = {}) => {
  const { tenant_id = "default", graph_id = "test", run_id = RUN } = run;
  return { tenant_id, graph_id, run_id, thread_id: `guards of ${tenant_id}`, lease_epoch: 7 };
};
const query = async (text: string, values: unknown[] = []) => (await house.database.pool.query(text, values)).rows;

beforeAll(async () => {
  shared = process();
  for (const tenant_id of ["default", "other", "meter a", "meter b", "meter c", "meter d"]) {
    await query("insert into holdpoint.thread (tenant_id, thread_id, lease_epoch) values ($1, $2, 7)", [
      tenant_id,
      `guards of ${tenant_id}`,
    ]);
  }
});

const scene: GuardScene = {
  of: (run) => createGuardPorts(shared, runOf(run)),
  async pass(ms) {
    passedMs += ms;
    await house.pass(ms / 1000);
  },
};

testGuardRules(() => scene);

const watched = () => watchDatabase(house.database);
const countOf = async (name: string, labels = "") => {
  const line = (await metrics.render()).split("\n").find((row) => row.startsWith(`${name}${labels} `));
  return Number(line?.split(" ").at(-1) ?? 0);
};

describe("breakers", () => {
  test("a closed breaker costs one look for many calls that go well, or of which nothing is to be told", async () => {
    const { database, statements } = watched();
    const { breakers } = createGuardPorts(process({ database, copyMs: 600_000 }), runOf());
    for (let call = 0; call < 50; call += 1) {
      const permit = await breakers.enter("quiet");
      await (call % 2 === 0 ? permit.succeeded() : permit.ignored());
    }
    expect(statements).toHaveLength(1);
  });

  test("what one process knows of a breaker is half a second old at most", async () => {
    let ms = 0;
    const { breakers } = createGuardPorts(process({ copyMs: 500, now: () => ms }), runOf());
    await breakers.enter("seen");
    await (await scene.of().breakers.enter("seen", { faults: 1 })).faulted();
    ms = 499;
    await expect(breakers.enter("seen")).resolves.toBeDefined();
    ms = 500;
    await expect(breakers.enter("seen")).rejects.toMatchObject({ code: "breaker_open" });
  });

  test("faults of many calls at once, from several processes, are all counted", async () => {
    const terms = { faults: 40, window_ms: 3_600_000 };
    const ports = [process(), process(), process()].map((guards) => createGuardPorts(guards, runOf()));
    const permits = await Promise.all(
      Array.from({ length: 39 }, (_, index) => ports[index % 3]?.breakers.enter("busy", terms)),
    );
    await Promise.all(permits.map((permit) => permit?.faulted()));
    const last = await ports[0]?.breakers.enter("busy", terms);
    await last?.faulted();
    for (const { breakers } of ports) {
      await expect(breakers.enter("busy", terms)).rejects.toMatchObject({ code: "breaker_open" });
    }
    expect(await countOf("holdpoint_breaker_changes_total", '{state="open"}')).toBeGreaterThan(0);
  });

  test("a call that has its answer does not fail because a breaker could not be told", async () => {
    const { database, fail } = watched();
    const { breakers } = createGuardPorts(process({ database }), runOf());
    const permit = await breakers.enter("unheard");
    fail.with = new Error("gone");
    await expect(permit.faulted()).resolves.toBeUndefined();
    await expect(breakers.enter("unheard")).rejects.toThrow("gone");
    fail.with = undefined;
    await expect(breakers.enter("unheard")).resolves.toBeDefined();
  });

  test("names of any length and any character are kept apart", async () => {
    const { breakers } = scene.of();
    const names = ["x".repeat(500), `${"x".repeat(499)}y`, "\u0000", "\ud800", "'; drop table holdpoint.breaker; --"];
    for (const [index, name] of names.entries()) {
      await (await breakers.enter(name, { faults: 1 })).faulted();
      await expect(breakers.enter(name)).rejects.toMatchObject({ code: "breaker_open", facts: { name } });
      for (const other of names.slice(index + 1)) await expect(breakers.enter(other)).resolves.toBeDefined();
    }
  });
});

describe("limits", () => {
  test("Postgres gives exactly what the rules in code give, to the millisecond", async () => {
    const step = fc.record({ after: fc.nat(700), amount: fc.integer({ min: -6, max: 10 }) });
    const settings = { limit: 10, per_ms: 5_000 };
    const now = async () => Number((await query("select extract(epoch from holdpoint.now()) * 1000 as now"))[0].now);
    let names = 0;
    const asked = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      names += 1;
      const name = `equal ${names}`;
      let state: RateState = UNTOUCHED;
      for (const { after, amount } of steps) {
        await scene.pass(after);
        const from = await now();
        const take = () => shared.limits.take("default", name, amount, settings);
        const waitMs = amount < 0 ? void (await shared.limits.adjust("default", name, amount, settings)) : await take();
        const [row] = await query(
          "select level, extract(epoch from at)::float8 * 1000 as at from holdpoint.rate_limit where name = $1",
          [name],
        );
        if (waitMs === undefined) {
          const taken = takeRate(state, Math.max(0, amount), settings, row.at);
          const next = amount < 0 ? adjustRate(state, amount, settings, row.at) : taken.granted && taken.state;
          expect(next).toEqual({ level: expect.closeTo(row.level, 4), at: row.at });
        } else {
          const [longest, shortest] = [from, await now()].map((at) => takeRate(state, amount, settings, at));
          expect(longest).toMatchObject({ granted: false });
          expect(waitMs).toBeLessThanOrEqual((longest as { retry_after_ms: number }).retry_after_ms);
          expect(waitMs).toBeGreaterThanOrEqual(shortest?.granted === false ? shortest.retry_after_ms : 1);
          // Nothing was taken: the row is as it was.
          expect(row).toEqual(state);
        }
        state = row;
      }
    });
    await fc.assert(asked, { numRuns: 12 });
  });
});

describe("the cache", () => {
  test("what one process has kept is given by another, and then from its memory", async () => {
    const { database, statements } = watched();
    const [writer, reader] = [createGuardPorts(process(), runOf()), createGuardPorts(process({ database }), runOf())];
    await writer.cache.put("shared", { answer: 42 }, 60_000);
    expect(await reader.cache.get("shared")).toEqual({ answer: 42 });
    expect(await reader.cache.get("shared")).toEqual({ answer: 42 });
    expect(statements).toHaveLength(1);
  });

  test("a cache that does not work fails no call, and does not go unnoticed", async () => {
    const { database, fail } = watched();
    const { cache } = createGuardPorts(process({ database }), runOf());
    fail.with = new Error("no such table");
    const before = await countOf("holdpoint_cache_requests_total", '{result="failed"}');
    await cache.put("lost", 1, 60_000);
    expect(await cache.get("lost")).toBeUndefined();
    expect(await countOf("holdpoint_cache_requests_total", '{result="failed"}')).toBe(before + 2);
    fail.with = undefined;
    expect(await cache.get("lost")).toBeUndefined();
    await query(
      "insert into holdpoint.cached_answer (key, value, expires_at) values ('cut', '{\"a', holdpoint.now() + interval '1 hour')",
    );
    expect(await cache.get("cut")).toBeUndefined();
    await cache.put("lost", 1, 60_000);
    expect(await cache.get("lost")).toBe(1);
  });
});

test("what guards do is counted", async () => {
  const own = createMetrics(async () => []);
  const guards = () => createGuardPorts(process({ metrics: own }), runOf({ run_id: randomUUID() }));
  const { breakers, limits, cache, meter } = guards();
  const permit = await breakers.enter("counted", { faults: 1, open_ms: 1_000 });
  await permit.faulted();
  await scene.pass(1_000);
  await (await breakers.enter("counted", { open_ms: 1_000 })).succeeded();
  for (const amount of [1, 1, 1]) await limits.take("counted", amount, { limit: 1, per_ms: 3_600_000 });
  await cache.put("counted", "a", 60_000);
  await cache.put("counted", "b", 0);
  await cache.get("counted");
  await cache.get("none");
  await guards().cache.get("counted");
  await meter.overspent({ tokens: 0 });
  const counted = (await own.render())
    .split("\n")
    .filter((line) => /^holdpoint_(breaker|limit|cache|budget)/.test(line));
  expect(counted.sort()).toEqual([
    'holdpoint_breaker_changes_total{state="closed"} 1',
    'holdpoint_breaker_changes_total{state="half_open"} 1',
    'holdpoint_breaker_changes_total{state="open"} 1',
    'holdpoint_budget_stops_total{scope="run"} 1',
    'holdpoint_cache_requests_total{result="database"} 1',
    'holdpoint_cache_requests_total{result="memory"} 1',
    'holdpoint_cache_requests_total{result="miss"} 1',
    'holdpoint_cache_requests_total{result="refused"} 1',
    'holdpoint_cache_requests_total{result="stored"} 1',
    "holdpoint_limit_refusals_total 2",
  ]);
});

test("what nobody uses any more is swept, and what is still needed stays", async () => {
  const { breakers, limits, cache, meter } = scene.of({ run_id: randomUUID() });
  const fill = async () => {
    await (await breakers.enter("swept", { faults: 2 })).faulted();
    await limits.take("swept", 1, { limit: 5 });
    await cache.put("swept", 1, 60_000);
    await meter.record({
      kind: "tool",
      name: "t",
      node: null,
      input_tokens: 1,
      output_tokens: 0,
      cached_tokens: 0,
      cost: 1,
    });
    await meter.grant("swept", { cost: 1 });
  };
  const tables = ["breaker", "rate_limit", "cached_answer", "usage", "spent", "budget_grant"];
  const sizes = async () =>
    (
      await query(
        `select ${tables.map((table) => `(select count(*)::int from holdpoint.${table}) as ${table}`).join(", ")}`,
      )
    )[0];
  const sweepAll = async () => {
    // Bound: what was made here.
    while ((await sweepGuards(house.database)) + (await sweepUsage(house.database)) > 0);
  };
  await fill();
  await scene.pass(370 * 86_400_000);
  await fill();
  await sweepAll();
  expect(await sizes()).toMatchObject({ breaker: 1, rate_limit: 1, cached_answer: 1 });
  expect((await sizes()).usage).toBeGreaterThan(1);
  await scene.pass(401 * 86_400_000);
  await sweepAll();
  expect(await sizes()).toEqual(Object.fromEntries(tables.map((table) => [table, 0])));
});
