import { AsyncLocalStorage } from "node:async_hooks";
import { getConfig, isGraphBubbleUp } from "@langchain/langgraph";

/** What LangGraph keeps of one execution of one task: the answers to its questions, by the order in which they are asked. */
export interface Scratchpad {
  resume: readonly unknown[];
  interruptCounter: number;
}

interface Turn {
  ended: Promise<void>;
  /** What was begun earlier, here and around it. */
  before: readonly Promise<void>[];
  /** Those within it that are not over. */
  open: Set<Turn>;
}

/** The turns of one attempt at one task. */
interface Turns {
  attempt: number;
  open: Set<Turn>;
  /** Settles when all turns so far have begun. */
  begun: Promise<void>;
  /** The pause that one of them has ended in: nothing more is asked then. */
  pause: unknown;
  /** How many recorded questions have been asked again, by position. */
  replayed: Map<string, number>;
}

/** One part of a task that may ask a person. */
export interface TaskTurn {
  /** How many recorded questions have been asked again in this execution, by position. */
  replayed: Map<string, number>;
  /** Waits until everything that was begun earlier in the task is over, so that questions come in the same order each time. */
  alone(): Promise<void>;
}

const turnsOfTask = new WeakMap<object, Turns>();
const surrounding = new AsyncLocalStorage<Turn>();

/** LangGraph's one object per task and execution; undefined outside a graph, where there is no task to tell apart. */
export function currentScratchpad(): Scratchpad | undefined {
  const scratchpad: unknown = getConfig()?.configurable?.["__pregel_scratchpad"];
  return typeof scratchpad === "object" && scratchpad !== null ? (scratchpad as Scratchpad) : undefined;
}

/** Which attempt at the node this is: one by the node's own retry policy starts over within the same execution. */
export function currentNodeAttempt(): number {
  const config = getConfig() as { executionInfo?: { nodeAttempt?: number } } | undefined;
  return config?.executionInfo?.nodeAttempt ?? 1;
}

/**
 * Takes a turn in the task: `begin` runs when all earlier turns have begun, `body` beside theirs. LangGraph gives answers
 * out by the order of questions, so what runs side by side has to ask in the order in which it was called.
 */
export async function takeTurn<Result>(
  begin: (turn: TaskTurn) => Promise<void>,
  body: (turn: TaskTurn) => Promise<Result>,
): Promise<Result> {
  const turns = turnsHere();
  // One within another does not wait for that one, which ends later, nor for what waits for it.
  const outer = surrounding.getStore();
  const siblings = outer?.open ?? turns.open;
  const before = [...(outer?.before ?? []), ...[...siblings].map(({ ended }) => ended)];
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const own: Turn = { ended, before, open: new Set() };
  siblings.add(own);
  const turn: TaskTurn = {
    replayed: turns.replayed,
    async alone() {
      await Promise.all(before);
      if (turns.pause !== undefined) throw turns.pause;
    },
  };
  const begun = turns.begun.then(() => begin(turn));
  turns.begun = begun;
  try {
    await begun;
    return await surrounding.run(own, () => body(turn));
  } catch (error) {
    if (isGraphBubbleUp(error)) turns.pause ??= error;
    throw error;
  } finally {
    siblings.delete(own);
    resolve();
  }
}

function turnsHere(): Turns {
  const scratchpad = currentScratchpad();
  const attempt = currentNodeAttempt();
  const known = scratchpad === undefined ? undefined : turnsOfTask.get(scratchpad);
  if (known?.attempt === attempt) return known;
  const turns = { attempt, open: new Set<Turn>(), begun: Promise.resolve(), pause: undefined, replayed: new Map() };
  if (scratchpad !== undefined) turnsOfTask.set(scratchpad, turns);
  return turns;
}
