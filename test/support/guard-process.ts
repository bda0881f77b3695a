import { createInterface } from "node:readline";
import type { BreakerPermit } from "../../src/kit/guards.ts";
import { openDatabase } from "../../src/postgres/database.ts";
import { createSharedGuards } from "../../src/postgres/guards/shared-guards.ts";
import { isHoldpointError } from "../../src/protocol/errors.ts";
import { createGuardPorts } from "../../src/runtime/guard-ports.ts";
import { openLog } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";

// A process whose calls go by guards that others share. It does what each line of its input says, and tells what came of it.

/** What it can be asked to do. */
export type GuardTask =
  | { do: "fault"; name: string; times: number }
  | { do: "enter"; name: string; times: number }
  | { do: "report"; how: "succeeded" | "faulted" | "ignored" }
  | { do: "take"; name: string; times: number; limit: number; per_ms: number }
  | { do: "put"; key: string; value: string }
  | { do: "get"; key: string }
  | { do: "spend"; at_once: number; budget: number }
  | { do: "check"; budget: number }
  | { do: "record" };

const [, , url, run_id = ""] = process.argv;
if (url === undefined) throw new Error("usage: guard-process.ts <url> <run id>");
const database = openDatabase({ url, max: 5 });
const log = openLog({ level: "silent", pretty: false });
const shared = createSharedGuards({ database, log, metrics: createMetrics(async () => []) });
const run = { tenant_id: "default", graph_id: "test", thread_id: "test", run_id, lease_epoch: 1 };
const { breakers, limits, cache, meter } = createGuardPorts(shared, run);
const terms = { faults: 5, window_ms: 600_000, open_ms: 600_000, probe_ms: 600_000 };
const permits: BreakerPermit[] = [];
const TOKENS = 100;

async function enter(name: string): Promise<boolean> {
  try {
    permits.push(await breakers.enter(name, terms));
    return true;
  } catch (error) {
    if (isHoldpointError(error) && error.code === "breaker_open") return false;
    throw error;
  }
}

const record = () =>
  meter.record({
    kind: "model",
    name: "m",
    node: null,
    input_tokens: TOKENS,
    output_tokens: 0,
    cached_tokens: 0,
    cost: null,
  });
const isSpent = async (tokens: number) => (await meter.overspent({ tokens })) !== undefined;

/** Calls one after another for as long as the budget lasts; how many. */
async function spend(budget: number): Promise<number> {
  let calls = 0;
  // Bound: the budget, of which each call uses some.
  while (!(await isSpent(budget))) {
    await record();
    calls += 1;
  }
  return calls;
}

const several = <Result>(times: number, one: () => Promise<Result>) => Promise.all(Array.from({ length: times }, one));
const count = (answers: readonly boolean[]) => answers.filter(Boolean).length;

async function done(task: GuardTask): Promise<unknown> {
  switch (task.do) {
    case "fault":
      return await several(task.times, async () => (await breakers.enter(task.name, terms)).faulted());
    case "enter":
      return count(await several(task.times, () => enter(task.name)));
    case "report":
      return await Promise.all(permits.splice(0).map((permit) => permit[task.how]()));
    case "take":
      return count(await several(task.times, async () => (await limits.take(task.name, 1, task)).granted));
    case "put":
      return await cache.put(task.key, task.value, 600_000);
    case "get":
      return (await cache.get(task.key)) ?? null;
    case "spend":
      return (await several(task.at_once, () => spend(task.budget))).reduce((sum, calls) => sum + calls, 0);
    case "check":
      return await isSpent(task.budget);
    case "record":
      return await record();
  }
}

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  say({ result: (await done(JSON.parse(line) as GuardTask)) ?? null });
}
await database.close();
