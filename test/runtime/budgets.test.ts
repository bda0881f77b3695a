import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { checkBudget } from "../../src/kit/models/budget-check.ts";
import { currentPorts } from "../../src/kit/ports.ts";
import { createSharedGuards } from "../../src/postgres/guards/shared-guards.ts";
import type { RunRow } from "../../src/postgres/runs.sql.ts";
import type { Decision } from "../../src/protocol/decision.ts";
import { openLog } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { knobs } from "../fixtures/workflows/lib/knobs.ts";
import { answer, theOpen } from "../support/reviewer.ts";
import { until } from "../support/until.ts";
import { watchDatabase } from "../support/watched-database.ts";
import { house, openScene, started } from "./scene.ts";

openScene();

const metrics = createMetrics(async () => []);
const log = openLog({ level: "silent", pretty: false });
const watched = () => watchDatabase(house.database);
/** Another process's guards, as far as Postgres can tell. */
const process = (more: Partial<Parameters<typeof createSharedGuards>[0]> = {}) =>
  createSharedGuards({ database: house.database, log, metrics, ...more });

const runOf = ({ tenant_id = "default", graph_id = "test", run_id = randomUUID() } = {}) => {
  return { tenant_id, graph_id, run_id, thread_id: "budgets", lease_epoch: 7 };
};
const query = async (text: string, values: unknown[] = []) => (await house.database.pool.query(text, values)).rows;

beforeAll(async () => {
  await query("insert into holdpoint.thread (thread_id, lease_epoch) values ('budgets', 7)");
});

const use = { kind: "model", name: "gpt-4.1-mini", node: "ask", cached_tokens: 0, cost: 0.25 } as const;
const call = { ...use, input_tokens: 80, output_tokens: 20 };

test("what is recorded at once is stored together, before anybody goes on", async () => {
  const { database, statements } = watched();
  const run = runOf({ run_id: randomUUID(), graph_id: "together" });
  const meter = process({ database }).meter.of(run);
  await Promise.all(Array.from({ length: 20 }, () => meter.record(call)));
  const [{ calls, tokens }] = await query(
    "select count(*)::int as calls, sum(input_tokens + output_tokens)::int as tokens from holdpoint.usage where run_id = $1",
    [run.run_id],
  );
  expect({ calls, tokens }).toEqual({ calls: 20, tokens: 2_000 });
  expect(statements.filter((text) => text.includes("holdpoint.usage")).length).toBeLessThanOrEqual(2);
  expect(await meter.overspent({ tokens: 2_000 })).toMatchObject({ tokens: 2_000, cost: 5 });
});

test("a use that could not be stored fails its call, and the next one is stored", async () => {
  const { database, fail } = watched();
  const run = runOf({ run_id: randomUUID() });
  const meter = process({ database }).meter.of(run);
  await meter.record(call);
  fail.with = new Error("gone");
  await expect(meter.record(call)).rejects.toThrow("gone");
  fail.with = undefined;
  await meter.record(call);
  expect(await meter.overspent({ tokens: 1 })).toMatchObject({ tokens: 200 });
});

test("recording of many runs, graphs and tenants at once deadlocks nobody", async () => {
  const meters = [process().meter, process().meter, process().meter, process().meter];
  const tenants = ["default", "other", "meter c"];
  await Promise.all(
    meters.flatMap((meter) =>
      Array.from({ length: 30 }, (_, index) =>
        meter
          .of(runOf({ tenant_id: tenants[index % 3] ?? "", graph_id: `graph ${index % 5}`, run_id: randomUUID() }))
          .record(call),
      ),
    ),
  );
});

test("a process that has lost its run grants it nothing", async () => {
  const run = { ...runOf({ run_id: randomUUID() }), lease_epoch: 6 };
  await expect(process().meter.of(run).grant("p", { tokens: 5 })).rejects.toMatchObject({ code: "lease_lost" });
  expect(await query("select 1 from holdpoint.budget_grant where run_id = $1", [run.run_id])).toEqual([]);
});

test("runs that carry the answers to a run's questions spend of its budget, and the next run of the thread does not", async () => {
  const seen: unknown[] = [];
  knobs.onVisit = async () => {
    const { guards } = currentPorts();
    await guards.meter.record(call);
    seen.push((await guards.meter.overspent({ tokens: 0 }))?.tokens);
  };
  const run = await started("nested-questions");
  const { resume_run } = await answer(house, await theOpen(house, run.thread_id), [{ type: "respond", value: "yes" }]);
  await house.settle();
  expect(seen).toEqual(seen.map((_, index) => (index + 1) * 100));
  const rows = await query("select distinct run_id from holdpoint.usage where origin_run_id = $1", [run.run_id]);
  expect(rows.map(({ run_id }) => run_id).sort()).toEqual([run.run_id, resume_run?.run_id].sort());
  seen.length = 0;
  await house.start("nested-questions", { input: { amount: 1 } }, { thread_id: run.thread_id });
  await house.settle();
  expect(seen[0]).toBe(100);
});

/** Spends as often as the node is executed anew, and asks whether there is more to spend. */
function spending(tokens: number): void {
  let isSpent = false;
  knobs.onVisit = async () => {
    if (!isSpent) await currentPorts().guards.meter.record({ ...call, input_tokens: tokens, output_tokens: 0 });
    isSpent = true;
    await checkBudget(undefined);
  };
}

/** Of a graph with a limit the worker claims by itself when a run ends, beside what the test steps. */
async function ended(run_id: string): Promise<RunRow> {
  await house.settle();
  return await until(`run ${run_id} has ended`, async () => {
    const run = await house.run(run_id);
    return run.status !== "pending" && run.status !== "running" ? run : undefined;
  });
}

/** Starts a run that has used up its budget, and answers its question; how the run with the answer ended. */
async function answered(decision: Decision) {
  spending(1_500);
  const run = await house.start("stated", { input: { times: 1 } });
  await ended(run.run_id);
  const { resume_run } = await answer(house, await theOpen(house, run.thread_id), [decision]);
  return { run, end: await ended(resume_run?.run_id as string) };
}

test("a run over its budget waits for a person, and goes on with what that person allows, counted once", async () => {
  const { run, end } = await answered({ type: "edit", args: { tokens: 501 } });
  expect(end.status).toBe("success");
  const grants = "select origin_run_id, tokens::int from holdpoint.budget_grant where thread_id = $1";
  expect(await query(grants, [run.thread_id])).toEqual([{ origin_run_id: run.run_id, tokens: 501 }]);
});

test("a run that is refused more ends, and says that its budget is used up", async () => {
  const { end } = await answered({ type: "reject", message: "no" });
  expect({ status: end.status, error: JSON.parse(end.error ?? "null") }).toMatchObject({
    status: "error",
    error: { error: "budget_exceeded" },
  });
});
