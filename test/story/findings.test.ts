// What plain LangGraph and its servers get wrong, done to a server as a user starts it; README has the table.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { type Answer, ask, decide, openReview, reviewsOf, sdk } from "../support/client.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";

let house: RefundHouse;
let server: Server;
beforeAll(async () => {
  house = await openRefundHouse();
  server = await startServer({ databaseUrl: house.url, workflows: "test/fixtures/findings", shared: true });
}, 120_000);
beforeEach(async () => void (await house.pool.query("delete from counted.payment; delete from counted.gate")));
afterAll(async () => {
  await server?.kill9();
  await house?.close();
});

const client = () => sdk(server.url);
const approval = { decisions: [{ type: "approve" }] };

/** A thread of this graph whose first run has come as far as it does. */
async function paused(graph: string, input: object = {}, more: object = {}): Promise<string> {
  const { thread_id } = await client().threads.create();
  await client().runs.wait(thread_id, graph, { input: { ...input }, ...more });
  return thread_id;
}

const run = (graph: string, thread_id: string, body: object): Promise<Answer> =>
  ask(server.url, `/threads/${thread_id}/runs`, { body: { assistant_id: graph, ...body } });
const resume = (graph: string, thread_id: string, value: unknown, more: object = {}) =>
  run(graph, thread_id, { command: { resume: value }, ...more });
const said = ({ status, code }: Answer) => `${status} ${code ?? "taken"}`;
const review = async ({ id }: ReviewTask) => (await ask(server.url, `/reviews/${id}`)).body as ReviewTask;
const logOf = async (thread_id: string) =>
  (await client().threads.getState<{ log: string[] }>(thread_id)).values.log ?? [];
const paid = async () => (await house.payments()).map(({ amount }) => amount);

/** The answer is taken, and the run that carries it is over. */
async function carried(thread_id: string, answer: Answer): Promise<void> {
  expect(said(answer)).toBe("200 taken");
  await client()
    .runs.join(thread_id, answer.body.run_id)
    .catch(() => {});
}

/** The request is refused like this, and nothing of the thread is other than it was. */
async function refuses(thread_id: string, refusal: string, send: () => Promise<Answer>): Promise<Answer> {
  const before = await house.rowCounts(thread_id);
  const answer = await send();
  expect(said(answer)).toBe(refusal);
  expect(await house.rowCounts(thread_id)).toEqual(before);
  return answer;
}

describe("one malformed answer does not kill the thread", () => {
  it("of a review(), nor of an interrupt() with a schema: it is refused, and the next one is taken", async () => {
    const reviewed = await paused("batch");
    const shown = await openReview(server.url, reviewed);
    await refuses(reviewed, "422 invalid", () => decide(server.url, shown, { action: 0, type: "approve" }));
    await refuses(reviewed, "422 invalid", () => resume("batch", reviewed, { [shown.interrupt_id as string]: "yes" }));
    const decisions = [0, 1].map((action) => ({ action, type: "approve" }));
    await carried(reviewed, await resume("batch", reviewed, { [shown.interrupt_id as string]: { decisions } }));
    expect((await paid()).toSorted()).toEqual([3, 4]);
    const schema = await paused("picky-schema");
    await refuses(schema, "422 invalid", () => resume("picky-schema", schema, "lots"));
    await carried(schema, await resume("picky-schema", schema, 5));
    expect((await paid()).toSorted()).toEqual([3, 4, 5]);
  });

  it("of a plain interrupt(): it is found out, not given to whoever answers next, and asked anew", async () => {
    const thread_id = await paused("picky");
    const first = await openReview(server.url, thread_id);
    await carried(thread_id, await resume("picky", thread_id, "lots"));
    expect(await review(first)).toMatchObject({ status: "resume_failed", status_reason: "not a number: lots" });
    await refuses(thread_id, "409 already_decided", () => resume("picky", thread_id, 5));
    await client().threads.updateState(thread_id, { values: null });
    await carried(thread_id, await run("picky", thread_id, { input: null }));
    const anew = await openReview(server.url, thread_id);
    expect(anew.interrupt_id).not.toBe(first.interrupt_id);
    await carried(thread_id, await resume("picky", thread_id, { [anew.interrupt_id as string]: 5 }));
    expect(await paid()).toEqual([5]);
    expect(await review(first)).toMatchObject({ status: "superseded" });
  });
});

it.each([
  ["review()", "both", approval],
  ["a plain interrupt()", "both-plain", "yes"],
])("one value does not answer two questions of %s at once", async (_how, graph, value) => {
  const thread_id = await paused(graph);
  const open = await reviewsOf(server.url, thread_id, "open");
  expect(open).toHaveLength(2);
  const { body } = await refuses(thread_id, "409 ambiguous_resume", () => resume(graph, thread_id, value));
  for (const { interrupt_id } of open) expect(body).toContain(interrupt_id);
  const [left, right] = open as [ReviewTask, ReviewTask];
  expect(said(await resume(graph, thread_id, { [left.interrupt_id as string]: value }))).toBe("200 taken");
  expect(await review(right)).toEqual(right);
  expect(await logOf(thread_id)).toEqual([]);
});

it("thirty clicks on a plain interrupt() are one payment, and who clicked otherwise is told", async () => {
  const thread_id = await paused("picky-schema");
  const { interrupt_id } = await openReview(server.url, thread_id);
  const clicks = Array.from({ length: 30 }, (_, index) =>
    resume("picky-schema", thread_id, { [interrupt_id as string]: 5 + (index % 2) }),
  );
  const answers = await Promise.all(clicks);
  const taken = answers.filter(({ status }) => status === 200);
  expect(new Set(taken.map(({ body }) => body.run_id)).size).toBe(1);
  const amount = 5 + (answers.indexOf(taken[0] as Answer) % 2);
  expect(answers.map(said)).toEqual(
    answers.map((_, index) => (5 + (index % 2) === amount ? "200 taken" : "409 already_decided")),
  );
  await carried(thread_id, taken[0] as Answer);
  expect(await paid()).toEqual([amount]);
});

describe("what was shown is what runs", () => {
  it("where review() asks: an answer to what has changed since pays nothing, and it is asked again", async () => {
    const thread_id = await paused("recomputed");
    const shown = await openReview(server.url, thread_id);
    expect(shown.actions[0]?.args).toEqual({ amount: 100 });
    await house.letGo("the price is 200 now");
    await carried(thread_id, await decide(server.url, shown, { type: "approve" }));
    expect(await review(shown)).toMatchObject({ status: "stale" });
    expect(await paid()).toEqual([]);
    await carried(thread_id, await ask(server.url, `/reviews/${shown.id}/reask`, { body: {} }));
    const anew = await openReview(server.url, thread_id);
    expect(anew.actions[0]?.args).toEqual({ amount: 200 });
    await refuses(thread_id, "409 already_decided", () => decide(server.url, shown, { type: "reject" }));
    await carried(thread_id, await decide(server.url, anew, { type: "approve" }));
    expect(await paid()).toEqual([200]);
  });

  it("where a guarded graph asks plainly: it is not asked at all", async () => {
    const { thread_id } = await client().threads.create();
    const waited = client().runs.wait(thread_id, "recomputed-guarded", { input: {} });
    await expect(waited).rejects.toThrow("guarded");
    expect(await reviewsOf(server.url, thread_id)).toEqual([]);
    expect(said(await resume("recomputed-guarded", thread_id, "yes"))).toBe("409 nothing_to_resume");
    expect(await paid()).toEqual([]);
  });

  it("where a plain interrupt() asks it may not be, and the record has both side by side", async () => {
    const thread_id = await paused("recomputed-plain");
    const shown = await openReview(server.url, thread_id);
    await house.letGo("the price is 200 now");
    await carried(thread_id, await decide(server.url, shown, { type: "respond", value: "yes" }));
    expect(await paid()).toEqual([200]);
    expect((await review(shown)).value).toEqual({ pay: 100 });
    const { body: history } = await ask(server.url, `/reviews/${shown.id}/history`);
    expect(history.shown).toMatchObject({ request_digest: shown.request_digest });
    expect(history.ran).toMatchObject([{ effects: [{ name: "pay", args: { amount: 200 }, status: "receipt" }] }]);
  });
});

it("an approval is not taken again by a contrary answer at its old checkpoint; a fork asks afresh", async () => {
  const thread_id = await paused("twice-plain");
  const first = await openReview(server.url, thread_id);
  await carried(thread_id, await resume("twice-plain", thread_id, { [first.interrupt_id as string]: "yes" }));
  const second = await openReview(server.url, thread_id);
  await carried(thread_id, await resume("twice-plain", thread_id, { [second.interrupt_id as string]: "yes" }));
  expect(await paid()).toEqual([1]);
  const at = { checkpoint: { checkpoint_id: first.checkpoint_id } };
  const answers = ["no", { [first.interrupt_id as string]: "no" }, { [second.interrupt_id as string]: "no" }];
  for (const answer of answers)
    await refuses(thread_id, "409 already_decided", () => resume("twice-plain", thread_id, answer, at));
  await carried(thread_id, await run("twice-plain", thread_id, { input: null, ...at }));
  const anew = await openReview(server.url, thread_id);
  expect(anew).toMatchObject({ value: "delete?", decision: null });
  expect([first.interrupt_id, second.interrupt_id]).not.toContain(anew.interrupt_id);
  expect(await paid()).toEqual([1]);
});

const calls = (...wanted: object[]) => ({ messages: [{ role: "user", content: JSON.stringify(wanted) }] });
const payTen = { name: "pay", args: { amount: 10, to: "ACME" } };
const mail = { name: "send_email", args: { subject: "Hello" } };
const lookUp = { name: "look_up", args: { what: "ACME" } };

describe("one rejection does not silently drop what was approved", () => {
  it("of a review(): each action has its own decision", async () => {
    const thread_id = await paused("batch");
    const shown = await openReview(server.url, thread_id);
    const decisions = [
      { action: 0, type: "approve" },
      { action: 1, type: "reject" },
    ];
    const body = { decisions, seen_digest: shown.request_digest };
    await carried(thread_id, await ask(server.url, `/reviews/${shown.id}/decision`, { body }));
    expect(await logOf(thread_id)).toEqual(["approve", "reject"]);
    expect(await paid()).toEqual([3]);
  });

  it("of LangChain's middleware: a mixed batch is refused with what goes together", async () => {
    const thread_id = await paused("agent", calls(payTen, mail));
    const shown = await openReview(server.url, thread_id);
    const decisions = [
      { action: 0, type: "approve" },
      { action: 1, type: "reject", message: "no" },
    ];
    const body = { decisions, seen_digest: shown.request_digest };
    const mixed = () => ask(server.url, `/reviews/${shown.id}/decision`, { body });
    const refused = await refuses(thread_id, "422 mixed_batch", mixed);
    expect(refused.body.error.facts).toMatchObject({ choices: [["approve"], ["reject"]] });
    await refuses(thread_id, "422 mixed_batch", () => resume("agent", thread_id, { decisions }));
  });

  it("of LangChain's middleware: what is dropped along without having been asked about is said before", async () => {
    const thread_id = await paused("agent", calls(payTen, lookUp));
    const { description } = await openReview(server.url, thread_id);
    expect(description).toMatch(/also calls look_up\. If you reject, that is not called either/);
  });
});

it("whoever starts a run of a guarded graph cannot switch its review off", async () => {
  const { thread_id } = await client().threads.create();
  for (const more of [{ context: { interruptOn: {} } }, { config: { configurable: { interruptOn: {} } } }])
    await refuses(thread_id, "409 guarded", () => run("batch", thread_id, { input: {}, ...more }));
  expect(await reviewsOf(server.url, thread_id)).toEqual([]);
});

describe("whoever starts an agent that nothing guards cannot switch its questions off", () => {
  const SWITCHES: [string, object][] = [
    ["what is asked about", { context: { interruptOn: {} } }],
    ["that nothing is", { context: { interruptOn: null } }],
    ["one tool of two", { context: { interruptOn: { pay: false } } }],
    ["how it is put", { context: { descriptionPrefix: "Nothing to see" } }],
    ["what is asked about, in the configuration", { config: { configurable: { interruptOn: {} } } }],
    ["how it is put, in the configuration", { config: { configurable: { descriptionPrefix: "" } } }],
  ];
  const send = (thread_id: string, body: object, end = "") =>
    ask(server.url, `/threads/${thread_id}/runs${end}`, { body: { assistant_id: "agent", ...body } });

  it.each(SWITCHES)("by %s, on no road that starts a run", async (_what, more) => {
    const { thread_id } = await client().threads.create();
    for (const end of ["", "/wait", "/stream"])
      await refuses(thread_id, "409 guarded", () => send(thread_id, { input: calls(payTen), ...more }, end));
    expect((await client().threads.get(thread_id)).status).toBe("idle");
  });

  it.each(SWITCHES)("by %s, while it asks or beside the answer", async (_what, more) => {
    const thread_id = await paused("agent", calls(payTen));
    const shown = await openReview(server.url, thread_id);
    const answered = { command: { resume: { [shown.interrupt_id as string]: approval } } };
    const at = { checkpoint_id: shown.checkpoint_id };
    for (const body of [{ input: null }, { input: calls(payTen) }, { input: null, ...at }, answered])
      await refuses(thread_id, "409 guarded", () => send(thread_id, { ...body, ...more }));
    for (const multitask_strategy of ["interrupt", "rollback"])
      await refuses(thread_id, "409 guarded", () => send(thread_id, { input: null, multitask_strategy, ...more }));
    expect(await review(shown)).toEqual(shown);
    await carried(thread_id, await send(thread_id, answered));
    const { values } = await client().threads.getState<{ messages: { content: string }[] }>(thread_id);
    expect(values.messages.map(({ content }) => content)).toContain("paid 10 to ACME");
  });

  it("by what hides it from a check, because the agent does not see it either", async () => {
    const hidden = '{"assistant_id":"agent","context":{"__proto__":{"interruptOn":{}}},"input":';
    const { thread_id } = await client().threads.create();
    const response = await fetch(`${server.url}/threads/${thread_id}/runs/wait`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `${hidden}${JSON.stringify(calls(payTen))}}`,
    });
    expect(JSON.parse(await response.text())).toHaveProperty("__interrupt__");
    await openReview(server.url, thread_id);
  });

  it("but who may go past reviews can, says why, and is kept in its record", async () => {
    const thread_id = await paused("agent", calls(payTen));
    const shown = await openReview(server.url, thread_id);
    const more = { context: { interruptOn: {} }, bypass_reason: "the customer is on the phone" };
    await carried(thread_id, await send(thread_id, { input: null, ...more }));
    expect(await review(shown)).toMatchObject({ status: "superseded" });
    expect(await reviewsOf(server.url, thread_id, "open")).toEqual([]);
    const { body } = await ask(server.url, `/reviews/${shown.id}/audit`);
    expect(body.map(({ kind }: { kind: string }) => kind)).toContain("bypassed");
  });
});

it("leaves every chain whole", async () => {
  expect(await house.brokenChains()).toEqual([]);
});
