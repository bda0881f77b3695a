import type { z } from "zod";
import type { EffectKind } from "../../protocol/effect.ts";
import type { BreakerTerms, RateTerms } from "../guards.ts";
import type { Span } from "../review/review-terms.ts";
import { callTool } from "./tool-call.ts";
import { checkToolOptions } from "./tool-options.ts";

/** What a tool's function is told beside its arguments. */
export interface ToolCall {
  /** The same on every attempt at the same call: pass it on as idempotency key, or keep it in a unique column. "" for `read`. */
  effect_id: string;
  /** Aborted when the time of the attempt is over, or the run is stopped. */
  signal: AbortSignal;
}

/** What a tool is, what it takes and gives, and how carefully it is called. */
export interface ToolOptions<Name extends string, Input extends z.ZodType, Output extends z.ZodType> {
  /** As models and audit trails name it: letters, digits, "_", "-" and ".". */
  name: Name;
  description: string;
  input: Input;
  output: Output;
  /** `read` changes nothing; `idempotent` may be repeated under one id; `once` is never started twice. */
  effect: EffectKind;
  /** One attempt; 30 seconds unless given. */
  timeout_ms?: number;
  /** Attempts at most, of which the first is one; 3 unless given. `once` is attempted again only when it surely did not happen. */
  attempts?: number;
  /** The wait before the second attempt, doubled before each further one; 1 to 60 seconds unless given. */
  back_off?: { first_ms?: number; longest_ms?: number };
  /** When it is left alone; false never. */
  breaker?: BreakerTerms | false;
  rate?: RateTerms;
  /** What a call costs. */
  cost?: number | CostOf<Input, Output>;
  /** Who started the run needs this. */
  permission?: string;
  /** JSON pointers into the arguments that no record shows, such as "/card/number". */
  redact?: readonly string[];
  /** How long it is held back, so that somebody can recall it. */
  hold_back?: Span;
  /** What undoes it: called by `compensate()` with what it was given and gave. */
  compensate?(args: z.output<Input>, result: z.output<Output>, call: ToolCall): Promise<void>;
  run(args: z.output<Input>, call: ToolCall): Promise<z.input<Output>> | z.input<Output>;
}

// A method, so that a list can hold tools of different arguments.
type CostOf<Input extends z.ZodType, Output extends z.ZodType> = {
  of(args: z.output<Input>, result: z.output<Output>): number;
}["of"];

/** A tool: what it was declared as, and the way to call it. */
export interface Tool<
  Name extends string = string,
  Input extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
> {
  readonly name: Name;
  readonly description: string;
  readonly input: Input;
  readonly output: Output;
  readonly effect: EffectKind;
  readonly options: ToolOptions<Name, Input, Output>;
  /** Calls it under all its terms. Throws `tool_failed`, or the error of the register that says more. */
  call(args: z.input<Input>, options?: { key?: string }): Promise<z.output<Output>>;
}

/** Declares a tool: one way to call it, with everything that makes a call safe. Throws `invalid`. */
export function defineTool<const Name extends string, Input extends z.ZodType, Output extends z.ZodType>(
  options: ToolOptions<Name, Input, Output>,
): Tool<Name, Input, Output> {
  checkToolOptions(options);
  const { name, description, input, output, effect } = options;
  const tool: Tool<Name, Input, Output> = {
    name,
    description,
    input,
    output,
    effect,
    options,
    async call(args, { key } = {}) {
      return (await callTool(tool, args, { key })).value as z.output<Output>;
    },
  };
  return tool;
}
