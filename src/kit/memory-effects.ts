import { randomUUID } from "node:crypto";
import { getConfig } from "@langchain/langgraph";
import { canonicalJson } from "../policy/canonical-json.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Json } from "../protocol/json.ts";
import type { EffectPort, EffectRequest } from "./ports.ts";

/** One effect as the in-memory port remembers it. */
export interface MemoryEffect extends EffectRequest {
  effect_id: string;
  status: "intent" | "receipt" | "failed";
  /** How often it was executed. */
  attempts: number;
  result?: Json;
}

/** The effect port of unit tests: the rules of the real one, remembered in a Map. */
export interface MemoryEffects extends EffectPort {
  /** Every effect so far, in the order of their intents. */
  readonly recorded: readonly MemoryEffect[];
}

/** Remembers effects in memory, by thread, task and key, for as long as the object lives. */
export function createMemoryEffects(options: { signal?: AbortSignal } = {}): MemoryEffects {
  const effects = new Map<string, MemoryEffect>();
  return {
    get recorded() {
      return [...effects.values()];
    },
    async perform(request, execute) {
      const identity = identityOf(request);
      const known = effects.get(identity);
      const entry = known ?? { ...request, effect_id: randomUUID(), status: "intent" as const, attempts: 0 };
      effects.set(identity, entry);
      if (canonicalJson(entry.args) !== canonicalJson(request.args)) {
        throw new HoldpointError(
          "effect_key_reused",
          `effect "${request.key}" was recorded with other args; they must not change between attempts`,
        );
      }
      if (entry.status === "receipt") return entry.result ?? null;
      if (known !== undefined && entry.kind === "once") {
        throw new HoldpointError(
          "effect_in_doubt",
          `effect "${request.key}" was started before and has no receipt; "once" is never started twice`,
        );
      }
      return attempt(entry, execute, options.signal);
    },
  };
}

async function attempt(
  entry: MemoryEffect,
  execute: Parameters<EffectPort["perform"]>[1],
  outer: AbortSignal | undefined,
): Promise<Json> {
  entry.attempts += 1;
  const timeout = AbortSignal.timeout(entry.timeoutMs);
  const signal = outer === undefined ? timeout : AbortSignal.any([outer, timeout]);
  try {
    const result = await execute({ effect_id: entry.effect_id, signal });
    entry.result = result;
    entry.status = "receipt";
    return result;
  } catch (error) {
    entry.status = "failed";
    throw error;
  }
}

// A task id is derived from its checkpoint, so a retried node finds its receipts and a later step does not.
function identityOf(request: EffectRequest): string {
  const configurable = getConfig()?.configurable as Record<string, unknown> | undefined;
  return JSON.stringify([configurable?.["thread_id"] ?? null, configurable?.["__pregel_task_id"] ?? null, request.key]);
}
