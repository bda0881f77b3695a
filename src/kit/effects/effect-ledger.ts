import type { EffectStatus } from "../../protocol/effect.ts";
import type { Json } from "../../protocol/json.ts";
import type { EffectRequest } from "../ports.ts";

/** An effect as it stands in the ledger. */
export interface LedgerEntry {
  effect_id: string;
  status: EffectStatus;
  /** The number of the last attempt. */
  attempt: number;
  /** When the last attempt was started, and by which run. */
  started_at: string;
  run_id: string;
  /** What the last attempt failed with, as far as that is known. */
  error: string | null;
  result: Json;
  /** Milliseconds left: until it may start where it is held, until the attempt's time is over where it was started. */
  left_ms: number;
  settled_because: string | null;
}

/** What the ledger says, and whether this execution may call now: then nobody else may. */
export interface LedgerStep {
  entry: LedgerEntry;
  execute: boolean;
}

/** What somebody has settled an effect with, and the digest of the question that they answered. */
export interface Settlement {
  attempt: number;
  value_digest: string;
}

/** Where the effects of the running task are kept. */
export interface EffectLedger {
  /** Aborted when the run or the node is stopped. */
  signal(): AbortSignal | undefined;
  /** Writes down what is about to happen, or gives what is known of it. Starts another attempt where that needs no question. */
  intend(request: EffectRequest): Promise<LedgerStep>;
  read(effect_id: string): Promise<LedgerEntry>;
  /** Starts what was held back; what has been recalled meanwhile stays as it is. */
  release(effect_id: string, request: EffectRequest): Promise<LedgerStep>;
  /** Starts another attempt at what a person wants tried again. */
  startAgain(effect_id: string, request: EffectRequest, settled: Settlement): Promise<LedgerStep>;
  /** From here on an execution of the task gets this result. */
  receive(effect_id: string, attempt: number, result: Json, settled?: Settlement): Promise<void>;
  giveUp(effect_id: string, settled: Settlement, reason: string): Promise<void>;
  /** Notes why an attempt failed; `isNotDone`: it did nothing. */
  fail(effect_id: string, attempt: number, message: string, isNotDone: boolean): Promise<void>;
}
