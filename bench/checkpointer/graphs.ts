import { AIMessage } from "@langchain/core/messages";
import {
  Annotation,
  type BaseCheckpointSaver,
  DeltaChannel,
  END,
  interrupt,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { cloneGraph } from "../../src/graphs/compiled.ts";
import type { CompiledGraph } from "../../src/graphs/graph-set.ts";

/** A graph that can be run on any checkpointer. */
export type Graph = CompiledGraph;

/** A copy of the graph that keeps its checkpoints there, as a worker makes one for each run. */
export function withSaver(graph: Graph, saver: BaseCheckpointSaver): Graph {
  const copy = cloneGraph(graph);
  copy.checkpointer = saver;
  return copy;
}

const asGraph = (compiled: unknown) => compiled as Graph;

/** Four nodes in a row with a small state. */
export function fourNodes(): Graph {
  const node = (step: string) => (state: { text: string; count: number }) => ({
    text: `${state.text}${step}`,
    count: state.count + 1,
  });
  return asGraph(
    new StateGraph(Annotation.Root({ text: Annotation<string>(), count: Annotation<number>() }))
      .addNode("a", node("a"))
      .addNode("b", node("b"))
      .addNode("c", node("c"))
      .addNode("d", node("d"))
      .addEdge(START, "a")
      .addEdge("a", "b")
      .addEdge("b", "c")
      .addEdge("c", "d")
      .compile(),
  );
}

/** One answer to each message; `answer` makes its text. */
export function chat(answer: (turn: number) => string): Graph {
  return asGraph(
    new StateGraph(MessagesAnnotation)
      .addNode("reply", ({ messages }) => ({ messages: [new AIMessage(answer(messages.length))] }))
      .addEdge(START, "reply")
      .compile(),
  );
}

/** The same with the engine's own channel of differences. */
export function deltaChat(answer: (turn: number) => string): Graph {
  const append = (state: string[], writes: unknown[]) => [...state, ...(writes.flat() as string[])];
  const lines = () => new DeltaChannel<string[]>(append, { initialValueFactory: () => [] });
  return asGraph(
    new StateGraph(Annotation.Root({ lines }))
      .addNode("reply", ({ lines: before }) => ({ lines: [answer(before.length)] }))
      .addEdge(START, "reply")
      .compile(),
  );
}

/** Fifty parallel tasks and one that follows them. */
export function fanOut(width: number): Graph {
  const parts = Annotation<string[]>({ reducer: (before, after) => [...before, ...after], default: () => [] });
  return asGraph(
    new StateGraph(Annotation.Root({ number: Annotation<number>(), parts, total: Annotation<number>() }))
      .addNode("part", ({ number }) => ({ parts: [`part ${number}`] }))
      .addNode("gather", (state) => ({ total: state.parts.length }))
      .addConditionalEdges(START, () => Array.from({ length: width }, (_, number) => new Send("part", { number })))
      .addEdge("part", "gather")
      .compile(),
  );
}

/** Asks a person, then goes on. */
export function asking(): Graph {
  return asGraph(
    new StateGraph(Annotation.Root({ text: Annotation<string>(), answer: Annotation<string>() }))
      .addNode("prepare", () => ({ text: "may I?" }))
      .addNode("ask", ({ text }) => ({ answer: interrupt<string, string>(text) }))
      .addNode("act", ({ answer }) => ({ text: `done: ${answer}` }))
      .addEdge(START, "prepare")
      .addEdge("prepare", "ask")
      .addEdge("ask", "act")
      .compile(),
  );
}

/** One node that runs again and again. */
export function looping(steps: number): Graph {
  return asGraph(
    new StateGraph(Annotation.Root({ count: Annotation<number>() }))
      .addNode("step", ({ count }) => ({ count: count + 1 }))
      .addEdge(START, "step")
      .addConditionalEdges("step", ({ count }) => (count < steps ? "step" : END))
      .compile(),
  );
}

/** Changes one entry of a large object in each run: the node returns that entry for a reducer, or the object whole. */
export function notebook(entry: (turn: number) => readonly [key: string, value: string], whole: boolean): Graph {
  const merge = (before: Record<string, string>, after: Record<string, string>) => ({ ...before, ...after });
  const notes = whole
    ? Annotation<Record<string, string>>()
    : Annotation<Record<string, string>>({ reducer: merge, default: () => ({}) });
  return asGraph(
    new StateGraph(Annotation.Root({ turn: Annotation<number>(), notes }))
      .addNode("note", ({ turn, notes: before }) => {
        const [key, value] = entry(turn);
        return { notes: whole ? { ...before, [key]: value } : { [key]: value } };
      })
      .addEdge(START, "note")
      .compile(),
  );
}
