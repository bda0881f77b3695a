import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FencedSaver } from "../../src/postgres/checkpointer/fenced-saver.ts";
import { createSaver, type HoldpointSaver } from "../../src/postgres/checkpointer/saver.ts";
import { type Database, openDatabase } from "../../src/postgres/database.ts";
import { isHoldpointError } from "../../src/protocol/errors.ts";
import { createDice, type Dice, SCALE } from "../support/dice.ts";
import { type OwnPostgres, openOwnPostgres } from "../support/own-postgres.ts";
import { until } from "../support/until.ts";
import { audit, type Ledger, nextOf, type Sent, taskOf } from "./ledger.ts";
import { METADATA } from "./support.ts";

const WRITERS = 64;
const CRASHES = 5 * SCALE;
const ACKNOWLEDGED_BETWEEN_CRASHES = 300;

/** The three ways of writing: alone, under a lease, and under a lease ahead of the disk. */
const WAYS = ["alone", "fenced", "behind"] as const;
type Way = (typeof WAYS)[number];

let postgres: OwnPostgres;
let database: Database;
let saver: HoldpointSaver;
beforeAll(async () => {
  postgres = await openOwnPostgres();
  database = openDatabase({ url: postgres.database.url });
  saver = createSaver({ pool: database.pool });
});
afterAll(async () => {
  await database.close();
  await postgres.end();
});

/** What all writers share. */
interface Storm {
  acknowledged: number;
  refused: number;
  isOver: boolean;
  /** What a writer found wrong. */
  fault: Error | undefined;
}

function viewOf(way: Way, thread_id: string): HoldpointSaver | FencedSaver {
  if (way === "alone") return saver;
  const run_id = "22222222-2222-4222-8222-222222222222";
  return saver.withLease({ thread_id, lease_epoch: 1, run_id, writeBehind: way === "behind" });
}

/** Sends one checkpoint and its writes, and notes what was acknowledged. */
async function send(storm: Storm, view: HoldpointSaver | FencedSaver, thread_id: string, one: Sent): Promise<void> {
  const config = (checkpoint_id?: string) => ({ configurable: { thread_id, checkpoint_ns: "", checkpoint_id } });
  // Only then is what was written ahead acknowledged.
  const landed = async () => "flush" in view && (await view.flush());
  await view.put(config(one.parent_id), one.checkpoint, METADATA, one.versions);
  await landed();
  one.isAcknowledged = true;
  storm.acknowledged += 1;
  await view.putWrites(config(one.checkpoint.id), one.writes, taskOf());
  await landed();
  one.areWritesAcknowledged = true;
}

/** Writes one thread until the storm is over. After a refusal it looks where the thread stands and goes on from there. */
async function write(storm: Storm, ledger: Ledger, way: Way, dice: Dice): Promise<void> {
  const { thread_id, sent } = ledger;
  let head: Sent | undefined;
  let again: Sent | undefined;
  let view = viewOf(way, thread_id);
  while (!storm.isOver) {
    const one = again ?? nextOf(head, dice);
    again = undefined;
    sent.set(one.checkpoint.id, one);
    try {
      await send(storm, view, thread_id, one);
      head = one;
    } catch (error) {
      if (!isHoldpointError(error) || error.code !== "database_unreachable") throw error;
      storm.refused += 1;
      view = viewOf(way, thread_id);
      const found = await standOf(view, thread_id);
      const expected = [one, ...(one.isAcknowledged ? [] : [head])].map((sent) => sent?.checkpoint.id);
      expect(expected, `${thread_id} after a refusal`).toContain(found);
      if (found === one.checkpoint.id) head = one;
      // Whoever does not know whether a checkpoint was stored may store it again.
      if (dice.roll(2) === 0) again = one;
    }
  }
}

/** The id of the newest checkpoint, as soon as Postgres answers. */
async function standOf(view: HoldpointSaver | FencedSaver, thread_id: string): Promise<string | undefined> {
  for (;;) {
    try {
      return (await view.getTuple({ configurable: { thread_id } }))?.checkpoint.id;
    } catch (error) {
      if (!isHoldpointError(error) || error.code !== "database_unreachable") throw error;
      await pause(50);
    }
  }
}

test(
  "Postgres crashes under 64 writers, again and again: what was acknowledged is there, and nothing is there by half",
  async () => {
    const storm: Storm = { acknowledged: 0, refused: 0, isOver: false, fault: undefined };
    const ledgers: Ledger[] = [];
    const writers: Promise<void>[] = [];
    for (let writer = 0; writer < WRITERS; writer += 1) {
      for (const way of WAYS) {
        const thread_id = `${way}-${writer}`;
        const text = "insert into holdpoint.thread (thread_id, lease_epoch) values ($1, 1)";
        if (way !== "alone") await database.pool.query(text, [thread_id]);
        const ledger = { thread_id, sent: new Map<string, Sent>() };
        ledgers.push(ledger);
        writers.push(write(storm, ledger, way, createDice(ledgers.length)));
      }
    }
    const writing = Promise.all(writers).catch((error: Error) => {
      storm.isOver = true;
      storm.fault = error;
    });
    for (let crash = 0; crash < CRASHES; crash += 1) {
      const enough = storm.acknowledged + ACKNOWLEDGED_BETWEEN_CRASHES;
      await until(`${enough} checkpoints are acknowledged`, () => storm.isOver || storm.acknowledged >= enough);
      if (storm.isOver) break;
      await postgres.stop("immediate");
      await postgres.start();
    }
    storm.isOver = true;
    await writing;
    if (storm.fault !== undefined) throw storm.fault;

    const fresh = openDatabase({ url: postgres.database.url });
    const reader = createSaver({ pool: fresh.pool });
    const findings = { checked: 0, missing: [] as string[], different: [] as string[] };
    for (const ledger of ledgers) {
      const { checked, missing, different } = await audit(reader, ledger);
      findings.checked += checked;
      findings.missing.push(...missing);
      findings.different.push(...different);
    }
    await fresh.close();
    expect(storm.refused).toBeGreaterThan(CRASHES);
    expect(findings).toEqual({ checked: expect.any(Number), missing: [], different: [] });
    expect(findings.checked).toBeGreaterThan(CRASHES * ACKNOWLEDGED_BETWEEN_CRASHES);
  },
  120_000 * SCALE,
);
