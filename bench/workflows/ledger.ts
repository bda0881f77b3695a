import { END, START, StateGraph, StateSchema } from "@langchain/langgraph";
// @ts-expect-error: the server that loads this file has it; bench/ is a package of its own, which does not.
import { effect } from "holdpoint";
import { z } from "zod";

const State = new StateSchema({
  calls: z.number().default(0),
  bare: z.array(z.number()).default([]),
  kept: z.array(z.number()).default([]),
});

const call = async () => ({ done: true });

async function timed(body: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await body();
  return performance.now() - begin;
}

/** Makes a call so many times as it is, and as an effect on record, and says how long each took. */
export const ledger = new StateGraph(State)
  .addNode("call", async ({ calls }) => {
    const bare: number[] = [];
    const kept: number[] = [];
    for (let at = 0; at < calls; at += 1) {
      bare.push(await timed(call));
      const options = { name: "bench.call", key: `call ${at}`, kind: "idempotent" as const, args: { at }, run: call };
      kept.push(await timed(() => effect(options)));
    }
    return { bare, kept };
  })
  .addEdge(START, "call")
  .addEdge("call", END)
  .compile({ name: "ledger" });
