import { randomUUID } from "node:crypto";
import type pg from "pg";
import type { FencedSaver } from "../../src/postgres/checkpointer/fenced-saver.ts";
import { createHeadCache, type HeadCache } from "../../src/postgres/checkpointer/head-cache.ts";
import { createSaver, HoldpointSaver } from "../../src/postgres/checkpointer/saver.ts";
import { openStore } from "../../src/postgres/checkpointer/store.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { createDice, type Dice } from "../support/dice.ts";
import type { WalkSaver } from "./walk-mirror.ts";

/** How the savers of a walk are chosen. */
export interface WalkSavers {
  /** Called before each step. */
  begin(dice: Dice, thread_id: string): Promise<void>;
  /** Called at each call of a saver. */
  choose(): WalkSaver;
  /** Called after each step: resolves when all of it is stored. */
  end(): Promise<void>;
  /** A saver that may do what a run under a lease may not. */
  owner(): HoldpointSaver;
  /** Savers that read everything once more at the end. */
  readonly readers: readonly WalkSaver[];
}

/** Ways of saving. Each makes its savers anew for a walk, with empty caches. */
export type SavingMode =
  | "one saver"
  | "two processes that take turns"
  | "two processes in the middle of a run"
  | "a cache that forgets at random"
  | "no cache"
  | "a cache of 10 KB"
  | "a lease"
  | "a lease, with commits behind the run's back";

/** Pools of two processes, through which a thread is saved in one way or another. */
export function openSaving(url: string): { open(mode: SavingMode, seed: number): WalkSavers; end(): Promise<void> } {
  const pool = openPool({ connectionString: url, max: 4 });
  const other = openPool({ connectionString: url, max: 4 });
  const savers = () => [createSaver({ pool }), createSaver({ pool: other })] as const;
  const modes: Record<SavingMode, (seed: number) => WalkSavers> = {
    "one saver": () => steady(createSaver({ pool })),
    "two processes that take turns": () => alternating(savers()),
    "two processes in the middle of a run": (seed) => interleaved(savers(), createDice(seed)),
    "a cache that forgets at random": (seed) =>
      steady(new HoldpointSaver({ ...openStore({ pool }), cache: forgetful(createHeadCache(1e7), createDice(seed)) })),
    "no cache": () => steady(createSaver({ pool, headCacheBytes: 0 })),
    "a cache of 10 KB": () => steady(createSaver({ pool, headCacheBytes: 10_000 })),
    "a lease": () => leased(pool, savers(), false),
    "a lease, with commits behind the run's back": () => leased(pool, savers(), true),
  };
  return {
    open: (mode, seed) => modes[mode](seed),
    async end() {
      await Promise.all([pool.end(), other.end()]);
    },
  };
}

const nothing = async (): Promise<void> => {};

const steady = (saver: HoldpointSaver): WalkSavers => ({
  begin: nothing,
  choose: () => saver,
  owner: () => saver,
  end: nothing,
  readers: [saver],
});

type Pair = readonly [HoldpointSaver, HoldpointSaver];

function alternating(savers: Pair): WalkSavers {
  let current = savers[0];
  return {
    async begin(dice) {
      current = dice.pick(savers);
    },
    choose: () => current,
    owner: () => current,
    end: nothing,
    readers: savers,
  };
}

const interleaved = (savers: Pair, dice: Dice): WalkSavers => ({
  begin: nothing,
  choose: () => dice.pick(savers),
  owner: () => dice.pick(savers),
  end: nothing,
  readers: savers,
});

/** As the engine does it: each step is a run with a lease of its own, in either of two processes. */
function leased(pool: pg.Pool, savers: Pair, writeBehind: boolean): WalkSavers {
  let current: FencedSaver | undefined;
  let lost = false;
  return {
    async begin(dice, thread_id) {
      const lease_epoch = await raiseEpoch(pool, thread_id);
      const onLost = () => {
        lost = true;
      };
      current = dice.pick(savers).withLease({
        thread_id,
        lease_epoch,
        run_id: randomUUID(),
        writeBehind: writeBehind && dice.roll(4) > 0,
        onLost,
      });
    },
    choose: () => current ?? savers[0],
    owner: () => savers[0],
    async end() {
      await current?.flush();
      if (lost) throw new Error("the lease was lost, though nobody has taken it");
    },
    readers: savers,
  };
}

async function raiseEpoch(pool: pg.Pool, thread_id: string): Promise<number> {
  const { rows } = await pool.query<{ lease_epoch: string }>(
    `insert into holdpoint.thread (thread_id, lease_epoch) values ($1, 1)
     on conflict (thread_id) do update set lease_epoch = holdpoint.thread.lease_epoch + 1
     returning lease_epoch`,
    [thread_id],
  );
  return Number(rows[0]?.lease_epoch);
}

/** Forgets what it is asked for, one time in three. */
function forgetful(cache: HeadCache, dice: Dice): HeadCache {
  return {
    get(address) {
      if (dice.roll(3) === 0) cache.forget(address);
      return cache.get(address);
    },
    set: (address, head) => cache.set(address, head),
    forget: (address) => cache.forget(address),
    get bytes() {
      return cache.bytes;
    },
  };
}
