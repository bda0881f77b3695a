import { randomUUID } from "node:crypto";
import { getConfig } from "@langchain/langgraph";
import { canonicalJson } from "../../policy/canonical-json.ts";
import { masked } from "../../policy/mask.ts";
import type { EffectStatus } from "../../protocol/effect.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Json } from "../../protocol/json.ts";
import { kitClock } from "../clock.ts";
import { type EffectPort, type EffectRequest, portsIfAny } from "../ports.ts";
import type { EffectLedger, LedgerEntry, LedgerStep } from "./effect-ledger.ts";
import { performEffect } from "./perform-effect.ts";

/** One effect as the in-memory port remembers it; `args` without what is kept secret. */
export interface MemoryEffect extends Omit<EffectRequest, "resultSchema"> {
  effect_id: string;
  status: EffectStatus;
  /** How often it was executed. */
  attempts: number;
  result?: Json;
  error?: string;
}

/** The effect port of unit tests: the rules of the real one, remembered in memory. */
export interface MemoryEffects extends EffectPort {
  /** Every effect so far, in the order of their intents. */
  readonly recorded: readonly MemoryEffect[];
  /** Recalls what is held back. Throws `effect_settled` when it is not held any more. */
  recall(effect_id: string, reason: string): void;
}

interface Kept {
  shown: MemoryEffect;
  /** Of the arguments as they were given. */
  args: string;
  started_at: number;
  /** Until when it is held, or its attempt may take. */
  until: number;
  because: string | null;
}

/** Remembers effects in memory, by thread, task and key, for as long as the object lives. */
export function createMemoryEffects(options: { signal?: AbortSignal } = {}): MemoryEffects {
  const effects = new Map<string, Kept>();
  const kept = (effect_id: string) => {
    const found = [...effects.values()].find(({ shown }) => shown.effect_id === effect_id);
    if (found === undefined) throw new HoldpointError("not_found", `there is no effect ${effect_id}`);
    return found;
  };
  const ledger = memoryLedger(effects, kept, options.signal);
  return {
    get recorded() {
      return [...effects.values()].map(({ shown }) => shown);
    },
    perform: (request, execute) => performEffect(ledger, request, execute),
    recall(effect_id, reason) {
      const effect = kept(effect_id);
      if (effect.shown.status !== "held")
        throw new HoldpointError(
          "effect_settled",
          `effect ${effect_id} is ${effect.shown.status}; only what is held can be recalled`,
        );
      effect.shown.status = "recalled";
      effect.because = reason;
    },
  };
}

function memoryLedger(
  effects: Map<string, Kept>,
  kept: (effect_id: string) => Kept,
  signal: AbortSignal | undefined,
): EffectLedger {
  const settle = (effect_id: string, attempt: number, status: EffectStatus, change: Partial<MemoryEffect> = {}) => {
    const effect = kept(effect_id);
    if (effect.shown.status === "intent" && effect.shown.attempts === attempt)
      Object.assign(effect.shown, { status, ...change });
    return effect;
  };
  return {
    signal: () => signal ?? portsIfAny()?.signal,
    intend: async (request) => intend(effects, request),
    read: async (effect_id) => entryOf(kept(effect_id)),
    async release(effect_id, { timeoutMs }) {
      const effect = kept(effect_id);
      return effect.shown.status === "held" ? start(effect, timeoutMs) : { entry: entryOf(effect), execute: false };
    },
    async startAgain(effect_id, { timeoutMs }, { attempt }) {
      const effect = kept(effect_id);
      const isSame = effect.shown.status === "intent" && effect.shown.attempts === attempt;
      return isSame ? start(effect, timeoutMs) : { entry: entryOf(effect), execute: false };
    },
    receive: async (effect_id, attempt, result) => void settle(effect_id, attempt, "receipt", { result }),
    async giveUp(effect_id, { attempt }, reason) {
      settle(effect_id, attempt, "failed").because = reason;
    },
    fail: async (effect_id, attempt, error, isNotDone) =>
      void settle(effect_id, attempt, isNotDone ? "not_done" : "intent", { error }),
  };
}

function intend(effects: Map<string, Kept>, request: EffectRequest): LedgerStep {
  const identity = identityOf(request);
  const known = effects.get(identity);
  const args = canonicalJson(request.args);
  if (known === undefined) {
    // What a result has to be is code, and nothing to show.
    const { resultSchema: _schema, ...asked } = request;
    const { holdBackMs } = asked;
    const shown: MemoryEffect = {
      ...asked,
      args: masked(request.args, request.redact ?? []),
      effect_id: randomUUID(),
      status: "held",
      attempts: 0,
    };
    const effect = { shown, args, started_at: 0, until: kitClock().now() + (holdBackMs ?? 0), because: null };
    effects.set(identity, effect);
    return holdBackMs === undefined ? start(effect, request.timeoutMs) : { entry: entryOf(effect), execute: false };
  }
  if (known.args !== args) {
    throw new HoldpointError(
      "effect_key_reused",
      `effect "${request.key}" was recorded with other args; they must not change between attempts`,
    );
  }
  const { status, kind } = known.shown;
  const isRepeated = status === "not_done" || (status === "intent" && kind !== "once");
  return isRepeated ? start(known, request.timeoutMs) : { entry: entryOf(known), execute: false };
}

function start(effect: Kept, timeoutMs: number): LedgerStep {
  effect.shown.status = "intent";
  effect.shown.attempts += 1;
  delete effect.shown.error;
  effect.started_at = kitClock().now();
  effect.until = effect.started_at + timeoutMs;
  return { entry: entryOf(effect), execute: true };
}

function entryOf({ shown, started_at, until, because }: Kept): LedgerEntry {
  return {
    effect_id: shown.effect_id,
    status: shown.status,
    attempt: shown.attempts,
    started_at: new Date(started_at).toISOString(),
    run_id: portsIfAny()?.run.run_id ?? "",
    error: shown.error ?? null,
    result: shown.result ?? null,
    left_ms: until - kitClock().now(),
    settled_because: because,
  };
}

// A task id is derived from its checkpoint, so a retried node finds its receipts and a later step does not.
function identityOf(request: EffectRequest): string {
  const configurable = getConfig()?.configurable as Record<string, unknown> | undefined;
  return JSON.stringify([configurable?.["thread_id"] ?? null, configurable?.["__pregel_task_id"] ?? null, request.key]);
}
