import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Database, openDatabase } from "../../src/postgres/database.ts";
import type { GuardTask } from "../support/guard-process.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";

interface GuardProcess {
  ask<Result>(task: GuardTask): Promise<Result>;
  close(): Promise<void>;
}

let home: TestDatabase;
let database: Database;
let processes: [GuardProcess, GuardProcess];
const run_id = randomUUID();

beforeAll(async () => {
  home = await createTestDatabase();
  database = openDatabase({ url: home.url, max: 2 });
  processes = await Promise.all([open(), open()]);
});
afterAll(async () => {
  await Promise.all((processes ?? []).map((one) => one.close()));
  await database?.close();
  await home?.drop();
});
beforeEach(async () => void (await database.pool.query("delete from holdpoint.spent")));

async function open(): Promise<GuardProcess> {
  const script = join(import.meta.dirname, "..", "support", "guard-process.ts");
  const child: ChildProcess = spawn(process.execPath, [script, home.url, run_id], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  if (child.stdout === null || child.stdin === null) throw new Error("the process has no pipes");
  const { stdin } = child;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { done, value } = await lines.next();
    if (done === true) throw new Error("the process has ended");
    return JSON.parse(value) as { result: never };
  };
  await next();
  return {
    async ask(task) {
      stdin.write(`${JSON.stringify(task)}\n`);
      return (await next()).result;
    },
    async close() {
      stdin.end();
      await ended;
    },
  };
}

/** Both do it at once; what came of it in each. */
const both = <Result>(task: GuardTask) => Promise.all(processes.map((one) => one.ask<Result>(task)));
const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

test("a breaker is opened by the faults of two processes for both, and one probe of both is let through", async () => {
  const [first, second] = processes;
  const attempt = { do: "enter", name: "bank", times: 6 } as const;
  await Promise.all([
    first.ask({ do: "fault", name: "bank", times: 3 }),
    second.ask({ do: "fault", name: "bank", times: 2 }),
  ]);
  await until("both leave it alone", async () => sum(await both<number>(attempt)) === 0);
  await both({ do: "report", how: "ignored" });
  await database.pool.query("update holdpoint.clock set shift = shift + interval '10 minutes'");
  let granted: number[] = [0, 0];
  const more = async () => {
    const found = await both<number>(attempt);
    granted = granted.map((before, index) => before + (found[index] ?? 0));
    return sum(granted);
  };
  await until("a probe is let through", more);
  for (let round = 0; round < 5; round += 1) await more();
  expect(sum(granted)).toBe(1);
  await both({ do: "report", how: "succeeded" });
  await until("both know that it is closed", async () => sum(await both<number>(attempt)) === 12);
});

test("of a limit two processes that both want all of it get exactly as much as there is", async () => {
  const month = 30 * 86_400_000;
  const taken = await both<number>({ do: "take", name: "model", times: 60, limit: 50, per_ms: month });
  expect(sum(taken)).toBe(50);
  expect(sum(await both<number>({ do: "take", name: "model", times: 5, limit: 50, per_ms: month }))).toBe(0);
});

test("what one process has kept in the cache the other is given", async () => {
  const [first, second] = processes;
  expect(await second.ask({ do: "get", key: "k" })).toBeNull();
  await first.ask({ do: "put", key: "k", value: "an answer" });
  expect(await second.ask({ do: "get", key: "k" })).toBe("an answer");
});

test("a budget that is spent by both stops both, and what goes over it are the calls that were on their way", async () => {
  // A hundred tokens each: ten use the budget up, and of six that are on their way at once five may come too late.
  const calls = sum(await both<number>({ do: "spend", at_once: 3, budget: 1_000 }));
  expect(calls).toBeGreaterThanOrEqual(10);
  expect(calls).toBeLessThanOrEqual(15);
  const { rows } = await database.pool.query(
    "select tokens, (select count(*)::int from holdpoint.usage) as calls from holdpoint.spent where scope = 'run'",
  );
  expect(rows).toEqual([{ tokens: calls * 100, calls }]);
  expect(await both({ do: "check", budget: 1_000 })).toEqual([true, true]);
});

test("two calls that were both let go on the last of a budget go over it by one", async () => {
  expect(await processes[0].ask({ do: "spend", at_once: 1, budget: 900 })).toBe(9);
  expect(await both({ do: "check", budget: 1_000 })).toEqual([false, false]);
  await both({ do: "record" });
  expect(await both({ do: "check", budget: 1_100 })).toEqual([true, true]);
  expect(await both({ do: "check", budget: 1_101 })).toEqual([false, false]);
});
