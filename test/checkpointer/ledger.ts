import { isDeepStrictEqual } from "node:util";
import { type Checkpoint, emptyCheckpoint, type PendingWrite, uuid6 } from "@langchain/langgraph-checkpoint";
import type { HoldpointSaver } from "../../src/postgres/checkpointer/saver.ts";
import type { Dice } from "../support/dice.ts";
import { collect } from "./walk.ts";

/** A checkpoint as a writer sent it, and what Postgres has said of it. */
export interface Sent {
  checkpoint: Checkpoint;
  parent_id: string | undefined;
  /** Channels that are new in it. */
  versions: Record<string, number>;
  isAcknowledged: boolean;
  writes: PendingWrite[];
  areWritesAcknowledged: boolean;
}

/** What the writer of one thread sent, in its order. */
export interface Ledger {
  thread_id: string;
  sent: Map<string, Sent>;
}

/** What a thread should hold and does not, or should not and does. */
export interface Findings {
  checked: number;
  missing: string[];
  different: string[];
}

const TASK_ID = "11111111-1111-4111-8111-111111111111";

/** The checkpoint after `before`: a list and a table that grow, a document that changes now and then. */
export function nextOf(before: Sent | undefined, dice: Dice): Sent {
  const values = (before?.checkpoint.channel_values ?? { log: [], table: {}, document: null }) as {
    log: string[];
    table: Record<string, number>;
    document: unknown;
  };
  const step = values.log.length;
  const log = [...values.log, `entry ${step} ${"é\u0000€".repeat(dice.roll(20))}`];
  const isEdited = before === undefined || dice.roll(5) === 0;
  const changed = {
    log,
    table: { ...values.table, [`key ${dice.roll(8)}`]: step },
    ...(isEdited ? { document: { title: `as of ${step}`, text: "text ".repeat(dice.roll(200)) } } : {}),
  };
  const version = log.length;
  const versions = Object.fromEntries(Object.keys(changed).map((channel) => [channel, version]));
  const checkpoint = {
    ...emptyCheckpoint(),
    id: uuid6(step),
    channel_values: { ...values, ...changed },
    channel_versions: { ...before?.checkpoint.channel_versions, ...versions },
  };
  const writes: PendingWrite[] = [
    ["log", [`entry ${version}`]],
    ["table", { at: version, text: "€".repeat(dice.roll(50)) }],
  ];
  const parent_id = before?.checkpoint.id;
  return { checkpoint, parent_id, versions, isAcknowledged: false, writes, areWritesAcknowledged: false };
}

/** The task whose writes they are. */
export const taskOf = (): string => TASK_ID;

/** Reads everything a thread holds and compares it with what was sent. What was never acknowledged may be there whole. */
export async function audit(saver: HoldpointSaver, { thread_id, sent }: Ledger): Promise<Findings> {
  const findings: Findings = { checked: 0, missing: [], different: [] };
  const tuples = await collect(saver.list({ configurable: { thread_id } }));
  const stored = new Map(tuples.map((tuple) => [tuple.checkpoint.id, tuple]));
  for (const [checkpoint_id, one] of sent) {
    const tuple = stored.get(checkpoint_id);
    stored.delete(checkpoint_id);
    const label = `${thread_id}/${checkpoint_id}`;
    findings.checked += 1;
    if (tuple === undefined) {
      if (one.isAcknowledged || one.areWritesAcknowledged) findings.missing.push(label);
      continue;
    }
    const parent_id = tuple.parentConfig?.configurable?.["checkpoint_id"];
    const isSame = isDeepStrictEqual(tuple.checkpoint, one.checkpoint) && parent_id === one.parent_id;
    if (!isSame) findings.different.push(label);
    const writes = tuple.pendingWrites ?? [];
    if (writes.length === 0 && one.areWritesAcknowledged) findings.missing.push(`${label} writes`);
    const expected = one.writes.map(([channel, value]) => [TASK_ID, channel, value]);
    if (writes.length > 0 && !isDeepStrictEqual(writes, expected)) findings.different.push(`${label} writes`);
  }
  for (const checkpoint_id of stored.keys()) findings.different.push(`${thread_id}/${checkpoint_id} was never sent`);
  return findings;
}
