import type { z } from "zod";
import { canonicalJson } from "../../policy/canonical-json.ts";
import { JSON_POINTER } from "../../policy/json-pointer.ts";
import { spanSeconds } from "../../policy/span.ts";
import type { EffectKind } from "../../protocol/effect.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Json } from "../../protocol/json.ts";
import { currentPorts, type EffectCall, type EffectRequest } from "../ports.ts";
import type { Span } from "../review/review-terms.ts";
import { currentNodeAttempt, currentScratchpad } from "../review/task-turns.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
const LONGEST_HOLD_SECONDS = 86_400;
const LONGEST_NAME = 500;

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
  /**
   * How long it is held back before it happens, 24 hours at most: until then it can be recalled, and `effect()` throws
   * `effect_recalled`. The node waits, and its run keeps its place in a worker.
   */
  hold_back?: Span;
  /** JSON pointers into the arguments that no record shows, such as "/card/number". */
  redact?: readonly string[];
  /** What its result has to be where a person says, of an effect in doubt, that it happened. */
  result?: z.ZodType;
  /** Does it. `effect_id` is the same on every attempt: pass it on as idempotency key, or keep it in a unique column. */
  run: (call: EffectCall & { args: Args }) => Promise<Result>;
}

/**
 * Changes the world outside once: the intent is recorded, `run` is called, its result is the receipt. When the node is run
 * again, after a crash or a retry, the receipt is returned and `run` is not called. Where nobody knows if a call of kind
 * `once` happened, a person is asked; `notDone()` marks an error that leaves no doubt.
 */
export async function effect<Args, Result>(options: EffectOptions<Args, Result>): Promise<Result> {
  const { name, args, run } = options;
  const ports = currentPorts();
  const request = requestOf(options);
  const release = claimKey(request.key, name);
  try {
    const receipt = await ports.effects.perform(request, async (call) => {
      const result = await run({ ...call, args });
      return result === undefined ? null : asJson(result, `the result of effect "${name}"`);
    });
    return receipt as Result;
  } catch (error) {
    // Its caller may try again: the ledger knows what became of it.
    release();
    throw error;
  }
}

function requestOf({
  name,
  kind,
  key = name,
  args,
  timeout_ms = DEFAULT_TIMEOUT_MS,
  hold_back,
  redact = [],
  result,
}: Omit<EffectOptions<unknown, never>, "run">): EffectRequest {
  if (![name, key].every(isName))
    throw invalid(name, `needs a name and a key of 1 to ${LONGEST_NAME} characters of text`);
  if (!(timeout_ms > 0 && Number.isFinite(timeout_ms)))
    throw invalid(name, `has timeout_ms ${timeout_ms}; give a number above 0`);
  const holdSeconds = hold_back === undefined ? undefined : (spanSeconds(hold_back) ?? 0);
  if (holdSeconds !== undefined && !(holdSeconds > 0 && holdSeconds <= LONGEST_HOLD_SECONDS))
    throw invalid(name, `has hold_back ${JSON.stringify(hold_back)}; give a span such as "10m", "24h" at most`);
  if (holdSeconds !== undefined && kind === "read")
    throw invalid(name, "changes nothing, so there is nothing to hold back");
  const pointer = redact.find((one) => !JSON_POINTER.test(one));
  if (pointer !== undefined)
    throw invalid(name, `redacts ${JSON.stringify(pointer)}, which is no JSON pointer such as "/card/number"`);
  return {
    key,
    name,
    kind,
    args: asJson(args, `the args of effect "${name}"`),
    timeoutMs: timeout_ms,
    ...(holdSeconds === undefined ? {} : { holdBackMs: holdSeconds * 1000 }),
    ...(redact.length === 0 ? {} : { redact }),
    ...(result === undefined ? {} : { resultSchema: result }),
  };
}

// Both are stored and shown: no NUL characters, no halves of UTF-16 pairs.
const isName = (text: string) =>
  text.length > 0 && text.length <= LONGEST_NAME && !text.includes("\0") && text.isWellFormed();

function invalid(name: string, what: string): HoldpointError {
  return new HoldpointError("invalid", `effect "${name}" ${what}`);
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

const keysOfTask = new WeakMap<object, KeysOfAttempt>();

/** Takes the key for one call; gives the way to let go of it. */
function claimKey(key: string, name: string): () => void {
  const scratchpad = currentScratchpad();
  if (scratchpad === undefined) return () => {};
  // A retry by the node's own retry policy starts over: its effects are the same calls again.
  const attempt = currentNodeAttempt();
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
  return () => used.keys.delete(key);
}
