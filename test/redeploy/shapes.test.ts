import { expect, test } from "vitest";
import { reviewsOf } from "../support/reviewer.ts";
import { deploy, goOn, openScene, PLAIN, paid, startWaiting } from "./scene.ts";

openScene();

const APPROVE = { type: "approve" };
const YES = { type: "respond", value: "yes" };

const HEAD = `import { END, interrupt, START, StateGraph, StateSchema } from "@langchain/langgraph";
import { review } from "holdpoint";
import { z } from "zod";

const State = new StateSchema({ amount: z.number().default(0) });
const ask = async (key: string) => {
  await review({ key, title: key, actions: [{ name: "pay", args: {}, schema: z.object({}) }] });
  return {};
};
`;

/** given a version and a change to it: what answering by the new one is refused with, or "taken". */
async function answered(before: string, now: string, decision: object = APPROVE): Promise<string> {
  expect(now).not.toBe(before);
  const old = await deploy({ "pay.ts": before });
  const { thread_id } = await old.house.start("pay", { input: { amount: 5 } });
  await old.settle();
  const [review] = await reviewsOf(old.house, thread_id, "open");
  const { status, body } = await (await deploy({ "pay.ts": now })).decide(review!, decision);
  return status === 200 ? "taken" : `${body.code}: ${body.message}`;
}

test("a question inside a graph of a node is compared with all of that graph", async () => {
  const nested = `${HEAD}
const inner = new StateGraph(State)
  .addNode("first", () => ({}))
  .addNode("ask", () => ask("pay"))
  .addNode("after", () => ({}))
  .addEdge(START, "first")
  .addEdge("first", "ask")
  .addEdge("ask", "after")
  .addEdge("after", END)
  .compile();
export default new StateGraph(State).addNode("inner", inner).addEdge(START, "inner").addEdge("inner", END);`;
  expect(await answered(nested, `${nested}\n// later`)).toBe("taken");
  expect(await answered(nested, nested.replaceAll('"after"', '"behind"'))).toMatch(
    /^stale: .*inside "inner", after "ask" the graph now goes to "behind" instead of "after"/,
  );
});

test("what waits beside a question, and what both lead to, is compared too", async () => {
  const parallel = `${HEAD}
export default new StateGraph(State)
  .addNode("left", () => ask("left"))
  .addNode("right", () => ask("right"))
  .addNode("join", () => ({}))
  .addEdge(START, "left")
  .addEdge(START, "right")
  .addEdge(["left", "right"], "join")
  .addEdge("join", END);`;
  const alone = parallel.replace(
    '.addEdge(["left", "right"], "join")',
    '.addEdge("left", "join").addEdge("right", "join")',
  );
  expect(await answered(parallel, alone)).toMatch(
    /^stale: .*node "join" now waits for nobody instead of "left" and "right"/,
  );
  expect(await answered(parallel, parallel.replaceAll('"join"', '"merge"'))).toMatch(/^stale: .*instead of "join"/);
});

test("a static breakpoint is passed under the same code only", async () => {
  const stops = `${HEAD}
export default new StateGraph(State)
  .addNode("a", () => ({}))
  .addNode("b", () => ({}))
  .addEdge(START, "a")
  .addEdge("a", "b")
  .addEdge("b", END)
  .compile({ interruptBefore: ["b"] });`;
  expect(await answered(stops, `${stops}\n// later`)).toBe("taken");
  expect(
    await answered(stops, stops.replace('.addNode("b", () => ({}))', '.addNode("b", () => ({ amount: 7 }))')),
  ).toMatch(/^stale: .*nothing shows whether node "b" still does the same/);
});

test("what a factory makes is compared by the worker, which knows what it was made from", async () => {
  const made = (next: string) => `${HEAD}
export default (config: { configurable?: { thread_id?: string } }) =>
  new StateGraph(State)
    .addNode("ask", () => ask("pay"))
    .addNode(config.configurable?.thread_id === undefined ? "nobody" : "${next}", () => ({}))
    .addEdge(START, "ask")
    .addEdge("ask", config.configurable?.thread_id === undefined ? "nobody" : "${next}");`;
  const old = await deploy({ "pay.ts": made("pay") });
  const [same, other] = [await startWaiting(old), await startWaiting(old)];
  const commented = await deploy({ "pay.ts": `${made("pay")}\n// later` });
  expect((await commented.decide(same, APPROVE)).status).toBe(200);
  await commented.settle();
  expect((await reviewsOf(old.house, same.thread_id))[0]).toMatchObject({ status: "closed" });
  const renamed = await deploy({ "pay.ts": made("payout") });
  expect((await renamed.decide(other, APPROVE)).status).toBe(200);
  await renamed.settle();
  expect((await reviewsOf(old.house, other.thread_id))[0]).toMatchObject({
    status: "stale",
    status_reason: 'after "ask" the graph now goes to "payout" instead of "pay"',
  });
});

test("a run that failed does not go on to a step that is gone as if it were done", async () => {
  const failing = PLAIN.replace(
    "const pay = async (state: S) => {",
    'const pay = async (state: S) => {\n  throw new Error("no paper");',
  );
  const old = await deploy({ "pay.ts": failing });
  const review = await startWaiting(old);
  await old.decide(review, YES);
  await old.settle();
  expect(await old.house.thread(review.thread_id)).toMatchObject({ status: "error" });
  const renamed = await deploy({ "pay.ts": PLAIN.replaceAll('"pay"', '"payout"') });
  expect(await goOn(renamed, review.thread_id)).toMatchObject({
    status: "error",
    error: expect.stringContaining('node \\"pay\\" comes next and is gone'),
  });
  expect(await renamed.house.thread(review.thread_id)).toMatchObject({ status: "error" });
  const mended = await deploy({ "pay.ts": PLAIN });
  expect(await goOn(mended, review.thread_id)).toMatchObject({ status: "success" });
  expect(await paid(mended, review.thread_id)).toEqual([5]);
});
