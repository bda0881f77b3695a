import { getConfig } from "@langchain/langgraph";
import { longestCallMs } from "../policy/call-retry.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Json } from "../protocol/json.ts";
import { effect } from "./effect.ts";
import { currentNode } from "./node.ts";
import { type EffectKind, portsIfAny, runSignal } from "./ports.ts";
import type { Tool, ToolCall } from "./tool.ts";
import { type Attempted, type AttemptTerms, attemptCall } from "./tool-attempts.ts";
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

/** Calls a tool under all its terms. */
export async function callTool(tool: Tool, given: unknown, { key }: { key?: string | undefined }): Promise<CalledTool> {
  const read = await readArgs(tool, given);
  await refuseForbidden(tool);
  const raw = tool.effect === "read" ? await readOnly(tool, read) : await change(tool, read, key);
  if (raw.attempts === 0) {
    return { value: await readResult(tool, call(read), raw.value, 0), attempts: 0, from: "stored", cost: null };
  }
  // An effect has been paid for whatever its result looks like.
  const fixed = typeof tool.options.cost === "number" ? await recordCost(tool, tool.options.cost) : null;
  const value = tool.effect === "read" ? raw.value : await readResult(tool, call(read), raw.value, raw.attempts);
  const { cost } = tool.options;
  const computed = typeof cost === "function" ? await recordCost(tool, cost(read.args, value)) : null;
  return { value, attempts: raw.attempts, from: "live", cost: fixed ?? computed };
}

const call = ({ recorded }: ReadArgs) => ({ args: recorded });

/** What changes nothing is asked without a record, and asked again where its result is not what it declares. */
async function readOnly(tool: Tool, read: ReadArgs): Promise<Attempted<unknown>> {
  const stopped = stopSignal();
  return await attemptCall(termsOf(tool, read, stopped), async (signal) => {
    const result = await functionOf(tool)(read.args, { effect_id: "", signal });
    return await readResult(tool, call(read), result, 1);
  });
}

/** What changes the world is attempted inside of one effect, whose receipt later executions are given. */
async function change(tool: Tool, read: ReadArgs, key: string | undefined): Promise<Attempted<Json>> {
  const { name, effect: kind, options } = tool;
  const body = async (call: ToolCall) => receiptOf(await functionOf(tool)(read.args, call));
  return await record(
    { name, kind, key, args: read.recorded, holdBack: options.hold_back !== undefined },
    tool,
    read,
    body,
  );
}

/** Undoes a call: an effect of its own. */
export async function undoCall(tool: Tool, given: unknown, result: unknown, key: string | undefined): Promise<void> {
  const read = await readArgs(tool, given);
  const kept = asJson(result);
  if (kept === undefined) throw new HoldpointError("invalid", `the result of ${tool.name} to undo is no JSON`);
  await refuseForbidden(tool);
  const undone = { args: read.recorded, result: kept };
  const name = `${tool.name}.undo`;
  const what: Change = { name, kind: "once", key: `${key ?? tool.name}:undo`, args: undone, holdBack: false };
  await record(what, tool, read, async (call) => {
    await tool.options.compensate?.(read.args, await readResult(tool, undone, kept, 1), call);
    return null;
  });
}

/** What the ledger is told of a change. */
interface Change {
  name: string;
  kind: EffectKind;
  key: string | undefined;
  args: Json;
  holdBack: boolean;
}

async function record(
  { name, kind, key, args, holdBack }: Change,
  tool: Tool,
  read: ReadArgs,
  body: (call: ToolCall) => Promise<Json>,
): Promise<Attempted<Json>> {
  let attempts = 0;
  const { wholeMs } = termsOf(tool, read, undefined);
  const value = await effect<Json, Json>({
    name,
    kind,
    ...(key === undefined ? {} : { key }),
    args,
    timeout_ms: wholeMs,
    run: async ({ effect_id, signal: stopped }) => {
      // Rights may have been taken away while it was held back.
      if (holdBack) await refuseForbidden(tool);
      const terms = { ...termsOf(tool, read, stopped), isLast: () => kind === "once" };
      const done = await attemptCall(terms, (signal) => body({ effect_id, signal }));
      attempts = done.attempts;
      return done.value;
    },
  });
  return { value, attempts };
}

type ToolFunction = (args: unknown, call: ToolCall) => unknown;

/** What is called: the tool's own function, or what a test has put in its place. */
function functionOf({ name, options }: Tool): ToolFunction {
  return portsIfAny()?.standIns?.get(name) ?? ((args, told) => options.run(args, told));
}

function termsOf(tool: Tool, read: ReadArgs, stopped: AbortSignal | undefined): AttemptTerms {
  const { timeout_ms, attempts, back_off, redact = [] } = tool.options;
  const timeoutMs = timeout_ms ?? TOOL_DEFAULTS.timeoutMs;
  const longestMs = back_off?.longest_ms ?? Math.max(TOOL_DEFAULTS.longestMs, back_off?.first_ms ?? 0);
  const retry = {
    attempts: attempts ?? TOOL_DEFAULTS.attempts,
    firstMs: back_off?.first_ms ?? Math.min(TOOL_DEFAULTS.firstMs, longestMs),
    longestMs,
  };
  return {
    ...retry,
    tool,
    timeoutMs,
    // One wait more than between the attempts: for the limit, before the first.
    wholeMs: longestCallMs(retry, timeoutMs) + timeoutMs,
    stopped,
    call: { tool: tool.name, args: read.recorded, redact },
    isLast: () => false,
  };
}

/** What ends a call before its time: the run's end, and the node's. */
function stopSignal(): AbortSignal | undefined {
  const signals = [runSignal(), getConfig()?.signal].filter((signal) => signal !== undefined);
  return signals.length > 1 ? AbortSignal.any(signals) : signals[0];
}

async function recordCost({ name }: Tool, cost: number): Promise<number> {
  if (!isCost(cost)) throw new HoldpointError("invalid", `${name} says that a call costs ${cost}; give 0 or more`);
  const tokens = { input_tokens: 0, output_tokens: 0, cached_tokens: 0 };
  const node = currentNode();
  await portsIfAny()?.guards.meter.record({ kind: "tool", name, node: node === "" ? null : node, ...tokens, cost });
  return cost;
}
