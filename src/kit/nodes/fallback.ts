import { isGraphBubbleUp } from "@langchain/langgraph";
import { classifyError, STRATEGIES } from "../../policy/error-class.ts";
import type { ErrorClass } from "../../protocol/error-class.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import type { TrailEntry } from "../../protocol/trail.ts";
import { withoutSecrets } from "../../telemetry/log-error.ts";
import { kitClock } from "../clock.ts";
import { type NamesOf, refuseUnknown } from "../known-options.ts";
import { currentNode, type KitUpdate, type NodeFunction, writing } from "../node.ts";
import { plainText } from "../plain-json.ts";
import { portsIfAny, runSignal } from "../ports.ts";
import { withinTime } from "../time-limit.ts";
import { asJson } from "../tool/tool-json.ts";

/** How good a result is that was got in another way, from the best to the least. Only `full` is what was asked for. */
export const LADDER = ["full", "simpler", "cached", "partial", "degraded"] as const;

/** How good a result is. */
export type Rung = (typeof LADDER)[number];

/** Why a step gave no result. */
export interface StepFailure {
  step: string;
  class: ErrorClass;
  message: string;
}

/** What a step is told beside the state. */
export interface StepCall {
  /** Aborted when the time of the step is over, or the run is stopped. */
  signal: AbortSignal;
  /** What the steps before have failed by. */
  failures: readonly StepFailure[];
}

/** One way to a result. */
export interface FallbackStep<State, Value> {
  rung: Rung;
  /** The rung unless given. */
  name?: string;
  /** 60 seconds unless given. */
  timeout_ms?: number;
  /** Gives the result; undefined says that it has none. Left out for `cached`, the last good result is taken. */
  run?: (state: State, call: StepCall) => Promise<Value | undefined> | Value | undefined;
}

/** What the state is given: the result, and what it is. */
export interface FallbackResult<Value> {
  value: Value;
  /** The step that gave it. */
  step: string;
  rung: Rung;
  /** True unless it is what was asked for. */
  degraded: boolean;
  failures: readonly StepFailure[];
}

/** The ways to a result, best first, and where it goes. */
export interface FallbackOptions<State, Value> {
  into: keyof State & string;
  steps: readonly FallbackStep<State, Value>[];
  /** Keeps full results for a `cached` step without a function of its own. `key` names everything the result depends on. */
  cache?: { key: (state: State) => string; ttl_ms: number };
}

const STEP_TIMEOUT_MS = 60_000;
const LONGEST_MESSAGE = 500;
const KEYS = { into: true, steps: true, cache: true } satisfies NamesOf<FallbackOptions<never, never>>;
const STEP_KEYS = { rung: true, name: true, timeout_ms: true, run: true } satisfies NamesOf<FallbackStep<never, never>>;
const CACHE_KEYS = { key: true, ttl_ms: true } satisfies NamesOf<NonNullable<FallbackOptions<never, never>["cache"]>>;

/** A node that tries one way after the other. What it gives says which one it was, and is called degraded where it is. */
export function fallback<State, Value>(
  options: FallbackOptions<State, Value>,
): NodeFunction<State, Record<string, unknown>> {
  checkOptions(options);
  const { into } = options;
  const climb: NodeFunction<State, Record<string, unknown>> = async (state) => {
    const result = await climbDown(options, state);
    const { step, degraded, failures } = result;
    const entry: TrailEntry = { kind: "fallback", node: currentNode(), step, degraded, failures: [...failures] };
    return { [into]: result, trail: [entry] } as KitUpdate<Record<string, unknown>>;
  };
  return writing(climb, { into });
}

async function climbDown<State, Value>(
  options: FallbackOptions<State, Value>,
  state: State,
): Promise<FallbackResult<Value>> {
  const failures: StepFailure[] = [];
  for (const one of options.steps) {
    const { rung } = one;
    const step = nameOf(one);
    try {
      const value = await take(options, one, state, failures);
      if (value === undefined) {
        failures.push({ step, class: "tool", message: "it had nothing" });
        continue;
      }
      if (rung === "full") await keep(options, state, value);
      return { value, step, rung, degraded: rung !== "full", failures };
    } catch (error) {
      runSignal()?.throwIfAborted();
      const kind = classifyError(error, kitClock().now()).class;
      // A mistake of the program is not made good by another way: it would never be found.
      if (isGraphBubbleUp(error) || !STRATEGIES[kind].fallback) throw error;
      failures.push({ step, class: kind, message: wordsOf(error) });
    }
  }
  throw nothingLeft(options.into, failures);
}

async function take<State, Value>(
  options: FallbackOptions<State, Value>,
  { run, timeout_ms = STEP_TIMEOUT_MS }: FallbackStep<State, Value>,
  state: State,
  failures: readonly StepFailure[],
): Promise<Value | undefined> {
  if (run === undefined) return (await portsIfAny()?.guards.cache.get(cacheKey(options, state))) as Value | undefined;
  return await withinTime(timeout_ms, runSignal(), (signal) => run(state, { signal, failures: [...failures] }));
}

/** Keeps a result for worse times; what cannot be kept is given all the same. */
async function keep<State, Value>(options: FallbackOptions<State, Value>, state: State, value: Value): Promise<void> {
  const json = asJson(value);
  if (options.cache === undefined || json === undefined) return;
  await portsIfAny()?.guards.cache.put(cacheKey(options, state), json, options.cache.ttl_ms);
}

function cacheKey<State, Value>({ into, cache }: FallbackOptions<State, Value>, state: State): string {
  const graph_id = portsIfAny()?.run.graph_id ?? "";
  return JSON.stringify(["fallback", graph_id, into, cache?.key(state)]);
}

function wordsOf(error: unknown): string {
  const text = error instanceof Error ? error.message : `it threw ${typeof error}`;
  return plainText(withoutSecrets(text)).slice(0, LONGEST_MESSAGE).toWellFormed();
}

function nothingLeft(into: string, failures: readonly StepFailure[]): HoldpointError {
  const told = failures.map(({ step, message }) => `${step}: ${message}`).join("; ");
  const kind = failures.at(-1)?.class ?? "tool";
  const message = `no step gave "${into}" a result (${told})`;
  return new HoldpointError("tool_failed", message, { facts: { class: kind, tool: into, failures } });
}

const nameOf = <State, Value>({ name, rung }: FallbackStep<State, Value>) => name ?? rung;

function checkOptions<State, Value>(options: FallbackOptions<State, Value>): void {
  refuseUnknown("fallback", options, KEYS);
  const { into, steps, cache } = options;
  for (const step of steps) refuseUnknown(`the step "${nameOf(step)}" of fallback`, step, STEP_KEYS);
  if (cache !== undefined) refuseUnknown("cache of fallback", cache, CACHE_KEYS);
  const invalid = (what: string) => new HoldpointError("invalid", `the fallback of "${into}" ${what}`);
  if (steps.length < 2) throw invalid(`has ${steps.length} steps; there is nothing to fall back to with less than 2`);
  const places = steps.map(({ rung }) => LADDER.indexOf(rung));
  if (places.includes(-1)) throw invalid(`has a step of no rung; give one of ${LADDER.join(", ")}`);
  if (places.some((place, index) => place < (places[index - 1] ?? 0)))
    throw invalid(`does not go down: give its steps in the order ${LADDER.join(", ")}`);
  const names = steps.map(nameOf);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(`has two steps "${twice}"; name them`);
  const empty = steps.find(({ rung, run }) => run === undefined && (rung !== "cached" || cache === undefined));
  if (empty !== undefined) throw invalid(`has a step "${nameOf(empty)}" without run; only cached can be, with cache`);
}
