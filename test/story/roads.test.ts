import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { type Answer, ask, decide, keyFor } from "../support/client.ts";
import {
  approval,
  GUARDED,
  house,
  openScene,
  resume,
  run,
  said,
  server,
  settled,
  startWaiting,
  type Waiting,
} from "./scene.ts";

openScene();

const wrongDigest = `sha256:${"0".repeat(64)}`;

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

it("leaves every chain whole", async () => {
  expect(await house.brokenChains()).toEqual([]);
});
