import { END, MemorySaver, START, StateGraph, StateSchema } from "@langchain/langgraph";
import { z } from "zod";
import type { EffectOptions } from "../../src/kit/effects/effect.ts";

const State = new StateSchema({ done: z.array(z.unknown()).default([]) });
/** The thread that the graphs run on. */
export const thread = { configurable: { thread_id: "t" } };

/** A graph of one node, checkpointed, so that it can fail and go on. */
export function graphOf(node: () => Promise<unknown[]>, maxAttempts?: number) {
  const retryPolicy = {
    maxAttempts: maxAttempts ?? 1,
    initialInterval: 1,
    jitter: false,
    logWarning: false,
    retryOn: () => true,
  };
  return new StateGraph(State)
    .addNode("work", async () => ({ done: await node() }), { retryPolicy })
    .addEdge(START, "work")
    .addEdge("work", END)
    .compile({ checkpointer: new MemorySaver() });
}

/** Counts how often it was really done. */
export function counter() {
  const ids: string[] = [];
  return {
    ids,
    options: (change: Partial<EffectOptions<object, unknown>> = {}): EffectOptions<object, unknown> => ({
      name: "count",
      kind: "idempotent",
      args: { by: 1 },
      run: async ({ effect_id }) => {
        ids.push(effect_id);
        return { count: ids.length, nothing: undefined };
      },
      ...change,
    }),
  };
}
