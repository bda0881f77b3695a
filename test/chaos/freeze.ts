import type pg from "pg";
import { until } from "../support/until.ts";
import type { Fleet } from "./fleet.ts";

/** Where a worker can be frozen. */
interface Scene {
  fleet: Fleet;
  pool: pg.Pool;
  leaseMs: number;
}

const HOLDERS =
  "select distinct lease_worker_id as worker_id from holdpoint.thread where lease_until > holdpoint.now()";
const HELD = "select 1 from holdpoint.thread where lease_worker_id = $1 limit 1";
const LOST = "select 1 from holdpoint.run_attempt where worker_id = $1 and outcome = 'lease_lost' limit 1";
const SILENCE = `select pg_terminate_backend(pid) from pg_stat_activity
  where query ~ '^\\s*(insert into holdpoint.worker|update holdpoint.thread\\s+set lease_until)'
    and state_change < now() - make_interval(secs => $1::float8 / 1000)`;

const NOTICE_MS = 60_000;
const TAKEN_MS = 60_000;

/**
 * SIGSTOP of a worker in the middle of a run, until others have what it had; then it goes on as if nothing had been.
 * False when there was none, or when the run had come to its end all the same.
 */
export async function freezeWorker({ fleet, pool, leaseMs }: Scene, chance: number): Promise<boolean> {
  // While Postgres is away there is nothing to be known.
  const ask = async (text: string, values: unknown[] = []) =>
    (await pool.query(text, values).catch(() => undefined))?.rows;
  const holders = (await ask(HOLDERS)) ?? [];
  const known = fleet.known().filter(({ worker_id }) => holders.some((holder) => holder.worker_id === worker_id));
  const victim = known[chance % Math.max(1, known.length)];
  if (victim === undefined) return false;
  const { worker_id } = victim;
  const frozen = victim.freeze();
  try {
    const isTaken = async () => (await ask(HELD, [worker_id]))?.length === 0;
    await until("others have what the frozen worker had", isTaken, TAKEN_MS).catch(() => {});
    // Without its heartbeat it does not hear at once that its leases are over: what it then writes, the fence must refuse.
    await ask(SILENCE, [leaseMs]);
    frozen.goOn();
    if ((await ask(LOST, [worker_id]))?.length !== 1) return false;
    const hasNoticed = () => frozen.zombies() > 0;
    return await until("it has noticed", hasNoticed, NOTICE_MS).catch(() => false);
  } finally {
    frozen.release();
  }
}
