import { getConfig } from "@langchain/langgraph";
import type { EffectKind } from "../../protocol/effect.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Json } from "../../protocol/json.ts";
import { effect } from "../effects/effect.ts";
import { notDone } from "../effects/not-done.ts";
import { type JoinedSignal, joinSignals } from "../join-signals.ts";
import { currentNode } from "../node.ts";
import { portsIfAny, runSignal } from "../ports.ts";
import type { Tool, ToolCall } from "./tool.ts";
import { type Attempted, type AttemptTerms, attemptCall, tryCall } from "./tool-attempts.ts";
import { asJson, type ReadArgs, readArgs, readResult, receiptOf } from "./tool-json.ts";
import { isCost, TOOL_DEFAULTS } from "./tool-options.ts";
import { refuseForbidden } from "./tool-permission.ts";

/** A call that has gone well. */
export interface CalledTool {
  value: unknown;
  /** 0 where an earlier execution had the result. */
  attempts: number;
  from: "live" | "stored";
  cost: number | null;
}

/** How a call is made. */
export interface CallTerms {
  /** Tells the effects of one task apart. */
  key?: string | undefined;
  /** Somebody else tells how long it takes. */
  isWatched?: boolean;
}

/** Calls a tool under all its terms. */
export async function callTool(tool: Tool, given: unknown, { key, isWatched }: CallTerms): Promise<CalledTool> {
  const read = await readArgs(tool, given);
  await refuseForbidden(tool);
  if (tool.effect === "read") {
    const { value, attempts } = await readOnly(tool, read, isWatched === true);
    return { value, attempts, from: "live", cost: await costOf(tool, read, value) };
  }
  const { value: receipt, attempts } = await change(tool, read, key);
  const isLive = attempts > 0;
  // An effect has been paid for whatever its result looks like.
  const fixed = isLive && typeof tool.options.cost === "number" ? await recordCost(tool, tool.options.cost) : null;
  const value = await readResult(tool, read.recorded, receipt, attempts);
  if (!isLive || fixed !== null) return { value, attempts, from: isLive ? "live" : "stored", cost: fixed };
  return { value, attempts, from: "live", cost: await costOf(tool, read, value) };
}

/** What changes nothing is asked without a record, and asked again where its result is not what it declares. */
async function readOnly(tool: Tool, read: ReadArgs, isWatched: boolean): Promise<Attempted<unknown>> {
  const { signal: stopped, release } = stopSignal();
  const terms = termsOf(tool, read, "read");
  const begunAt = performance.now();
  const calling = attemptCall(terms, stopped, (attempts) =>
    tryCall(terms, attempts, stopped, async (signal) => {
      const result = await functionOf(tool)(read.args, { effect_id: "", signal });
      return await readResult(tool, read.recorded, result, attempts);
    }),
  );
  return await calling.finally(() => {
    release();
    if (!isWatched) portsIfAny()?.toolTook?.(performance.now() - begunAt);
  });
}

/** What changes the world is one effect, whose receipt later executions are given. */
async function change(tool: Tool, read: ReadArgs, key: string | undefined): Promise<Attempted<Json>> {
  const { name, effect: kind } = tool;
  const { redact = [], hold_back } = tool.options;
  const what: Change = { name, kind, key, args: read.recorded, redact, ...(hold_back && { hold_back }) };
  return await record(what, tool, read, async (call) => receiptOf(await functionOf(tool)(read.args, call)));
}

/** Undoes a call: an effect of its own. */
export async function undoCall(tool: Tool, given: unknown, result: unknown, key: string | undefined): Promise<void> {
  const read = await readArgs(tool, given);
  const kept = asJson(result);
  if (kept === undefined) throw new HoldpointError("invalid", `the result of ${tool.name} to undo is no JSON`);
  await refuseForbidden(tool);
  const what: Change = {
    name: `${tool.name}.undo`,
    kind: "once",
    key: `${key ?? tool.name}:undo`,
    args: { args: read.recorded, result: kept },
    redact: (tool.options.redact ?? []).map((pointer) => `/args${pointer}`),
  };
  await record(what, tool, read, async (call) => {
    await tool.options.compensate?.(read.args, await readResult(tool, read.recorded, kept, 1), call);
    return null;
  });
}

/** What the ledger is told of a change. */
interface Change {
  name: string;
  kind: EffectKind;
  key: string | undefined;
  args: Json;
  redact: readonly string[];
  hold_back?: NonNullable<Tool["options"]["hold_back"]>;
}

/** All attempts are at the same effect. 0 attempts where an earlier execution, or a person, had the result. */
async function record(
  { key, ...what }: Change,
  tool: Tool,
  read: ReadArgs,
  body: (call: ToolCall) => Promise<Json>,
): Promise<Attempted<Json>> {
  let made = 0;
  const terms = termsOf(tool, read, what.kind);
  const { signal, release } = stopSignal();
  const calling = attemptCall(terms, signal, (attempts) =>
    effect<Json, Json>({
      ...what,
      ...(key === undefined ? {} : { key }),
      timeout_ms: terms.timeoutMs,
      ...(what.name === tool.name ? { result: tool.output } : {}),
      run: async ({ effect_id, signal: stopped }) => {
        // Rights may have been taken away while it was held back.
        if (what.hold_back !== undefined) await refuseForbidden(tool).catch(surelyNot);
        const done = await tryCall(terms, attempts, stopped, (signal) => body({ effect_id, signal }));
        made = attempts;
        return done;
      },
    }),
  );
  const { value } = await calling.finally(release);
  return { value, attempts: made };
}

function surelyNot(error: unknown): never {
  throw error instanceof Error ? notDone(error) : error;
}

type ToolFunction = (args: unknown, call: ToolCall) => unknown;

/** What is called: the tool's own function, or what a test has put in its place. */
function functionOf({ name, options }: Tool): ToolFunction {
  return portsIfAny()?.standIns?.get(name) ?? ((args, told) => options.run(args, told));
}

function termsOf(tool: Tool, read: ReadArgs, kind: EffectKind): AttemptTerms {
  const { timeout_ms, attempts, back_off, redact = [] } = tool.options;
  const longestMs = back_off?.longest_ms ?? Math.max(TOOL_DEFAULTS.longestMs, back_off?.first_ms ?? 0);
  return {
    attempts: attempts ?? TOOL_DEFAULTS.attempts,
    firstMs: back_off?.first_ms ?? Math.min(TOOL_DEFAULTS.firstMs, longestMs),
    longestMs,
    tool,
    timeoutMs: timeout_ms ?? TOOL_DEFAULTS.timeoutMs,
    call: { tool: tool.name, args: read.recorded, redact },
    isOnce: kind === "once",
  };
}

/** What ends a call before its time: the run's end, and the node's. */
function stopSignal(): JoinedSignal {
  return joinSignals(runSignal(), getConfig()?.signal);
}

async function costOf(tool: Tool, { args }: ReadArgs, value: unknown): Promise<number | null> {
  const { cost } = tool.options;
  if (cost === undefined) return null;
  return await recordCost(tool, typeof cost === "function" ? cost(args, value) : cost);
}

async function recordCost({ name }: Tool, cost: number): Promise<number> {
  if (!isCost(cost)) throw new HoldpointError("invalid", `${name} says that a call costs ${cost}; give 0 or more`);
  const tokens = { input_tokens: 0, output_tokens: 0, cached_tokens: 0 };
  const node = currentNode();
  await portsIfAny()?.guards.meter.record({ kind: "tool", name, node: node === "" ? null : node, ...tokens, cost });
  return cost;
}
