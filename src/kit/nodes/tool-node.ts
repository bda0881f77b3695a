import { classifyError, STRATEGIES } from "../../policy/error-class.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import type { ToolOutcome } from "../../protocol/tool-outcome.ts";
import type { TrailEntry } from "../../protocol/trail.ts";
import { kitClock } from "../clock.ts";
import { type NamesOf, refuseUnknown } from "../known-options.ts";
import { type ModelOptions, model } from "../models/model.ts";
import { currentNode, type KitUpdate, type NodeFunction, writing } from "../node.ts";
import type { Tool } from "../tool/tool.ts";
import { callId, type ToolBox, toolBox } from "./tool-box.ts";
import { CHAIN_STEP_KEYS, type ChainStep, checkChain, walkChain } from "./tool-chain.ts";
import { callsOfMessages, toolMessages } from "./tool-messages.ts";
import { makeCalls, type PlannedCall, trailOf } from "./tool-outcomes.ts";
import {
  keptSelection,
  MOST_CALLS,
  type Selection,
  selectByModel,
  selectByRules,
  TOOL_RULE_KEYS,
  type ToolRule,
} from "./tool-selection.ts";

/** A call that a graph makes itself. */
export interface ToolRequest {
  tool: string;
  args: unknown;
}

/** Which tools there are, which of them are called with what, and where the outcomes go. Say one of `calls`, `chain`, `choose`. */
export interface ToolNodeOptions<State> {
  tools: readonly Tool[];
  /** The key of the state that gets the outcomes, a list in the order of the calls. */
  into: keyof State & string;
  /** The calls, chosen by the graph. */
  calls?: (state: State) => readonly ToolRequest[];
  /** Steps one after the other, each with what those before have given. */
  chain?: readonly ChainStep<State>[];
  /** Who chooses: the configured model, or `rules` alone. */
  choose?: "model" | "rules";
  /** What tools are chosen for. */
  query?: (state: State) => string;
  /** When which tool is right. With `choose: "model"` they choose where there is no model, or it fails. */
  rules?: readonly ToolRule<State>[];
  /** Calls for one query at most, where they are chosen; 3, or fewer. */
  most?: number;
  /** Which model chooses, and how it is called; the configured one, with temperature 0, unless given. */
  model?: ModelOptions;
  /** With none of the three: the key of the messages whose last one asks for calls; "messages" unless given. */
  messages?: keyof State & string;
}

const KEYS = {
  tools: true,
  into: true,
  calls: true,
  chain: true,
  choose: true,
  query: true,
  rules: true,
  most: true,
  model: true,
  messages: true,
} satisfies NamesOf<ToolNodeOptions<never>>;

/** A node that calls tools and keeps what became of each call. */
export function toolNode<State>(options: ToolNodeOptions<State>): NodeFunction<State, Record<string, unknown>> {
  refuseUnknown("toolNode", options, KEYS);
  for (const step of options.chain ?? []) refuseUnknown(`a step of toolNode ("${step.tool}")`, step, CHAIN_STEP_KEYS);
  for (const rule of options.rules ?? []) refuseUnknown(`a rule of toolNode ("${rule.tool}")`, rule, TOOL_RULE_KEYS);
  const box = toolBox(options.tools);
  checkOptions(options, box);
  const { into, calls, chain, choose, messages = "messages" as keyof State & string } = options;
  const call: NodeFunction<State, Record<string, unknown>> = async (state) => {
    if (chain !== undefined) return update(into, await walkChain(chain, box, state));
    if (choose !== undefined) return await chosen(options, box, state);
    if (calls !== undefined) return update(into, await makeCalls(requested(calls(state), box)));
    const given = state[messages];
    const outcomes = await makeCalls(callsOfMessages(given, box, options.most ?? MOST_CALLS));
    return { [messages]: toolMessages(given, outcomes), ...update(into, outcomes) };
  };
  const byMessages = chain === undefined && choose === undefined && calls === undefined;
  return writing(call, { into, ...(byMessages ? { messages } : {}) });
}

function update(into: string, outcomes: readonly ToolOutcome[], first: readonly TrailEntry[] = []) {
  const trail: TrailEntry[] = [...first, ...outcomes.map(trailOf)];
  return { [into]: outcomes, trail } as KitUpdate<Record<string, unknown>>;
}

/** What the graph itself asks for: a tool that is not there is a mistake of its author. */
function requested(requests: readonly ToolRequest[], box: ToolBox): PlannedCall[] {
  return requests.map(({ tool: name, args }, index) => {
    const tool = box.find(name);
    if (tool === undefined) throw new HoldpointError("invalid", `there is no tool "${name}"; there are ${box.names}`);
    return { call_id: callId(index + 1), tool, args, key: `${tool.name}:${index + 1}`, step: null };
  });
}

async function chosen<State>(options: ToolNodeOptions<State>, box: ToolBox, state: State) {
  const query = options.query?.(state) ?? "";
  const most = options.most ?? MOST_CALLS;
  const selection = await keptSelection(box, query, () => select(options, box, { query, state, most }));
  const { calls, refused, by, reason, score } = selection;
  const node = currentNode();
  const to = calls.map(({ tool }) => tool).join(", ");
  const entry: TrailEntry = { kind: "route", node, to, by, reason: refused ?? reason, score };
  const planned = calls.map(({ tool: name, args }, index) => {
    const call_id = callId(index + 1);
    const tool = box.find(name);
    if (refused !== null || tool === undefined)
      return { call_id, tool: name, args, step: null, refused: refused ?? "", class: "validation" as const };
    return { call_id, tool, args, key: `${tool.name}:${index + 1}`, step: null };
  });
  return update(options.into, await makeCalls(planned), [entry]);
}

interface Asked<State> {
  query: string;
  state: State;
  most: number;
}

async function select<State>(
  { choose, rules, model: given }: ToolNodeOptions<State>,
  box: ToolBox,
  { query, state, most }: Asked<State>,
): Promise<Selection> {
  const byRules = (why: string) => {
    const selection = selectByRules(rules ?? [], query, state, most);
    return { ...selection, reason: `${why}${selection.reason}` };
  };
  if (choose === "rules") return byRules("");
  const chat = await model({ temperature: 0, ...given });
  if (chat === undefined) {
    if (rules !== undefined) return byRules("no model is configured, so by rules: ");
    const message = "no model is configured (OPENAI_API_KEY), and there are no rules to choose tools by";
    throw new HoldpointError("model_failed", message);
  }
  try {
    return await selectByModel(chat, box, query, most);
  } catch (error) {
    if (rules === undefined || !STRATEGIES[classifyError(error, kitClock().now()).class].fallback) throw error;
    return byRules(`the model could not be asked (${(error as Error).message}), so by rules: `);
  }
}

function checkOptions<State>(options: ToolNodeOptions<State>, box: ToolBox): void {
  const { tools, calls, chain, choose, query, rules, most = MOST_CALLS } = options;
  const invalid = (what: string) => new HoldpointError("invalid", `the tool node of "${options.into}" ${what}`);
  if (tools.length === 0) throw invalid("has no tools");
  if ([calls, chain, choose].filter((way) => way !== undefined).length > 1)
    throw invalid("says more than one of calls, chain and choose");
  if (!(Number.isInteger(most) && most >= 1 && most <= MOST_CALLS))
    throw invalid(`allows ${most} calls a query; give 1 to ${MOST_CALLS}`);
  if (chain !== undefined) checkChain(chain, box);
  if (choose !== undefined && choose !== "model" && choose !== "rules")
    throw invalid(`lets "${String(choose)}" choose; give "model" or "rules"`);
  if (choose !== undefined && query === undefined) throw invalid("chooses, and does not say by which query");
  if (choose === "rules" && (rules ?? []).length === 0) throw invalid("chooses by rules and has none");
  const unknown = rules?.find(({ tool }) => box.find(tool) === undefined);
  if (unknown !== undefined) throw invalid(`has a rule for the tool "${unknown.tool}", which is none of ${box.names}`);
}
