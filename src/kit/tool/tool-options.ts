import { JSON_POINTER } from "../../policy/json-pointer.ts";
import { spanSeconds } from "../../policy/span.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { TOOL_PERMISSION } from "../../protocol/principal.ts";
import type { Tool } from "./tool.ts";

/** How often and for how long a tool is called whose author says nothing about it. */
export const TOOL_DEFAULTS = { timeoutMs: 30_000, attempts: 3, firstMs: 1_000, longestMs: 60_000 };

const TOOL_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/;
const MOST_ATTEMPTS = 20;
const LONGEST_MS = 3_600_000;
// Workflows are run without their types being checked, and a misspelt limit would be none.
const KEYS = {
  name: true,
  description: true,
  input: true,
  output: true,
  effect: true,
  timeout_ms: true,
  attempts: true,
  back_off: true,
  breaker: true,
  rate: true,
  cost: true,
  permission: true,
  redact: true,
  hold_back: true,
  compensate: true,
  run: true,
} satisfies Record<keyof Tool["options"], true>;

/** Refuses what is no tool. Throws `invalid`. */
export function checkToolOptions(options: Tool["options"]): void {
  const fault = [nameFault, termsFault, changeFault, recordFault].map((find) => find(options)).find(Boolean);
  if (fault !== undefined) throw new HoldpointError("invalid", `tool "${String(options.name)}" ${fault}`);
}

type FindFault = (options: Tool["options"]) => string | undefined;

const nameFault: FindFault = (options) => {
  const { name, description, input, output, run } = options;
  if (!TOOL_NAME.test(name)) return 'needs a name of up to 64 letters, digits, "_", "-" and "."';
  const unknown = Object.keys(options).find((key) => !Object.hasOwn(KEYS, key));
  if (unknown !== undefined) return `has the setting "${unknown}", which there is not`;
  if (typeof description !== "string" || description.trim() === "") return "needs a description: models choose by it";
  if (![input, output].every(isSchema)) return "needs zod schemas as input and output";
  return typeof run === "function" ? undefined : "needs run(args, call)";
};

const isSchema = (given: unknown) =>
  typeof given === "object" &&
  given !== null &&
  typeof (given as { safeParseAsync?: unknown }).safeParseAsync === "function";

const termsFault: FindFault = ({ timeout_ms, attempts, back_off, cost }) => {
  const { firstMs, longestMs } = TOOL_DEFAULTS;
  const first = back_off?.first_ms ?? Math.min(firstMs, back_off?.longest_ms ?? firstMs);
  const longest = back_off?.longest_ms ?? Math.max(longestMs, first);
  if (!isSpan(timeout_ms ?? 1)) return `has timeout_ms ${timeout_ms}; give milliseconds above 0, an hour at most`;
  if (![first, longest].every(isSpan) || first > longest)
    return `waits from ${first} to ${longest} ms; give milliseconds above 0, the first not above the longest`;
  if (!(Number.isInteger(attempts ?? 1) && (attempts ?? 1) >= 1 && (attempts ?? 1) <= MOST_ATTEMPTS))
    return `has attempts ${attempts}; give a whole number from 1 to ${MOST_ATTEMPTS}`;
  if (cost === undefined || typeof cost === "function" || isCost(cost)) return undefined;
  return `has the cost ${cost}; give 0 or more`;
};

const isSpan = (ms: number) => ms > 0 && ms <= LONGEST_MS;

/** A cost is an amount of money. */
export const isCost = (cost: unknown): cost is number => typeof cost === "number" && Number.isFinite(cost) && cost >= 0;

const changeFault: FindFault = ({ effect, hold_back, compensate }) => {
  if (!["read", "idempotent", "once"].includes(effect))
    return `has the effect "${effect}"; give "read", "idempotent" or "once"`;
  if (hold_back !== undefined && !((spanSeconds(hold_back) ?? 0) > 0))
    return `has hold_back ${JSON.stringify(hold_back)}; give a span such as "10m"`;
  if (effect !== "read") return undefined;
  if (hold_back !== undefined) return "changes nothing, so there is nothing to hold back";
  return compensate === undefined ? undefined : "changes nothing, so there is nothing to undo";
};

const recordFault: FindFault = ({ permission, redact = [] }) => {
  if (permission !== undefined && !TOOL_PERMISSION.test(`tool:${permission}`))
    return `asks for the permission ${JSON.stringify(permission)}; give lower case letters, digits, ":", ".", "_" and "-"`;
  const pointer = redact.find((one) => !JSON_POINTER.test(one));
  return pointer === undefined ? undefined : `redacts "${pointer}", which is no JSON pointer such as "/card/number"`;
};
