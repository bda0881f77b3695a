import { setTimeout as pause } from "node:timers/promises";
import type pg from "pg";
import type { OwnPostgres } from "../support/own-postgres.ts";
import { until } from "../support/until.ts";
import type { Fleet } from "./fleet.ts";
import { freezeWorker } from "./freeze.ts";
import type { Tick } from "./plan.ts";
import type { Diary } from "./supervised.ts";

/** What there is to be harmed. */
export interface Scene {
  fleet: Fleet;
  postgres: OwnPostgres;
  pool: pg.Pool;
  leaseMs: number;
  diary: ChaosDiary;
}

/** A diary in which Postgres can go and come. */
export interface ChaosDiary extends Diary {
  readonly lines: string[];
  readonly surprises: string[];
  postgres(isDown: boolean, how: string): void;
}

/** What was done. */
export interface Damage {
  ticks: number;
  restarts: number;
  crashes: number;
  /** LISTEN connections that were ended. */
  deafened: number;
  /** Workers that were frozen in the middle of a run, and found its lease lost. */
  freezes: number;
}

/** How long it goes on: at least so many ticks, and until everything is done. */
export interface Length {
  least: number;
  isDone(): boolean;
  /** How many more runs have to end before the next tick. */
  step: number;
}

const PAUSE_MS = 200;
const PATIENCE_MS = 120_000;
// A tick can cost a run its lease three times: a kill, a frozen worker, Postgres. Five times in a row would be poison.
const LOST_AT_MOST = 1;
const DEAFEN = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holdpoint:listen'";
const PROGRESS = `select (select count(*)::int from holdpoint.run_attempt where outcome <> 'lease_lost') as ended,
  (select coalesce(max(lost_leases), 0) from holdpoint.run where status in ('pending', 'running')) as lost`;
const STANDSTILL = `select 'run' as what, r.thread_id, r.status, r.attempt::text, r.lost_leases::text, t.lease_worker_id::text,
    t.lease_until::text
  from holdpoint.run r join holdpoint.thread t on t.thread_id = r.thread_id where r.status in ('pending', 'running')
  union all
  select application_name, state, wait_event_type, wait_event, pid::text, (now() - state_change)::text, left(query, 80)
  from pg_stat_activity where datname = current_database()`;

/**
 * Kills a worker and does what the plan says besides, again and again. When the next tick comes the fleet says and not
 * the clock: on a slow machine, or beside other tests, it is killed as often for what it does, and no run is so unlucky
 * that it must end for want of luck.
 */
export async function wreak(scene: Scene, ticks: Iterator<Tick, never>, length: Length): Promise<Damage> {
  const { fleet, pool, diary } = scene;
  const { least, isDone, step } = length;
  const damage: Damage = { ticks: 0, restarts: 0, crashes: 0, deafened: 0, freezes: 0 };
  const begun: Promise<void>[] = [];
  let next = step;
  const hasComeSoFar = async () => {
    await pause(PAUSE_MS);
    if (!fleet.stands(2)) return false;
    if (isDone()) return true;
    // While Postgres is away nothing comes anywhere.
    const { rows } = await pool.query(PROGRESS).catch(() => ({ rows: [] }));
    const [progress] = rows;
    if (progress === undefined || progress.ended < next || progress.lost > LOST_AT_MOST) return false;
    next = progress.ended + step;
    return true;
  };
  while (!isDone() || damage.ticks < least) {
    // Where nothing moves any more the clients say what they wait for.
    const isMoving = await until("the fleet has come further", hasComeSoFar, PATIENCE_MS).catch(() => false);
    if (!isMoving) {
      diary.note(`nothing moves any more:\n${await standstill(scene)}`);
      break;
    }
    const tick = ticks.next().value;
    fleet.killWorker(tick.victim);
    begun.push(act(scene, tick, damage, isDone).catch((error: unknown) => diary.note(`${tick.act}: ${error}`)));
    damage.ticks += 1;
  }
  await Promise.all(begun);
  return damage;
}

async function act(scene: Scene, { act: what, chance }: Tick, damage: Damage, isDone: () => boolean): Promise<void> {
  const { fleet, pool, diary } = scene;
  const freeze = async () => {
    const isZombie = await freezeWorker(scene, chance);
    damage.freezes += Number(isZombie);
    return isZombie;
  };
  switch (what) {
    case undefined:
      return;
    case "freeze":
      // Again where it had come to its end all the same; when all is done nobody is in the middle of anything.
      await until("a worker is frozen in the middle of a run", async () => isDone() || (await freeze()), PATIENCE_MS);
      return;
    case "kill api":
      return void (await until("the api is up", () => fleet.killApi(), PATIENCE_MS));
    case "deafen": {
      // While Postgres is away nobody listens anyway.
      const deafen = async () => (await pool.query(DEAFEN).catch(() => undefined))?.rows.length ?? 0;
      const deafened = await until("somebody listens", deafen, PATIENCE_MS);
      damage.deafened += deafened;
      return diary.note(`${deafened} LISTEN connections are ended`);
    }
    case "restart postgres":
      damage.restarts += 1;
      return await restart(scene, "fast");
    case "crash postgres":
      damage.crashes += 1;
      return await restart(scene, "immediate");
  }
}

/** What the processes and Postgres are at, for whoever has to find out why nothing moves. */
async function standstill({ fleet, pool }: Scene): Promise<string> {
  const { rows } = await pool.query(STANDSTILL).catch((error: unknown) => ({ rows: [String(error)] }));
  return [...rows.map((row) => JSON.stringify(row)), ...fleet.lastWords()].join("\n");
}

const restarting = new WeakMap<OwnPostgres, Promise<void>>();

/** One restart after the other. */
function restart({ postgres, diary }: Scene, mode: "fast" | "immediate"): Promise<void> {
  const before = restarting.get(postgres) ?? Promise.resolve();
  const now = before.then(async () => {
    diary.postgres(true, `Postgres is stopped, ${mode}`);
    await postgres.stop(mode);
    await postgres.start();
    diary.postgres(false, "Postgres is back");
  });
  restarting.set(postgres, now);
  return now;
}

/** An empty diary. */
export function openDiary(): ChaosDiary {
  const startedAt = Date.now();
  const lines: string[] = [];
  const surprises: string[] = [];
  let [count, isDown] = [0, false];
  const note = (what: string) => void lines.push(`${((Date.now() - startedAt) / 1000).toFixed(1)} s ${what}`);
  return {
    lines,
    surprises,
    note,
    surprise(what) {
      note(what);
      surprises.push(what);
    },
    outages: () => ({ count, isDown }),
    postgres(down, how) {
      note(how);
      isDown = down;
      count += 1;
    },
  };
}
