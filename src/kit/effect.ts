import { getConfig } from "@langchain/langgraph";
import { canonicalJson } from "../policy/canonical-json.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Json } from "../protocol/json.ts";
import { currentPorts, type EffectCall, type EffectKind } from "./ports.ts";

const DEFAULT_TIMEOUT_MS = 30_000;

/** What an effect is called, what it is given and how it is done. */
export interface EffectOptions<Args, Result> {
  /** What it does, in the words of an audit trail: "chinook.refund". */
  name: string;
  kind: EffectKind;
  /** JSON; recorded with the intent, before anything happens. */
  args: Args;
  /** Tells several effects of one task apart; the name unless given. */
  key?: string;
  /** After this long it counts as in doubt; 30 seconds unless given. */
  timeout_ms?: number;
  /** Does it. `effect_id` is the same on every attempt: pass it on as idempotency key, or keep it in a unique column. */
  run: (call: EffectCall & { args: Args }) => Promise<Result>;
}

/**
 * Changes the world outside once: the intent is recorded, `run` is called, its result is the receipt. When the node
 * is run again, after a crash or a retry, the receipt is returned and `run` is not called.
 */
export async function effect<Args, Result>(options: EffectOptions<Args, Result>): Promise<Result> {
  const { name, kind, args, run } = options;
  const key = options.key ?? name;
  const timeoutMs = options.timeout_ms ?? DEFAULT_TIMEOUT_MS;
  if (!(timeoutMs > 0 && Number.isFinite(timeoutMs))) {
    throw new HoldpointError("invalid", `effect "${name}" has timeout_ms ${timeoutMs}; give a number above 0`);
  }
  const ports = currentPorts();
  claimKey(key, name);
  const recorded = asJson(args, `the args of effect "${name}"`);
  const receipt = await ports.effects.perform({ key, name, kind, args: recorded, timeoutMs }, async (call) => {
    const result = await run({ ...call, args });
    return result === undefined ? null : asJson(result, `the result of effect "${name}"`);
  });
  return receipt as Result;
}

/** Through JSON and back, so that the first run and a later reading of the receipt see the same value. */
function asJson(value: unknown, what: string): Json {
  try {
    return JSON.parse(canonicalJson(value)) as Json;
  } catch (cause) {
    throw new HoldpointError("invalid", `${what} cannot be recorded: ${(cause as Error).message}`, { cause });
  }
}

interface KeysOfAttempt {
  attempt: number;
  keys: Set<string>;
}

// The scratchpad is LangGraph's one object per task and execution; outside a graph there is no task to tell apart.
const keysOfTask = new WeakMap<object, KeysOfAttempt>();

function claimKey(key: string, name: string): void {
  const config = getConfig() as
    | { configurable?: Record<string, unknown>; executionInfo?: { nodeAttempt?: number } }
    | undefined;
  const scratchpad = config?.configurable?.["__pregel_scratchpad"];
  if (typeof scratchpad !== "object" || scratchpad === null) return;
  // A retry by the node's own retry policy starts over: its effects are the same calls again.
  const attempt = config?.executionInfo?.nodeAttempt ?? 1;
  const known = keysOfTask.get(scratchpad);
  const used = known?.attempt === attempt ? known : { attempt, keys: new Set<string>() };
  keysOfTask.set(scratchpad, used);
  if (used.keys.has(key)) {
    throw new HoldpointError(
      "effect_key_reused",
      `effect "${name}" uses the key "${key}" a second time in one task; give each call its own key, ` +
        `such as key: \`${name}:\${id}\``,
      { facts: { key, name } },
    );
  }
  used.keys.add(key);
}
