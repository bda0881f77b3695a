import { HoldpointError } from "../../protocol/errors.ts";
import type { ToolOutcome } from "../../protocol/tool-outcome.ts";
import type { NamesOf } from "../known-options.ts";
import { classifyFailure } from "../tool/tool-failure.ts";
import { callId, type ToolBox } from "./tool-box.ts";
import { outcomeOf, refusedOutcome } from "./tool-outcomes.ts";

/** What the steps before have given, by the name of the step; what failed or was left out is not there. */
// biome-ignore lint/suspicious/noExplicitAny: each step's result is of its tool's own type.
export type ChainResults = Readonly<Record<string, any>>;

/** One step of a chain. */
export interface ChainStep<State> {
  /** Names the step; the tool's name unless given. */
  step?: string;
  tool: string;
  args: (state: State, results: ChainResults) => unknown;
  /** Whether it is taken at all; always unless given. */
  when?: (state: State, results: ChainResults) => boolean;
  /** False where the chain goes on when it fails. */
  required?: boolean;
}

/** What a step may say. */
export const CHAIN_STEP_KEYS = {
  step: true,
  tool: true,
  args: true,
  when: true,
  required: true,
} satisfies NamesOf<ChainStep<never>>;

const MOST_STEPS = 20;

/** Refuses a chain that cannot be walked. Throws `invalid`. */
export function checkChain<State>(steps: readonly ChainStep<State>[], box: ToolBox): void {
  if (steps.length === 0 || steps.length > MOST_STEPS)
    throw new HoldpointError("invalid", `a chain of ${steps.length} steps; give 1 to ${MOST_STEPS}`);
  const names = steps.map(nameOf);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new HoldpointError("invalid", `a chain has two steps "${twice}"; name each by "step"`);
  const unknown = steps.find(({ tool }) => box.find(tool) === undefined);
  if (unknown !== undefined)
    throw new HoldpointError("invalid", `a chain uses the tool "${unknown.tool}", which is none of ${box.names}`);
}

/** Takes the steps one after the other. A failed one ends the chain where it is required, with what was done so far. */
export async function walkChain<State>(
  steps: readonly ChainStep<State>[],
  box: ToolBox,
  state: State,
): Promise<ToolOutcome[]> {
  const outcomes: ToolOutcome[] = [];
  const results: Record<string, unknown> = Object.create(null);
  for (const [index, one] of steps.entries()) {
    const step = nameOf(one);
    const outcome = await takeStep(one, { box, state, results, call_id: callId(index + 1) });
    if (outcome === undefined) continue;
    outcomes.push(outcome);
    if (outcome.ok) results[step] = outcome.result;
    else if (one.required !== false) return outcomes;
  }
  return outcomes;
}

interface Place<State> {
  box: ToolBox;
  state: State;
  results: ChainResults;
  call_id: string;
}

async function takeStep<State>(
  { tool: name, when, args, ...one }: ChainStep<State>,
  { box, state, results, call_id }: Place<State>,
): Promise<ToolOutcome | undefined> {
  const step = one.step ?? name;
  const tool = box.find(name);
  if (tool === undefined) throw new HoldpointError("invalid", `there is no tool "${name}"; there are ${box.names}`);
  let given: unknown;
  try {
    if (when?.(state, results) === false) return undefined;
    given = args(state, results);
  } catch (error) {
    // As when it reads the result of an optional step that has failed.
    const refused = `its arguments could not be made: ${error instanceof Error ? error.message : typeof error}`;
    return refusedOutcome({
      call_id,
      tool: tool.name,
      args: null,
      step,
      refused,
      class: classifyFailure(error, 0).class,
    });
  }
  return await outcomeOf({ call_id, tool, args: given, key: `${tool.name}:${step}`, step });
}

function nameOf<State>({ step, tool }: ChainStep<State>): string {
  return step ?? tool;
}
