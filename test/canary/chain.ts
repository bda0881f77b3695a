import { randomUUID } from "node:crypto";
import { Annotation, Command, END, interrupt, MemorySaver, START, StateGraph } from "@langchain/langgraph";
import { beforeEach, expect } from "vitest";

/** The state of all graphs here: what their nodes have written down. */
export const State = Annotation.Root({
  log: Annotation<string[]>({ reducer: (before, after) => [...before, ...after], default: () => [] }),
});
/** A node of such a graph. */
export type Node = (state: typeof State.State) => Promise<{ log: string[] }> | { log: string[] };
/** Where a thread is, and how it is run. */
export type Config = { configurable: Record<string, unknown> };

/** What was paid in this test. */
export const paid: unknown[] = [];

/** Forgets it before each test of the file that calls this. */
export function payAnew(): void {
  beforeEach(() => {
    paid.length = 0;
  });
}

/** given the nodes of a chain by name: a graph that runs them in order. */
export function chain(nodes: Record<string, Node>, checkpointer = new MemorySaver()) {
  const names = Object.keys(nodes);
  const graph = new StateGraph(State) as StateGraph<typeof State, unknown, unknown, string>;
  for (const [name, node] of Object.entries(nodes)) graph.addNode(name, node as never);
  for (const [index, name] of [START, ...names].entries()) graph.addEdge(name as never, (names[index] ?? END) as never);
  return graph.compile({ checkpointer });
}

/** A graph of these nodes. */
export type Graph = ReturnType<typeof chain>;

/** A node that pays. */
export const pay: Node = () => {
  paid.push("paid");
  return { log: ["pay"] };
};

/** A node that asks. */
export const asking =
  (question: string): Node =>
  () => ({ log: [`${question} ${String(interrupt(question))}`] });

/** A thread on which nothing has run. */
export const newThread = (): Config => ({ configurable: { thread_id: randomUUID() } });

/** The same in LangGraph's strict mode for answers. */
export const strictly = ({ configurable }: Config): Config => ({
  configurable: { ...configurable, __pregel_strict_resume: true },
});

/** An answer. */
export const answer = (resume: unknown) => new Command({ resume });

/** A question as a thread's state shows it. */
export interface Asked {
  id: string;
  value: unknown;
}

/** The questions that a thread waits with. */
export async function pending(graph: Graph, thread: Config): Promise<Asked[]> {
  const { tasks } = await graph.getState(thread);
  return tasks.flatMap(({ interrupts }) => interrupts as Asked[]);
}

/** The one question. */
export async function theQuestion(graph: Graph, thread: Config): Promise<Asked> {
  const questions = await pending(graph, thread);
  expect(questions).toHaveLength(1);
  return questions[0] as Asked;
}
