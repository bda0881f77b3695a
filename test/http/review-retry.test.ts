import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { knobs, resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
beforeEach(resetKnobs);
afterAll(async () => await server.close());

async function asked(graph_id: string, input: Record<string, unknown>): Promise<ReviewTask> {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, graph_id, { input });
  return await theOpen(thread_id);
}

async function theOpen(thread_id: string): Promise<ReviewTask> {
  const open = (await (await server.ask(`/reviews?status=open&thread_id=${thread_id}`)).json()) as ReviewTask[];
  expect(open).toHaveLength(1);
  return open[0] as ReviewTask;
}

interface Answered {
  status: number;
  code: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it, the test checks
  body: any;
}

async function post(review: ReviewTask, what: string, body: unknown = {}): Promise<Answered> {
  const response = await server.ask(`/reviews/${review.id}/${what}`, { method: "POST", body });
  return { status: response.status, code: response.headers.get("x-holdpoint-error"), body: await response.json() };
}

const bound = ({ request_digest: seen_digest }: ReviewTask) => ({ seen_digest });
const ended = async ({ thread_id }: ReviewTask, { body }: Answered) =>
  await server.client.runs.join(thread_id, body.run_id).catch(() => undefined);
const now = async ({ id }: ReviewTask) => (await (await server.ask(`/reviews/${id}`)).json()) as ReviewTask;

it("sends a question back to the graph, bound like a decision; the next one says which it comes after", async () => {
  const review = await asked("asks-until-approved", { amount: 7 });
  const ask = { question: "which account?", to: "agent" };
  expect((await post(review, "ask", { ...ask, seen_digest: "sha256:0" })).code).toBe("digest_mismatch");
  const back = await post(review, "ask", { ...ask, ...bound(review) });
  expect(back).toMatchObject({
    status: 200,
    body: { review: { decision: { channel: "ask", comment: "which account?", decisions: [{ type: "reject" }] } } },
  });
  await ended(review, back);
  const next = await theOpen(review.thread_id);
  expect(next).toMatchObject({ title: "Pay 8?", revision: 2, revises: review.id });
  expect((await post(review, "ask", { ...ask, ...bound(review) })).body.run_id).toBe(back.body.run_id);
  expect((await post(next, "decision", { decisions: [{ type: "approve" }], ...bound(next) })).status).toBe(200);
  expect((await post(next, "ask", { ...ask, ...bound(next) })).code).toBe("already_decided");
});

it("goes on with the recorded answer where the resume failed, once however often it is asked for", async () => {
  const review = await asked("work-on-answer", { amount: 5 });
  expect((await post(review, "retry")).code).toBe("not_failed");
  knobs.onVisit = (place) => {
    if (place === "work.answered") throw new Error("the printer is on fire");
  };
  await ended(
    review,
    await post(review, "decision", { decisions: [{ type: "respond", value: "42" }], ...bound(review) }),
  );
  expect(await now(review)).toMatchObject({ status: "resume_failed", status_reason: "the printer is on fire" });
  resetKnobs();
  const told = await Promise.all(Array.from({ length: 5 }, () => post(review, "retry")));
  const [first] = told.filter(({ status }) => status === 200);
  expect(first).toBeDefined();
  for (const { status, code } of told)
    if (status !== 200) expect(["thread_busy", "superseded", "not_failed"]).toContain(code);
  await ended(review, first as Answered);
  expect(await now(review)).toMatchObject({ status: "closed" });
  expect(told.filter(({ status }) => status === 200)).toHaveLength(1);
  expect((await post(review, "retry")).code).toBe("not_failed");
});

it("asks again where the resume failed before anything was begun outside, once however often it is asked for", async () => {
  const review = await asked("work-on-answer", { amount: 5 });
  knobs.onVisit = (place) => {
    if (place === "work.answered") throw new Error("the printer is on fire");
  };
  const decisions = [{ type: "respond", value: "42" }];
  await ended(review, await post(review, "decision", { decisions, ...bound(review) }));
  resetKnobs();
  const reader = await server.key("reader", ["review:read", "runs:read"]);
  const refused = await server.ask(`/reviews/${review.id}/reask`, { method: "POST", headers: { "x-api-key": reader } });
  expect(refused.status).toBe(403);
  const told = await Promise.all(Array.from({ length: 5 }, () => post(review, "reask")));
  const taken = told.filter(({ status }) => status === 200);
  expect(taken).toHaveLength(1);
  for (const { status, code } of told) if (status !== 200) expect(["thread_busy", "not_failed"]).toContain(code);
  await ended(review, taken[0] as Answered);
  const anew = await theOpen(review.thread_id);
  expect(anew).toMatchObject({ restarts: 1, revises: review.id, decision: null });
  expect(await now(review)).toMatchObject({ status: "superseded", superseded_by: anew.id });
  expect((await post(review, "reask")).code).toBe("not_failed");
  expect((await post(review, "decision", { decisions, ...bound(review) })).status).toBe(200);
  expect((await theOpen(review.thread_id)).id).toBe(anew.id);
});

it("does not ask again where an effect was begun, and says which", async () => {
  const review = await asked("guarded-payment", { amount: 5 });
  knobs.onVisit = (place) => {
    if (place.startsWith("paid:")) throw new Error("the bank hung up");
  };
  await ended(review, await post(review, "decision", { decisions: [{ type: "approve" }], ...bound(review) }));
  resetKnobs();
  const refused = await post(review, "reask");
  expect(refused).toMatchObject({ status: 409, code: "effect_begun" });
  expect(refused.body.error.facts).toMatchObject({ review_id: review.id, name: "pay", status: "intent" });
  expect(refused.body.error.message).toContain(`/reviews/${review.id}/retry`);
  await ended(review, await post(review, "retry"));
  expect(await now(review)).toMatchObject({ status: "closed" });
});

it("asks again where the answer is stale, and the old question names the new one", async () => {
  knobs.shown = () => 100;
  const review = await asked("drifting", { amount: 5 });
  expect((await post(review, "reask")).code).toBe("not_failed");
  knobs.shown = () => 200;
  await ended(review, await post(review, "decision", { decisions: [{ type: "approve" }], ...bound(review) }));
  expect(await now(review)).toMatchObject({ status: "stale" });
  expect((await post(review, "retry")).code).toBe("not_failed");
  await ended(review, await post(review, "reask"));
  const anew = await theOpen(review.thread_id);
  expect(anew).toMatchObject({ restarts: 1, revision: 1, revises: review.id, actions: [{ args: { amount: 200 } }] });
  expect(await now(review)).toMatchObject({ status: "superseded", superseded_by: anew.id });
  expect((await post(review, "decision", { decisions: [{ type: "reject" }], ...bound(review) })).code).toBe(
    "already_decided",
  );
});
