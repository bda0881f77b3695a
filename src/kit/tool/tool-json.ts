import type { z } from "zod";
import { canonicalJson } from "../../policy/canonical-json.ts";
import type { HoldpointError } from "../../protocol/errors.ts";
import type { Json } from "../../protocol/json.ts";
import type { Tool } from "./tool.ts";
import { toolFailed } from "./tool-failure.ts";

// Arguments are kept with the effect, shown in reviews and sent to models; results are kept in the state.
const MOST_ARGS_CHARACTERS = 1_000_000;
const MOST_RESULT_CHARACTERS = 10_000_000;

/** Arguments as the tool's function takes them, and as they are recorded. */
export interface ReadArgs {
  args: unknown;
  recorded: Json;
}

/** Checks the arguments of a call. Throws `tool_failed` of class `validation`, which names each place. */
export async function readArgs(tool: Tool, given: unknown): Promise<ReadArgs> {
  const size = sizeOf(given);
  if (size > MOST_ARGS_CHARACTERS)
    throw wrongArgs(tool, null, [`they have ${size} characters; ${MOST_ARGS_CHARACTERS} at most`]);
  const parsed = await tool.input.safeParseAsync(given);
  if (!parsed.success) throw wrongArgs(tool, asJson(given) ?? null, faultsOf(parsed.error));
  const recorded = asJson(parsed.data) ?? asJson(given);
  if (recorded === undefined) {
    if (tool.effect === "read") return { args: parsed.data, recorded: null };
    throw wrongArgs(tool, null, ["they cannot be written as JSON, so the effect could not be recorded"]);
  }
  return { args: parsed.data, recorded };
}

function wrongArgs({ name, options }: Tool, args: Json, faults: readonly string[]): HoldpointError {
  const call = { tool: name, args, redact: options.redact ?? [] };
  const error = new Error(`wrong arguments: ${faults.join("; ")}`);
  return toolFailed(call, error, { class: "validation" }, 0);
}

const MOST_FAULTS = 10;

/** What is wrong, each with its place: "/amount: must be a number". */
export function faultsOf(error: z.ZodError): string[] {
  const faults = error.issues.map(
    ({ path, message }) => `${path.length === 0 ? "" : `${pointerOf(path)}: `}${message}`,
  );
  const more = faults.length - MOST_FAULTS;
  return more > 0 ? [...faults.slice(0, MOST_FAULTS), `and ${more} more`] : faults;
}

/** A place in a value, as a JSON pointer. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function sizeOf(value: unknown): number {
  try {
    return JSON.stringify(value)?.length ?? 0;
  } catch {
    // It contains itself, or what only zod knows to read.
    return 0;
  }
}

/** The value as JSON carries it, dates as text; undefined where it cannot. */
export function asJson(value: unknown): Json | undefined {
  try {
    const text = JSON.stringify(value);
    if (text === undefined) return undefined;
    const plain = JSON.parse(text) as Json;
    // What has no form that a digest could cover cannot be recorded.
    canonicalJson(plain);
    return plain;
  } catch {
    return undefined;
  }
}

const UNREADABLE = "holdpoint:unreadable";

/**
 * A result as the ledger keeps it. What cannot be kept has happened all the same: a note stands for it, so that it is
 * neither repeated nor in doubt.
 */
export function receiptOf(result: unknown): Json {
  const plain = result === undefined ? null : asJson(result);
  if (plain === undefined) return { [UNREADABLE]: "it cannot be written as JSON" };
  const size = JSON.stringify(plain).length;
  if (size <= MOST_RESULT_CHARACTERS) return plain;
  return { [UNREADABLE]: `it has ${size} characters; ${MOST_RESULT_CHARACTERS} at most` };
}

/** The result that a call gives, of what its function or its receipt says. Throws `tool_failed` of class `tool`. */
export async function readResult(tool: Tool, args: Json, given: unknown, attempts: number): Promise<unknown> {
  const unreadable = unreadableOf(given);
  const parsed = unreadable === undefined ? await tool.output.safeParseAsync(given) : undefined;
  if (parsed?.success === true) return parsed.data;
  const why = unreadable ?? (parsed === undefined ? [] : faultsOf(parsed.error)).join("; ");
  const happened = tool.effect === "read" ? "" : "it has happened and is not repeated, but ";
  const error = new Error(`${happened}its result is not what it declares: ${why}`);
  const failed = { tool: tool.name, args, redact: tool.options.redact ?? [] };
  throw toolFailed(failed, error, { class: "tool" }, attempts);
}

function unreadableOf(given: unknown): string | undefined {
  if (typeof given !== "object" || given === null || !Object.hasOwn(given, UNREADABLE)) return undefined;
  return String((given as Record<string, unknown>)[UNREADABLE]);
}
