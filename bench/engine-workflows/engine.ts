import { setTimeout as pause } from "node:timers/promises";
import { Annotation, START, StateGraph } from "@langchain/langgraph";

const step = (name: string) => (state: { text: string; count: number }) => ({
  text: `${state.text}${name}`,
  count: state.count + 1,
});

/** Four nodes in a row with a small state: what is measured is everything around them. */
export const fourSteps = new StateGraph(Annotation.Root({ text: Annotation<string>(), count: Annotation<number>() }))
  .addNode("a", step("a"))
  .addNode("b", step("b"))
  .addNode("c", step("c"))
  .addNode("d", step("d"))
  .addEdge(START, "a")
  .addEdge("a", "b")
  .addEdge("b", "c")
  .addEdge("c", "d")
  .compile({ name: "four-steps" });

const Clock = Annotation.Root({ asked_at: Annotation<number>(), started_at: Annotation<number>() });

/** Writes down when its node starts. */
export const starts = new StateGraph(Clock)
  .addNode("start", () => ({ started_at: performance.timeOrigin + performance.now() }))
  .addEdge(START, "start")
  .compile({ name: "starts" });

const HOLD_MS = 60_000;

/** Its node takes longer than anybody waits. */
export const holds = new StateGraph(Clock)
  .addNode("hold", async (_state, { signal }) => {
    await pause(HOLD_MS, undefined, signal === undefined ? {} : { signal });
    return {};
  })
  .addEdge(START, "hold")
  .compile({ name: "holds" });
