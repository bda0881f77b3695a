import { setTimeout as pause } from "node:timers/promises";
import type pg from "pg";
import type { OwnPostgres } from "../support/own-postgres.ts";
import { until } from "../support/until.ts";
import type { Fleet } from "./fleet.ts";
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

/** What was done to Postgres. */
export interface Damage {
  seconds: number;
  restarts: number;
  crashes: number;
  /** LISTEN connections that were ended. */
  deafened: number;
}

/** How long it goes on: at least so many seconds, and until everything is done. */
export interface Length {
  least: number;
  isDone(): boolean;
}

const SECOND_MS = 1_000;
const START_MS = 60_000;
const DEAFEN = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holdpoint:listen'";
const SILENCE = `select pg_terminate_backend(pid) from pg_stat_activity
  where query ~ '^\\s*(insert into holdpoint.worker|update holdpoint.thread\\s+set lease_until)'
    and state_change < now() - make_interval(secs => $1::float8 / 1000)`;

/** Kills a worker every second and does what the plan says besides. */
export async function wreak(scene: Scene, ticks: Iterator<Tick, never>, { least, isDone }: Length): Promise<Damage> {
  const { fleet, diary } = scene;
  const damage: Damage = { seconds: 0, restarts: 0, crashes: 0, deafened: 0 };
  const begun: Promise<void>[] = [];
  while (!isDone() || damage.seconds < least) {
    // Starting takes longer than a second on a slow machine: while nobody is up there is nothing to harm. Nor where
    // nothing moves any more: then the clients say what they wait for.
    const isUp = () => fleet.stands(2) && (fleet.works() || isDone());
    const isMoving = await until("the api and two workers are at work", isUp, START_MS).catch(() => false);
    if (!isMoving) {
      diary.note("nothing moves any more");
      break;
    }
    const tick = ticks.next().value;
    fleet.killWorker(tick.victim);
    begun.push(act(scene, tick, damage));
    await pause(SECOND_MS);
    damage.seconds += 1;
  }
  await Promise.all(begun);
  return damage;
}

async function act(scene: Scene, { act: what, chance }: Tick, damage: Damage): Promise<void> {
  const { fleet, pool, leaseMs, diary } = scene;
  switch (what) {
    case undefined:
      return;
    case "freeze": {
      const thaw = fleet.freezeWorker(chance);
      await pause(leaseMs * 2 + (chance % leaseMs));
      // Without its heartbeat it does not hear at once that its leases are over: what it then writes, the fence must refuse.
      await pool.query(SILENCE, [leaseMs]).catch(() => {});
      return thaw();
    }
    case "kill api":
      return fleet.killApi();
    case "deafen": {
      // While Postgres is away nobody listens anyway.
      const { rows } = await pool.query(DEAFEN).catch(() => ({ rows: [] }));
      damage.deafened += rows.length;
      return diary.note(`${rows.length} LISTEN connections are ended`);
    }
    case "restart postgres":
      damage.restarts += 1;
      return await restart(scene, "fast");
    case "crash postgres":
      damage.crashes += 1;
      return await restart(scene, "immediate");
  }
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
