import { z } from "zod";
import { attend } from "../../postgres/attend.ts";
import {
  type Act,
  askSchema,
  assignSchema,
  commentSchema,
  delegateSchema,
  escalateSchema,
  snoozeSchema,
} from "../../protocol/attend.ts";
import { decisionBodySchema } from "../../protocol/decision.ts";
import type { Permission } from "../../protocol/principal.ts";
import { decidedWire, reviewWire } from "../../protocol/review-wire.ts";
import { shows } from "../answers.ts";
import { NOT_DECIDED, TOO_LATE } from "../refusal-codes.ts";
import { json } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { AGENT, sendBack } from "./review-decisions.ts";

// Somebody who does not decide may be asked about a review, and says what they know: the review says who.
const EITHER = ["review:decide", "review:read"] as const;

const ANSWERS = { 200: shows(reviewWire, "The review as it is now.", ["etag"]) };

const REFUSES = [...TOO_LATE, "claimed", "nothing_asked", "precondition_failed"] as const;

// What binds a question to what was seen counts only where it goes to the graph, so elsewhere nothing can be wrong with it.
const askBodySchema = askSchema.extend({
  seen_digest: decisionBodySchema.shape.seen_digest.catch(undefined),
  idempotency_key: decisionBodySchema.shape.idempotency_key.catch(undefined),
});

/** What people do about a review beside deciding it. */
export const reviewAttendRoutes: readonly Route[] = [
  plain("claim", "Take a review in hand"),
  plain("release", "Let go of a review"),
  told("assign", "Say who is to decide a review", assignSchema, ({ to }) => ({ type: "assign", to })),
  told("delegate", "Hand a review on", delegateSchema, ({ to }) => ({ type: "delegate", to })),
  told("snooze", "Put a review out of sight for a while", snoozeSchema, ({ until }) => ({
    type: "snooze",
    until: until === null ? null : new Date(until).toISOString(),
  })),
  told("escalate", "Ask others as well", escalateSchema, ({ reason, to, group, level }) => ({
    type: "escalate",
    reason,
    to: to ?? null,
    group: group ?? null,
    level,
  })),
  defineRoute({
    method: "POST",
    path: "/reviews/:review_id/ask",
    permission: "review:decide",
    event: "threads:create_run",
    summary: "Ask a person about a review, or send it back to the graph with a question",
    body: askBodySchema,
    example: { question: "Is the customer known?", to: "grace" },
    answers: { 200: shows(z.union([reviewWire, decidedWire]), "The review; beside its run where the graph is asked.") },
    refuses: NOT_DECIDED,
    handle: ask,
  }),
  told("comment", "Comment on a review", commentSchema, ({ text }) => ({ type: "comment", text }), EITHER),
  told(
    "answer",
    "Answer what was asked about a review",
    commentSchema,
    ({ text }) => ({ type: "answer", text }),
    EITHER,
  ),
  plain("view", "Say that a review was looked at", "review:read"),
];

function plain(type: "claim" | "release" | "view", summary: string, permission: Permission = "review:decide"): Route {
  return defineRoute({
    method: "POST",
    path: `/reviews/:review_id/${type}`,
    permission,
    event: type === "view" ? "threads:read" : "threads:update",
    summary,
    answers: ANSWERS,
    refuses: REFUSES,
    handle: async (call) => await attended(call, { type }),
  });
}

function told<Body>(
  name: "assign" | "delegate" | "snooze" | "escalate" | "comment" | "answer",
  summary: string,
  body: z.ZodType<Body>,
  actOf: (body: Body) => Act,
  permission: Permission | readonly Permission[] = "review:decide",
): Route {
  return defineRoute({
    method: "POST",
    path: `/reviews/:review_id/${name}`,
    permission,
    event: "threads:update",
    summary,
    body,
    answers: ANSWERS,
    refuses: REFUSES,
    handle: async (call) => await attended(call, actOf(call.body)),
  });
}

/** Asks a person, or sends the question back to the graph, which is a decision and is bound like one. */
async function ask(call: Call<"review_id", z.infer<typeof askBodySchema>>): Promise<Response> {
  const { question, to, ...binding } = call.body;
  return to === AGENT
    ? await sendBack(call, question, binding)
    : await attended(call, { type: "ask", question, to: to ?? null });
}

/** Does it, and answers with the review as it is now. */
async function attended(call: Call<"review_id">, act: Act): Promise<Response> {
  const { review_id } = call.params;
  const review = await attend(call.deps.database, { principal: call.principal, review_id, act });
  if (review.escalation !== undefined) call.deps.metrics.review_steps.inc({ step: "escalated" });
  call.deps.wakeups.wake("runs", review.thread_id);
  call.deps.log.info({ review_id, act: act.type, principal_id: call.principal.principal_id }, "review attended");
  return json(review, 200, { etag: `"${review.version}"` });
}
