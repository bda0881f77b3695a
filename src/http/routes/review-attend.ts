import type { z } from "zod";
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
import type { Permission } from "../../protocol/principal.ts";
import { invalid } from "../failure.ts";
import { checkWith, readBody, readJson, uuidParameter } from "../read-request.ts";
import { json } from "../reply.ts";
import type { Call, Route } from "../route.ts";
import { AGENT, sendBack } from "./review-decisions.ts";

// Somebody who does not decide may be asked about a review, and says what they know: the review says who.
const EITHER = ["review:decide", "review:read"] as const;

/** What people do about a review beside deciding it. */
export const reviewAttendRoutes: readonly Route[] = [
  plain("claim"),
  plain("release"),
  told("assign", assignSchema, ({ to }) => ({ type: "assign", to })),
  told("delegate", delegateSchema, ({ to }) => ({ type: "delegate", to })),
  told("snooze", snoozeSchema, ({ until }) => ({
    type: "snooze",
    until: until === null ? null : new Date(until).toISOString(),
  })),
  told("escalate", escalateSchema, ({ reason, to, group, level }) => ({
    type: "escalate",
    reason,
    to: to ?? null,
    group: group ?? null,
    level,
  })),
  { method: "POST", path: "/reviews/:review_id/ask", permission: "review:decide", handle: ask },
  told("comment", commentSchema, ({ text }) => ({ type: "comment", text }), EITHER),
  told("answer", commentSchema, ({ text }) => ({ type: "answer", text }), EITHER),
  plain("view", "review:read"),
];

function plain(type: "claim" | "release" | "view", permission: Permission = "review:decide"): Route {
  return {
    method: "POST",
    path: `/reviews/:review_id/${type}`,
    permission,
    handle: async (call) => await attended(call, { type }),
  };
}

function told<Body>(
  name: string,
  schema: z.ZodType<Body>,
  actOf: (body: Body) => Act,
  permission: Permission | readonly Permission[] = "review:decide",
): Route {
  return {
    method: "POST",
    path: `/reviews/:review_id/${name}`,
    permission,
    handle: async (call) => await attended(call, actOf(await readBody(call, schema))),
  };
}

/** Asks a person, or sends the question back to the graph, which is a decision and is bound like one. */
async function ask(call: Call): Promise<Response> {
  const body = await readJson(call);
  const checked = checkWith(askSchema, body);
  if (!checked.ok) throw invalid(checked.faults);
  const { question, to } = checked.value;
  return to === AGENT
    ? await sendBack(call, question, body)
    : await attended(call, { type: "ask", question, to: to ?? null });
}

/** Does it, and answers with the review as it is now. */
async function attended(call: Call, act: Act): Promise<Response> {
  const review_id = uuidParameter(call, "review_id");
  const review = await attend(call.deps.database, { principal: call.principal, review_id, act });
  if (review.escalation !== undefined) call.deps.metrics.review_steps.inc({ step: "escalated" });
  call.deps.wakeups.wake("runs", review.thread_id);
  call.deps.log.info({ review_id, act: act.type, principal_id: call.principal.principal_id }, "review attended");
  return json(review, 200, { etag: `"${review.version}"` });
}
