import { masked } from "../../policy/mask.ts";
import type { ErrorClass } from "../../protocol/error-class.ts";
import { type ErrorCode, type HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import type { Json } from "../../protocol/json.ts";
import type { ToolOutcome } from "../../protocol/tool-outcome.ts";
import type { TrailEntry } from "../../protocol/trail.ts";
import { kitClock } from "../clock.ts";
import { currentNode } from "../node.ts";
import type { Tool } from "../tool/tool.ts";
import { callTool } from "../tool/tool-call.ts";
import { classifyFailure } from "../tool/tool-failure.ts";
import { asJson } from "../tool/tool-json.ts";

/** A call that is to be made. */
export interface PlannedCall {
  call_id: string;
  tool: Tool;
  args: unknown;
  /** Tells the effects of one task apart. */
  key: string;
  step: string | null;
}

/** A call that is not made, and why. */
export interface RefusedCall {
  call_id: string;
  tool: string;
  args: unknown;
  step: string | null;
  refused: string;
  class: ErrorClass;
}

// What a call can end in that others can go on from. Everything else is about the run, and ends it.
const OUTCOMES: ReadonlySet<ErrorCode> = new Set([
  "breaker_open",
  "effect_given_up",
  "effect_recalled",
  "model_failed",
  "permission_denied",
  "rate_limited",
  "tool_failed",
]);

/** Makes a call, and says what became of it. Throws what is about the run as a whole. */
export async function outcomeOf(call: PlannedCall): Promise<ToolOutcome> {
  const { tool, key } = call;
  const clock = kitClock();
  const begunAt = clock.now();
  try {
    const { value, attempts, from, cost } = await callTool(tool, call.args, { key });
    const result = asJson(value);
    const ended = { ...facts(call), attempts, duration_ms: clock.now() - begunAt, from, cost };
    if (result !== undefined) return { ...ended, ok: true, result, error: null };
    const message = `${tool.name} was called, and its result cannot be written as JSON`;
    return { ...ended, ok: false, result: null, error: { class: "tool", message } };
  } catch (error) {
    if (!isHoldpointError(error) || !OUTCOMES.has(error.code)) throw error;
    const failed = { ...facts(call), duration_ms: clock.now() - begunAt, from: "live" as const, cost: null };
    return { ...failed, ok: false, result: null, attempts: attemptsOf(error), error: shown(error, clock.now()) };
  }
}

/** What became of a call that was not made. */
export function refusedOutcome({ refused, class: kind, ...call }: RefusedCall): ToolOutcome {
  const { call_id, tool, step } = call;
  const args = asJson(call.args) ?? null;
  const error = { class: kind, message: refused };
  return {
    call_id,
    tool,
    args,
    step,
    ok: false,
    result: null,
    error,
    attempts: 0,
    duration_ms: 0,
    from: "live",
    cost: null,
  };
}

function facts({ call_id, tool, args, step }: PlannedCall) {
  return { call_id, tool: tool.name, args: shownArgs(tool, args), step };
}

/** Arguments as records show them. */
export function shownArgs({ options }: Tool, args: unknown): Json {
  return masked(asJson(args) ?? null, options.redact ?? []);
}

function attemptsOf({ facts }: HoldpointError): number {
  return typeof facts["attempts"] === "number" ? facts["attempts"] : 0;
}

function shown(error: HoldpointError, nowMs: number): { class: ErrorClass; message: string } {
  return { class: classifyFailure(error, nowMs).class, message: error.message };
}

/** What the trail says of a call. */
export function trailOf(outcome: ToolOutcome): TrailEntry {
  const { call_id, tool, ok, error, attempts, duration_ms, from, cost } = outcome;
  const failed = { class: error?.class ?? null, message: error?.message ?? null };
  return { kind: "tool", node: currentNode(), call_id, tool, ok, ...failed, attempts, duration_ms, from, cost };
}

/** Makes calls: those that only read side by side, those that change something one after the other, in their order. */
export async function makeCalls(calls: readonly (PlannedCall | RefusedCall)[]): Promise<ToolOutcome[]> {
  const outcomes: ToolOutcome[] = [];
  let reads: (PlannedCall | RefusedCall)[] = [];
  const flush = async () => {
    // All are waited for before one that cannot go on is told: nothing is left running behind.
    const settled = await Promise.allSettled(reads.map(made));
    reads = [];
    for (const one of settled) {
      if (one.status === "rejected") throw one.reason;
      outcomes.push(one.value);
    }
  };
  for (const call of calls) {
    if ("refused" in call || call.tool.effect === "read") {
      reads.push(call);
      continue;
    }
    await flush();
    outcomes.push(await outcomeOf(call));
  }
  await flush();
  return outcomes;
}

async function made(call: PlannedCall | RefusedCall): Promise<ToolOutcome> {
  return "refused" in call ? refusedOutcome(call) : await outcomeOf(call);
}
