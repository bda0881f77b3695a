import { END, interrupt, START, StateGraph, StateSchema } from "@langchain/langgraph";
import { z } from "zod";

const State = new StateSchema({ count: z.number().default(0), started_at: z.number().default(0) });
type State = typeof State.State;

/** Two nodes that do nothing: what is measured is everything around them. */
export const twoNodes = new StateGraph(State)
  .addNode("first", (state: State) => ({ count: state.count + 1 }))
  .addNode("second", (state: State) => ({ count: state.count + 1 }))
  .addEdge(START, "first")
  .addEdge("first", "second")
  .addEdge("second", END)
  .compile({ name: "two-nodes" });

/** Asks once, and writes down when it goes on. */
export const asks = new StateGraph(State)
  .addNode("ask", () => {
    interrupt("go on?");
    return { started_at: performance.timeOrigin + performance.now() };
  })
  .addEdge(START, "ask")
  .addEdge("ask", END)
  .compile({ name: "asks" });
