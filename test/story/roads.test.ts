import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { type Answer, ask, decide, keyFor, openReview, reviewsOf, sdk } from "../support/client.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { refundExample } from "../support/refund-shop.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let house: RefundHouse;
let server: Server;
beforeAll(async () => {
  house = await openRefundHouse();
  server = await startServer({ databaseUrl: house.url, shared: true });
}, 120_000);
afterAll(async () => {
  await server?.kill9();
  await house?.close();
});

const client = () => sdk(server.url);
const GUARDED = "refund-approval";
const approval = { decisions: [{ type: "approve" }] };
const wrongDigest = `sha256:${"0".repeat(64)}`;

interface Waiting {
  thread_id: string;
  review: ReviewTask;
  /** The checkpoint before the head. */
  older: string;
  input: Record<string, unknown>;
}

async function startWaiting(graph: string): Promise<Waiting> {
  const { thread_id } = await client().threads.create();
  const input = graph === GUARDED ? await refundExample("large") : { amount: 5 };
  await client().runs.wait(thread_id, graph, { input });
  const history = await client().threads.getHistory(thread_id);
  const older = history[1]?.checkpoint.checkpoint_id as string;
  return { thread_id, review: await openReview(server.url, thread_id), older, input };
}

const run = async (graph: string, thread_id: string, body: object, key?: string): Promise<Answer> =>
  await ask(server.url, `/threads/${thread_id}/runs`, { body: { assistant_id: graph, ...body }, key });

const resume = (graph: string, thread_id: string, value: unknown, more: object = {}) =>
  run(graph, thread_id, { command: { resume: value }, ...more });

const said = ({ status, code }: Answer) => `${status} ${code}`;

/** The thread at rest: every run of it has ended. */
async function settled(thread_id: string): Promise<void> {
  await until("every run has ended", async () => {
    const runs = await client().runs.list(thread_id, { limit: 100 });
    return runs.every(({ status }) => status !== "pending" && status !== "running");
  });
}

describe("a guarded graph that waits for a person", () => {
  let waiting: Waiting;
  let before: Record<string, unknown>;
  beforeAll(async () => {
    waiting = await startWaiting(GUARDED);
    before = await house.rowCounts(waiting.thread_id);
  });

  type Road = (waiting: Waiting) => Promise<Answer>;
  const roads: [string, string, Road][] = [
    ["a bare value", "428 precondition_required", ({ thread_id }) => resume(GUARDED, thread_id, "yes")],
    [
      "a decision that nothing binds",
      "428 precondition_required",
      ({ thread_id }) => resume(GUARDED, thread_id, approval),
    ],
    ["null", "428 precondition_required", ({ thread_id }) => resume(GUARDED, thread_id, null)],
    [
      "an answer under an unknown interrupt id",
      "409 unknown_interrupt",
      ({ thread_id }) => resume(GUARDED, thread_id, { ["a".repeat(32)]: approval }),
    ],
    [
      "an answer to other bytes",
      "409 digest_mismatch",
      ({ thread_id }) => resume(GUARDED, thread_id, { ...approval, value_digest: wrongDigest }),
    ],
    [
      "a decision on other bytes",
      "409 digest_mismatch",
      ({ review }) => decide(server.url, { ...review, request_digest: wrongDigest }, { type: "approve" }),
    ],
    [
      "a decision that says nothing of what was seen",
      "428 precondition_required",
      ({ review }) => ask(server.url, `/reviews/${review.id}/decision`, { body: approval }),
    ],
    [
      "a decision on another version",
      "412 precondition_failed",
      ({ review }) =>
        ask(server.url, `/reviews/${review.id}/decision`, { body: approval, headers: { "if-match": '"7"' } }),
    ],
    [
      "a decision the review does not offer",
      "422 invalid",
      ({ review }) => decide(server.url, review, { type: "respond", value: 1 }),
    ],
    [
      "an edit of what may not be edited",
      "422 invalid",
      ({ review }) =>
        decide(server.url, review, { type: "edit", args: { ...(review.actions[0]?.args as object), invoice_id: 6 } }),
    ],
    [
      "a malformed answer under the right id",
      "422 invalid",
      ({ thread_id, review }) => resume(GUARDED, thread_id, { [review.interrupt_id as string]: { decisions: "yes" } }),
    ],
    [
      "an answer at an old checkpoint",
      "409 use_fork",
      ({ thread_id, older }) => resume(GUARDED, thread_id, approval, { checkpoint: { checkpoint_id: older } }),
    ],
    [
      "an answer at an old checkpoint by its id alone",
      "409 use_fork",
      ({ thread_id, older }) => resume(GUARDED, thread_id, approval, { checkpoint_id: older }),
    ],
    ["new input", "409 guarded", ({ thread_id, input }) => run(GUARDED, thread_id, { input })],
    ["an empty input", "409 guarded", ({ thread_id }) => run(GUARDED, thread_id, { input: null })],
    [
      "a fork",
      "409 guarded",
      ({ thread_id, older }) => run(GUARDED, thread_id, { input: null, checkpoint: { checkpoint_id: older } }),
    ],
    ["a jump", "409 guarded", ({ thread_id }) => run(GUARDED, thread_id, { command: { goto: "execute" } })],
    [
      "an update",
      "409 guarded",
      ({ thread_id }) =>
        run(GUARDED, thread_id, { command: { update: { decision: { type: "approve", message: null } } } }),
    ],
    [
      "a jump beside an answer",
      "409 guarded",
      ({ thread_id, review }) =>
        run(GUARDED, thread_id, {
          command: { resume: { [review.interrupt_id as string]: approval }, goto: "execute" },
        }),
    ],
    [
      "a breakpoint beside an answer",
      "409 guarded",
      ({ thread_id, review }) =>
        resume(GUARDED, thread_id, { [review.interrupt_id as string]: approval }, { interrupt_before: ["execute"] }),
    ],
    [
      "an internal key beside an answer",
      "409 guarded",
      ({ thread_id, review }) =>
        resume(
          GUARDED,
          thread_id,
          { [review.interrupt_id as string]: approval },
          { config: { configurable: { __pregel_strict_resume: false } } },
        ),
    ],
    ["another graph's run", "409 guarded", ({ thread_id }) => run("plain-once", thread_id, { input: { amount: 1 } })],
    [
      "another graph's answer",
      "422 invalid",
      ({ thread_id, review }) => resume("plain-once", thread_id, { [review.interrupt_id as string]: approval }),
    ],
    [
      "a state edit",
      "409 guarded",
      ({ thread_id }) => ask(server.url, `/threads/${thread_id}/state`, { body: { values: { findings: [] } } }),
    ],
    [
      "a state edit in a node's name",
      "409 guarded",
      ({ thread_id }) =>
        ask(server.url, `/threads/${thread_id}/state`, {
          body: { values: { decision: { type: "approve", message: null } }, as_node: "review" },
        }),
    ],
    [
      "a state edit in a subgraph's namespace",
      "409 guarded",
      ({ thread_id, older }) =>
        ask(server.url, `/threads/${thread_id}/state`, {
          body: { values: null, checkpoint: { checkpoint_id: older, checkpoint_ns: "review:x" } },
        }),
    ],
    [
      "a stranger's decision",
      "404 not_found",
      () => decide(server.url, { id: randomUUID(), request_digest: "x" }, approval),
    ],
  ];

  it.each(roads)("refuses %s with %s and changes nothing", async (_road, refusal, take) => {
    expect(said(await take(waiting))).toBe(refusal);
    expect(await house.rowCounts(waiting.thread_id)).toEqual(before);
  });

  it("refuses whoever may start runs but not decide, on both roads", async () => {
    const key = await keyFor(server.url, "starter", ["runs:create", "runs:read", "review:read"]);
    const own = await decide(server.url, waiting.review, { type: "approve" }, { key });
    const body = { command: { resume: { [waiting.review.interrupt_id as string]: approval } } };
    expect([said(own), said(await run(GUARDED, waiting.thread_id, body, key))]).toEqual([
      "403 permission_denied",
      "403 permission_denied",
    ]);
    expect(await house.rowCounts(waiting.thread_id)).toEqual(before);
  });

  it("takes the head's checkpoint as what binds an answer, and pays once", async () => {
    const { thread_id, review } = waiting;
    const taken = await resume(GUARDED, thread_id, approval, { checkpoint: { checkpoint_id: review.checkpoint_id } });
    expect(taken.status).toBe(200);
    await settled(thread_id);
    expect(await house.refunds(5)).toMatchObject([{ amount: "13.86" }]);
    const { body } = await ask(server.url, `/reviews/${review.id}`);
    expect(body).toMatchObject({ status: "closed", decision: { binding: "checkpoint", channel: "runs" } });
  });
});

describe("a thread whose review was decided and is finished", () => {
  let waiting: Waiting;
  let run_id: string;
  let before: Record<string, unknown>;
  const ids = () => waiting.review.interrupt_id as string;
  beforeAll(async () => {
    waiting = await startWaiting("guarded-twice");
    run_id = (await decide(server.url, waiting.review, { type: "approve" }, { idempotency_key: "first" })).body.run_id;
    await settled(waiting.thread_id);
    const second = await openReview(server.url, waiting.thread_id);
    await decide(server.url, second, { type: "approve" });
    await settled(waiting.thread_id);
    before = await house.rowCounts(waiting.thread_id);
  });

  it("gives the run of the answer that stands to whoever gave it and repeats it", async () => {
    const { thread_id, review } = waiting;
    const again = [
      await decide(server.url, review, { type: "approve" }),
      await decide(server.url, review, { type: "approve" }, { comment: "again", idempotency_key: "first" }),
      await resume("guarded-twice", thread_id, { [ids()]: approval }),
    ];
    expect(again.map(({ status, body }) => [status, body.run_id])).toEqual(again.map(() => [200, run_id]));
    expect(await house.rowCounts(thread_id)).toEqual(before);
  });

  it("refuses another answer, another person and another use of the key", async () => {
    const { thread_id, review } = waiting;
    const key = await keyFor(server.url, "late");
    const same = await decide(server.url, review, { type: "approve" }, { key });
    const other = await decide(server.url, review, { type: "reject" }, { key });
    const changed = await decide(server.url, review, { type: "reject" });
    const reused = await decide(server.url, review, { type: "reject" }, { idempotency_key: "first" });
    expect([same, other, changed, reused].map(said)).toEqual([
      "409 already_decided",
      "409 already_decided",
      "409 already_decided",
      "422 idempotency_key_reused",
    ]);
    const facts = [same, other].map(({ body }) => (body as unknown as { error: { facts: object } }).error.facts);
    expect(facts).toMatchObject([
      { same: true, decided_by: "local-owner" },
      { same: false, decided_by: "local-owner" },
    ]);
    const byId = await resume("guarded-twice", thread_id, { [ids()]: { decisions: [{ type: "reject" }] } });
    expect(said(byId)).toBe("409 already_decided");
    expect(await house.rowCounts(thread_id)).toEqual(before);
  });

  it("refuses answers to what is over, and forks back to before it", async () => {
    const { thread_id, older } = waiting;
    const at = { checkpoint: { checkpoint_id: older } };
    const answers = [
      await resume("guarded-twice", thread_id, "yes"),
      await resume("guarded-twice", thread_id, { decisions: [{ type: "reject" }] }),
      await resume("guarded-twice", thread_id, { decisions: [{ type: "reject" }] }, at),
      await run("guarded-twice", thread_id, { input: null, ...at }),
    ];
    expect(answers.map(said)).toEqual([
      "409 already_decided",
      "409 already_decided",
      "409 already_decided",
      "409 guarded",
    ]);
    expect(await house.rowCounts(thread_id)).toEqual(before);
    expect(await house.payments()).toHaveLength(1);
  });

  it("has nothing to answer where nothing was asked, and answers 410 where it was cancelled", async () => {
    const { thread_id } = await client().threads.create();
    await client().runs.wait(thread_id, GUARDED, { input: await refundExample("small") });
    expect(said(await resume(GUARDED, thread_id, "yes"))).toBe("409 nothing_to_resume");
    const cancelled = await startWaiting("guarded-twice");
    await client().runs.cancel(cancelled.thread_id, cancelled.review.run_id);
    expect(await client().threads.get(cancelled.thread_id)).toMatchObject({ status: "idle" });
    const late = await decide(server.url, cancelled.review, { type: "approve" });
    const lateById = await resume("guarded-twice", cancelled.thread_id, {
      [cancelled.review.interrupt_id as string]: approval,
    });
    expect([late, lateById].map(said)).toEqual(["410 cancelled", "410 cancelled"]);
    expect(await house.payments()).toHaveLength(1);
  });
});

describe("an unguarded graph that waits for a person", () => {
  const paid = async () => (await house.payments()).length;

  it("takes a bare value for its only question, and the record says that nothing bound it", async () => {
    const { thread_id, review } = await startWaiting("plain-once");
    const before = await paid();
    expect((await resume("plain-once", thread_id, "yes")).status).toBe(200);
    await settled(thread_id);
    expect((await client().threads.getState<{ log: string[] }>(thread_id)).values.log).toEqual([
      'said "yes"',
      "paid 5",
    ]);
    expect((await ask(server.url, `/reviews/${review.id}`)).body.decision).toMatchObject({ binding: "unbound" });
    expect(await paid()).toBe(before + 1);
  });

  it("refuses an answer at an old checkpoint and one under an unknown id", async () => {
    const { thread_id, older } = await startWaiting("plain-once");
    const before = await house.rowCounts(thread_id);
    const answers = [
      await resume("plain-once", thread_id, "yes", { checkpoint: { checkpoint_id: older } }),
      await resume("plain-once", thread_id, { ["b".repeat(32)]: "yes" }),
    ];
    expect(answers.map(said)).toEqual(["409 use_fork", "409 unknown_interrupt"]);
    expect(await house.rowCounts(thread_id)).toEqual(before);
  });

  it("never gives the answer of one question to the next one of the node", async () => {
    const { thread_id, review } = await startWaiting("plain-twice");
    const id = review.interrupt_id as string;
    const first = await resume("plain-twice", thread_id, { [id]: "yes" });
    await settled(thread_id);
    const second = await openReview(server.url, thread_id);
    expect(second.interrupt_id).not.toBe(id);
    const before = await house.rowCounts(thread_id);
    expect((await resume("plain-twice", thread_id, { [id]: "yes" })).body.run_id).toBe(first.body.run_id);
    expect(said(await resume("plain-twice", thread_id, { [id]: "no" }))).toBe("409 already_decided");
    expect(await house.rowCounts(thread_id)).toEqual(before);
    await resume("plain-twice", thread_id, { [second.interrupt_id as string]: "no" });
    await settled(thread_id);
    const { values } = await client().threads.getState<{ log: string[] }>(thread_id);
    expect(values.log[0]).toBe('said ["yes","no"]');
  });

  it.each<[string, (waiting: Waiting) => Promise<Answer>]>([
    ["new input", ({ thread_id }) => run("open-twice", thread_id, { input: { amount: 7 } })],
    ["a jump", ({ thread_id }) => run("open-twice", thread_id, { command: { goto: "second" } })],
    [
      "a state edit",
      ({ thread_id }) => ask(server.url, `/threads/${thread_id}/state`, { body: { values: { amount: 7 } } }),
    ],
    [
      "a fork",
      ({ thread_id, older }) => run("open-twice", thread_id, { input: null, checkpoint: { checkpoint_id: older } }),
    ],
  ])("takes back its question for %s; the old answer is then refused", async (_road, take) => {
    const waiting = await startWaiting("open-twice");
    const before = await paid();
    expect((await take(waiting)).status).toBe(200);
    await settled(waiting.thread_id);
    const { body: old } = await ask(server.url, `/reviews/${waiting.review.id}`);
    expect(old).toMatchObject({ status: "superseded", decision: null });
    expect(said(await decide(server.url, waiting.review, { type: "approve" }))).toBe("409 superseded");
    expect(await paid()).toBe(before);
  });
});

describe("a thread that is copied", () => {
  it("takes its open question along as one of its own", async () => {
    const { thread_id, review } = await startWaiting("guarded-twice");
    const copy = await client().threads.copy(thread_id);
    const copied = await openReview(server.url, copy.thread_id);
    expect(copied.id).not.toBe(review.id);
    expect(copied.interrupt_id).toBe(review.interrupt_id);
    const { run_id } = (await decide(server.url, review, { type: "approve" })).body;
    await client().runs.join(thread_id, run_id);
    expect(await openReview(server.url, copy.thread_id)).toEqual(copied);
    expect(await client().threads.get(copy.thread_id)).toMatchObject({ status: "interrupted" });
  });

  it("asks everything itself when half of it was answered: the answer stays with the original", async () => {
    const { thread_id } = await client().threads.create();
    await client().runs.wait(thread_id, "guarded-pair", { input: { amount: 5 } });
    const [left, right] = (await reviewsOf(server.url, thread_id, "open")) as [ReviewTask, ReviewTask];
    const before = await house.payments();
    const half = await decide(server.url, left, { type: "approve" });
    expect(half).toMatchObject({ status: 200, body: { run_id: null, review: { status: "decided" } } });
    const copy = await client().threads.copy(thread_id);
    expect(await reviewsOf(server.url, copy.thread_id, "open")).toHaveLength(2);
    expect(said(await resume("guarded-pair", thread_id, approval))).toBe("428 precondition_required");
    const whole = await decide(server.url, right, { type: "approve" });
    await client().runs.join(thread_id, whole.body.run_id);
    expect(await reviewsOf(server.url, copy.thread_id, "open")).toHaveLength(2);
    expect(await house.payments()).toHaveLength(before.length + 1);
  });

  it("is refused while an answer is being applied, so that one approval pays once", async () => {
    const { thread_id, review } = await startWaiting("held-after-review");
    const before = await house.payments();
    const { run_id } = (await decide(server.url, review, { type: "approve" })).body;
    await until("the step after the approval is under way", async () => (await house.visits(thread_id))["hold"] === 1);
    const threads = (await house.rowCounts(thread_id))["threads"];
    expect(said(await ask(server.url, `/threads/${thread_id}/copy`, { method: "POST" }))).toBe("409 thread_busy");
    expect((await house.rowCounts(thread_id))["threads"]).toBe(threads);
    await house.letGo(thread_id);
    await client().runs.join(thread_id, run_id);
    expect(await house.payments()).toHaveLength(before.length + 1);
    const copy = await client().threads.copy(thread_id);
    expect(await reviewsOf(server.url, copy.thread_id)).toEqual([]);
    expect(said(await run("held-after-review", copy.thread_id, { input: null }))).not.toMatch(/^5/);
    await settled(copy.thread_id);
    expect(await house.payments()).toHaveLength(before.length + 1);
  });
});

it("leaves every chain whole", async () => {
  expect(await house.brokenChains()).toEqual([]);
});
