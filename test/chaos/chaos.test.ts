import { expect, it, onTestFailed } from "vitest";
import { openDatabase } from "../../src/postgres/database.ts";
import { keyFor } from "../support/client.ts";
import { createDice, SCALE } from "../support/dice.ts";
import { violations } from "../support/invariants.ts";
import { openOwnPostgres } from "../support/own-postgres.ts";
import { until } from "../support/until.ts";
import { type Account, type Clients, drive } from "./client.ts";
import { openFleet } from "./fleet.ts";
import { openDiary, wreak } from "./mayhem.ts";
import { planThreads, planTicks, ROUND_TICKS, type ThreadPlan } from "./plan.ts";
import { faultsOf, worldFaults } from "./verify.ts";
import { openWorld } from "./world.ts";

// A hundred in npm test, five thousand in npm run soak.
const THREADS = Math.round(100 * SCALE ** Math.log10(50));
const SEED = Number(process.env["CHAOS_SEED"] ?? 1);
const WORKERS = 4;
// Long enough that on a busy machine a worker that lives is seldom taken for lost.
const LEASE_MS = 2_000;
const IN_FLIGHT = 32;
// How many runs have to end between two ticks: ten of them for a hundred threads, and more for more.
const STEP = Math.round(25 * Math.sqrt(THREADS / 100));
const START_MS = 120_000;
// No assertion: whoever waits for ever is told so. A hundred threads take a minute on a quiet machine.
const LIMIT_MS = 540_000 + THREADS * 600;
const LOOK_MS = 100;

it(
  `loses, repeats and forgets nothing while everything is killed (CHAOS_SEED=${SEED})`,
  async () => {
    const diary = openDiary();
    onTestFailed(() => console.log(`CHAOS_SEED=${SEED}, ${THREADS} threads\n${diary.lines.join("\n")}`));
    const world = await openWorld(createDice(SEED + 1));
    const postgres = await openOwnPostgres();
    const { url: databaseUrl } = postgres.database;
    const database = openDatabase({ url: databaseUrl, max: 4 });
    try {
      const options = { databaseUrl, workers: WORKERS, leaseMs: LEASE_MS, worldUrl: world.url, diary };
      const fleet = await openFleet(options);
      const standing = () => until("all processes are up", () => fleet.stands(WORKERS), START_MS);
      await standing();
      const keys = [await keyFor(fleet.url, "bot-1"), await keyFor(fleet.url, "bot-2")];
      const signal = AbortSignal.timeout(LIMIT_MS);
      const clients = { url: fleet.url, keys, deadline: Date.now() + LIMIT_MS, signal, calls: world.calls };

      let isDone = false;
      const driving = driveAll(clients, planThreads(SEED, THREADS)).finally(() => (isDone = true));
      const scene = { fleet, postgres, pool: database.pool, leaseMs: LEASE_MS, diary };
      const damage = await wreak(scene, planTicks(SEED), {
        least: ROUND_TICKS,
        isDone: () => isDone,
        step: STEP,
      });
      const { accounts, failures } = await driving;
      if (failures.length === 0) await standing();
      // Whoever was stopped in the middle of a write has gone on since, and had no right to.
      const exits = await fleet.stop();
      const faults = worldFaults(world.calls);
      for (const account of accounts) faults.push(...(await faultsOf(database.pool, account, world.calls)));
      const { rows: stuck } = await database.pool.query(STUCK);
      const { surprises } = diary;
      const found = { failures, faults, violations: await violations(database), stuck, surprises, exits };
      expect(found).toEqual({ failures: [], faults: [], violations: [], stuck: [], surprises: [], exits: [] });

      // That it was chaos, and not a quiet day.
      const { kills, apiKills } = fleet.counts;
      expect(kills).toBeGreaterThanOrEqual(ROUND_TICKS);
      expect(Object.entries({ ...damage, apiKills }).filter(([, done]) => done === 0)).toEqual([]);
      const { rows: lost } = await database.pool.query(LOST);
      expect(lost.length, "attempts that ended with their lease").toBeGreaterThan(0);
      expect(fleet.zombies(), "executions that found their lease lost").toBeGreaterThan(0);
      // On a slow machine a run may be unlucky five times in a row: it ends, and says why.
      const { rows: poisoned } = await database.pool.query(POISONED);
      expect(poisoned.length).toBeLessThanOrEqual(1 + THREADS / 50);
      const stats = {
        ...damage,
        kills,
        apiKills,
        lost: lost.length,
        zombies: fleet.zombies(),
        poisoned: poisoned.length,
      };
      console.log(stats);
    } finally {
      await database.close();
      await postgres.end();
      await world.close();
    }
  },
  LIMIT_MS + 2 * START_MS + THREADS * LOOK_MS,
);

const STUCK = `select thread_id, status from holdpoint.thread where status = 'busy' or lease_until is not null
  union all select run_id::text, status from holdpoint.run where status in ('pending', 'running')`;
const LOST = "select run_id from holdpoint.run_attempt where outcome = 'lease_lost'";
const POISONED = "select run_id from holdpoint.run where error::json->>'error' = 'poison'";

/** Drives the threads, so many at a time. */
async function driveAll(
  clients: Clients,
  plans: readonly ThreadPlan[],
): Promise<{ accounts: Account[]; failures: string[] }> {
  const accounts: Account[] = [];
  const failures: string[] = [];
  let next = 0;
  const line = async () => {
    for (let plan = plans[next++]; plan !== undefined; plan = plans[next++]) {
      await drive(clients, plan).then(
        (account) => accounts.push(account),
        (error: unknown) => failures.push(String(error)),
      );
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, line));
  return { accounts, failures };
}
