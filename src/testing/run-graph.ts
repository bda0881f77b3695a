import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { RunnableConfig } from "@langchain/core/runnables";
import {
  type BaseCheckpointSaver,
  Command,
  type CompiledStateGraph,
  MemorySaver,
  type Pregel,
  type StateGraph,
} from "@langchain/langgraph";
import { faultsOfInput } from "../graphs/check-input.ts";
import { createMemoryEffects, type MemoryEffect } from "../kit/effects/memory-effects.ts";
import type { Use } from "../kit/guards.ts";
import { createMemoryGuards } from "../kit/memory-guards.ts";
import { createMemoryQuestions } from "../kit/memory-questions.ts";
import type { ModelPort } from "../kit/ports.ts";
import type { CanonicalDecision } from "../protocol/decision.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Json } from "../protocol/json.ts";
import type { TrailEntry } from "../protocol/trail.ts";
import type { ScriptStep } from "./model-step.ts";
import { type PendingQuestion, pendingQuestions } from "./pending-questions.ts";
import { type AskedQuestion, createReviewers, decisionsOf, type Reviewer, type Verdicts } from "./reviewers.ts";
import { type ScriptedModel, scriptedModel } from "./scripted-model.ts";
import { createStandIns, type StandInCall } from "./stand-ins.ts";
import { testClock } from "./test-clock.ts";
import { type TestPorts, withTestPorts } from "./test-ports.ts";

// biome-ignore lint/suspicious/noExplicitAny: every graph, whatever it is made of.
type AnyStateGraph = StateGraph<any, any, any, any, any, any, any, any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above.
type AnyCompiled = Pregel<any, any, any, any, any, any, any, any, any, any, any>;
type AnyGraph = AnyStateGraph | AnyCompiled;

type CompiledOf<Graph> = Graph extends { compile(...args: never): infer Compiled } ? Compiled : Graph;
/** What a graph is given. */
export type GraphInput<Graph> = CompiledOf<Graph> extends { "~InputType": infer Input } ? Input : never;
/** All that a graph knows. */
export type GraphState<Graph> =
  // biome-ignore lint/suspicious/noExplicitAny: only the state is of interest.
  CompiledOf<Graph> extends CompiledStateGraph<infer State, any, any, any, any, any, any, any, any, any>
    ? State
    : Record<string, unknown>;

/** The world a graph is run in. What is left out is empty, in memory, or not there. */
export interface RunGraphOptions extends Omit<TestPorts, "models" | "standIns" | "effects" | "questions" | "guards"> {
  /** What the kit's models say, by a script; without it there is no model, and nodes take their ways without one. */
  model?: ScriptedModel | BaseChatModel | readonly ScriptStep[];
  /** What calls of these tools give: the result, an error to throw, or a function of the arguments. */
  tools?: Readonly<Record<string, unknown>>;
  /** Who answers what the graph asks: a list in its order, or a function. Undefined leaves a question open. */
  reviewers?: Reviewer | readonly (Verdicts | Reviewer)[];
  checkpointer?: BaseCheckpointSaver;
  /** What the graph is configured with, such as its context. */
  config?: RunnableConfig & { context?: Record<string, unknown> };
}

/** What became of it. */
export interface GraphRun<State> {
  /** All that the graph knows in the end. */
  values: State;
  /** What was asked, in order. */
  questions: readonly AskedQuestion[];
  /** What was decided, in order. */
  decisions: readonly { question: AskedQuestion; decisions: readonly CanonicalDecision[] }[];
  /** What was done to the world. */
  effects: readonly MemoryEffect[];
  /** What nodes of the kit put on record. */
  trail: readonly TrailEntry[];
  /** What models and tools have cost. */
  uses: readonly Use[];
  /** Calls that were answered by `tools`. */
  calls: readonly StandInCall[];
  /** What still waits for an answer; where it is empty, the graph has come to its end. */
  interrupts: readonly AskedQuestion[];
}

const MOST_PAUSES = 100;

/**
 * Runs a graph to its end, or to a question that nobody answers, without a server: pauses are answered as the server would
 * let people answer them, effects and accounts are kept in memory, and no wait is really waited for.
 */
export async function runGraph<Graph extends AnyGraph>(
  graph: Graph,
  input: GraphInput<Graph>,
  options: RunGraphOptions = {},
): Promise<GraphRun<GraphState<Graph>>> {
  const { model, tools = {}, reviewers = [], checkpointer = new MemorySaver(), config = {}, ...ports } = options;
  const compiled = withCheckpointer(graph, checkpointer);
  await refuseInput(compiled, input);
  const clock = ports.clock ?? testClock({ now: Date.now(), waits: "skipped" });
  const effects = createMemoryEffects(ports.signal === undefined ? {} : { signal: ports.signal });
  const guards = createMemoryGuards({ clock });
  const standIns = createStandIns(tools);
  const script = Array.isArray(model) ? scriptedModel(model) : (model as ScriptedModel | BaseChatModel | undefined);
  const models = await modelPort(script);
  const thread_id = ports.run?.thread_id ?? "test";
  // An answer whose question is not pending is an error, never silently the answer to another one.
  const configurable = { thread_id, __pregel_strict_resume: true, ...config.configurable };
  const world = {
    ...ports,
    clock,
    effects,
    guards,
    questions: createMemoryQuestions(),
    models,
    standIns: standIns.map,
  };
  const paused = await withTestPorts(world, () =>
    answerPauses(compiled, input, { ...config, ...signalOf(ports), configurable }, createReviewers(reviewers)),
  );
  refuseOverrun(script);
  const { trail } = paused.values as { trail?: unknown };
  return {
    ...paused,
    values: paused.values as GraphState<Graph>,
    effects: effects.recorded,
    trail: Array.isArray(trail) ? (trail as TrailEntry[]) : [],
    uses: guards.uses,
    calls: standIns.calls,
  };
}

/** LangGraph would refuse it, too, with issues that a person cannot read. */
async function refuseInput(graph: AnyCompiled, input: unknown): Promise<void> {
  // None goes on where the thread was left; a command is no input.
  if (input === null || input === undefined || input instanceof Command) return;
  const faults = await faultsOfInput(graph, input);
  if (faults.length === 0) return;
  const told = faults.map(({ pointer, message }) => `input${pointer === "" ? "" : ` ${pointer}`}: ${message}`);
  throw new HoldpointError("invalid", told.join("; "), { facts: { faults } });
}

type Paused = Pick<GraphRun<unknown>, "values" | "questions" | "decisions" | "interrupts">;

/** Bound: MOST_PAUSES pauses. */
async function answerPauses(
  graph: AnyCompiled,
  input: unknown,
  config: RunnableConfig,
  reviewer: Reviewer,
): Promise<Paused> {
  const questions: AskedQuestion[] = [];
  const decisions: { question: AskedQuestion; decisions: readonly CanonicalDecision[] }[] = [];
  // An id is the asking task's: its next question has the same.
  const unanswered = new Set<string>();
  let next: unknown = input;
  for (let pauses = 0; pauses <= MOST_PAUSES; pauses += 1) {
    await graph.invoke(next, config);
    const state = await graph.getState(config);
    const head = await (graph.checkpointer as BaseCheckpointSaver).getTuple(config);
    const open = pendingQuestions(state, head);
    const answers: Record<string, Json> = {};
    let isReleased = false;
    for (const pending of open.filter(({ id }) => !unanswered.has(id))) {
      const { answer, ...question } = pending;
      questions.push(question);
      const verdicts = await reviewer(question);
      if (verdicts === undefined) {
        unanswered.add(pending.id);
        continue;
      }
      const decided = decisionsOf(question, verdicts);
      decisions.push({ question, decisions: decided });
      if (pending.flavour === "breakpoint") isReleased = true;
      else answers[pending.id] = answer(decided) ?? null;
    }
    if (!isReleased && Object.keys(answers).length === 0)
      return { values: state.values, questions, decisions, interrupts: open.map(shownOf) };
    next = isReleased ? null : new Command({ resume: answers });
  }
  throw new HoldpointError("loop_limit", `the graph has paused ${MOST_PAUSES} times and asks again`);
}

/** What stops the run stops the graph between its nodes, too. */
const signalOf = ({ signal }: TestPorts) => (signal === undefined ? {} : { signal });

const shownOf = ({ answer: _answer, ...question }: PendingQuestion): AskedQuestion => question;

/** A copy: the author's graph stays as it is. */
function withCheckpointer(graph: AnyGraph, checkpointer: BaseCheckpointSaver): AnyCompiled {
  if ("compile" in graph) return graph.compile({ checkpointer }) as unknown as AnyCompiled;
  const copy = Object.create(
    Object.getPrototypeOf(graph) as object,
    Object.getOwnPropertyDescriptors(graph),
  ) as AnyCompiled;
  copy.checkpointer = checkpointer;
  return copy;
}

async function modelPort(model: ScriptedModel | BaseChatModel | undefined): Promise<ModelPort> {
  if (model === undefined) return () => undefined;
  return "port" in model ? await model.port() : () => model;
}

/** A graph that asks more often than its script says may have gone on without an answer, and look as if it were right. */
function refuseOverrun(model: ScriptedModel | BaseChatModel | undefined): void {
  if (model === undefined || !("refused" in model) || model.refused === 0) return;
  const last = model.requests.at(-1)?.asked.question ?? "";
  const message = `the model was asked ${model.requests.length} times, which is ${model.refused} more than its script has steps for; last: ${JSON.stringify(last.slice(0, 200))}`;
  throw new HoldpointError("invalid", `${message}; add steps, or after: "make_up"`);
}
