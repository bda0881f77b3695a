import { Annotation, type BaseCheckpointSaver, DeltaChannel, Send, START, StateGraph } from "@langchain/langgraph";
import { type Contestant, openContestants } from "../contestants.ts";
import type { Lab } from "../lab.ts";
import type { Row } from "../row.ts";

const PARTS = 12;

const WHAT: Record<string, (one: Contestant) => Promise<boolean>> = {
  "a fork keeps the values of its own branch": forkKeepsItsValues,
  "rewind, edit, resume: the next node runs, on the edited values": editedNodeRuns,
  [`${PARTS} parallel sends into a DeltaChannel are read back in their order`]: sendsKeepTheirOrder,
};

/** Whether the state that was computed is the state that is read back. */
export async function tryCorruption(lab: Lab): Promise<Row[]> {
  const contestants = await openContestants(lab, 0);
  const rows: Row[] = [];
  for (const [what, holds] of Object.entries(WHAT)) {
    const row: Row = { what, network: 0, unit: "", better: "more", figures: {} };
    for (const one of contestants) row.figures[one.column] = (await holds(one)) ? "yes" : "no";
    rows.push(row);
  }
  for (const one of contestants) await one.close();
  return rows;
}

/** `answer` is what a model would say: not the same when it is asked again. */
const branching = (checkpointer: BaseCheckpointSaver, answer = () => "A") =>
  new StateGraph(Annotation.Root({ x: Annotation<string>(), y: Annotation<string>() }))
    .addNode("a", () => ({ x: `a-${answer()}` }))
    .addNode("b", ({ x }) => ({ y: `${x}/b-${answer()}` }))
    .addEdge(START, "a")
    .addEdge("a", "b")
    .compile({ checkpointer });

async function forkKeepsItsValues(one: Contestant): Promise<boolean> {
  await one.prepare(["fork"]);
  let answer = "A";
  const graph = branching(one.saverOf("fork"), () => answer);
  const config = { configurable: { thread_id: "fork" } };
  await graph.invoke({}, config);
  const history = await collect(graph.getStateHistory(config));
  answer = "B";
  const returned = await graph.invoke(null, history.find(({ next }) => next[0] === "a")!.config);
  const stored = (await graph.getState(config)).values as { x?: string; y?: string };
  return returned.y === "a-B/b-B" && stored.x === returned.x && stored.y === returned.y;
}

async function editedNodeRuns(one: Contestant): Promise<boolean> {
  await one.prepare(["edit"]);
  const graph = branching(one.saverOf("edit"));
  const config = { configurable: { thread_id: "edit" } };
  await graph.invoke({}, config);
  const history = await collect(graph.getStateHistory(config));
  const edited = await graph.updateState(history.find(({ next }) => next[0] === "b")!.config, { x: "EDITED" });
  await graph.invoke(null, edited);
  const { y } = (await graph.getState(config)).values as { y?: string };
  return y === "EDITED/b-A";
}

async function sendsKeepTheirOrder(one: Contestant): Promise<boolean> {
  await one.prepare(["order"]);
  const append = (state: number[], writes: unknown[]) => [...state, ...(writes.flat() as number[])];
  const parts = () => new DeltaChannel<number[]>(append, { initialValueFactory: () => [] });
  const graph = new StateGraph(Annotation.Root({ number: Annotation<number>(), parts }))
    .addNode("part", ({ number }) => ({ parts: [number] }))
    .addConditionalEdges(START, () => Array.from({ length: PARTS }, (_, number) => new Send("part", { number })))
    .compile({ checkpointer: one.saverOf("order") });
  const config = { configurable: { thread_id: "order" } };
  const live = ((await graph.invoke({}, config)) as { parts: number[] }).parts;
  const stored = ((await graph.getState(config)).values as { parts: number[] }).parts;
  return live.length === PARTS && live.join() === stored.join();
}

async function collect<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const collected: Value[] = [];
  for await (const value of values) collected.push(value);
  return collected;
}
