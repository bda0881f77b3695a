import { z } from "zod";
import { firstBrokenLink, type StoredLink } from "../../policy/audit-chain.ts";
import type { DecisionRequest } from "../../policy/review/decide.ts";
import { reviewAudit } from "../../postgres/audit.sql.ts";
import { type Decided, decide } from "../../postgres/decide.ts";
import { readReview, readReviews } from "../../postgres/reviews.ts";
import { decisionBodySchema } from "../../protocol/decision.ts";
import { HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import { uuidSchema } from "../../protocol/json.ts";
import { REVIEW_STATUSES, type ReviewTask } from "../../protocol/review.ts";
import { factsForAnswer } from "../find-graph.ts";
import { idempotencyKey } from "../idempotency.ts";
import {
  checkWith,
  limitSchema,
  offsetSchema,
  readJson,
  readQuery,
  textSchema,
  uuidParameter,
  wholeNumber,
} from "../read-request.ts";
import { json, page } from "../reply.ts";
import type { Call, Route } from "../route.ts";

const listSchema = z.object({
  status: z.enum(REVIEW_STATUSES).optional(),
  graph_id: textSchema.optional(),
  thread_id: uuidSchema.optional(),
  limit: wholeNumber(limitSchema).default(100),
  offset: wholeNumber(offsetSchema).default(0),
});

/** Reviews: what waits for a person, what was said, and the record of it. */
export const reviewRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/reviews",
    permission: "review:read",
    async handle(call) {
      const { status, graph_id, thread_id, limit, offset } = readQuery(call, listSchema);
      const filter = {
        status: status ?? null,
        graph_id: graph_id ?? null,
        thread_id: thread_id ?? null,
        limit,
        offset,
      };
      const { reviews, total } = await readReviews(call.deps.database, call.principal.tenant_id, filter);
      return page(reviews, filter, reviews.length === 0 && offset > 0 ? undefined : total);
    },
  },
  {
    method: "GET",
    path: "/reviews/:review_id",
    permission: "review:read",
    async handle(call) {
      const review = await findReview(call);
      return json(review, 200, { etag: etagOf(review) });
    },
  },
  {
    method: "GET",
    path: "/reviews/:review_id/audit",
    permission: ["review:read", "audit:read"],
    async handle(call: Call) {
      const review = await findReview(call);
      const links = await call.deps.database.many(reviewAudit(call.principal.tenant_id, review.id));
      const broken = firstBrokenLink(links.map(({ audit_seq: _position, ...link }) => link as StoredLink));
      const chain = broken === null ? "intact" : `broken at ${broken + 1}`;
      return json(links, 200, { "x-holdpoint-chain": chain });
    },
  },
  {
    method: "POST",
    path: "/reviews/:review_id/decision",
    permission: "review:decide",
    handle: answer,
  },
];

async function findReview(call: Call): Promise<ReviewTask> {
  const id = uuidParameter(call, "review_id");
  const review = await readReview(call.deps.database, call.principal.tenant_id, id);
  if (review === undefined) throw new HoldpointError("not_found", `Review ${id} not found`);
  return review;
}

const etagOf = ({ version }: ReviewTask) => `"${version}"`;

async function answer(call: Call): Promise<Response> {
  const { metrics, wakeups, log } = call.deps;
  const body = await readJson(call);
  const before = await findReview(call);
  try {
    const decided = await decideReview(call, before, body);
    metrics.decisions.inc({ result: decided.replayed ? "replayed" : "accepted" });
    wakeups.wake("runs", before.thread_id);
    const { id: review_id, thread_id, graph_id } = before;
    const run_id = decided.resume_run?.run_id ?? null;
    log.info({ review_id, thread_id, graph_id, run_id, principal_id: call.principal.principal_id }, "review decided");
    const review = await findReview(call);
    return json({ review, run_id }, 200, { etag: etagOf(review) });
  } catch (error) {
    if (isHoldpointError(error)) metrics.decisions.inc({ result: error.code });
    throw error;
  }
}

async function decideReview(call: Call, review: ReviewTask, body: unknown): Promise<Decided> {
  const facts = await factsForAnswer(call, review.graph_id, review.thread_id);
  const { request, comment, reason_code } = requestOf(body, call.request);
  return await decide(call.deps.database, {
    principal: call.principal,
    channel: "api",
    thread_id: review.thread_id,
    answers: [{ review_id: review.id, request }],
    comment,
    reason_code,
    graphOf: (graph_id) => (graph_id === review.graph_id ? facts : null),
    elapsedMs: call.elapsedMs,
    allowScalarResume: call.deps.settings.allowScalarResume,
  });
}

const bindingSchema = decisionBodySchema.pick({ seen_digest: true, idempotency_key: true }).partial();

/**
 * What is wrong with the body is handed on instead of being refused here: that somebody else has decided, or that the
 * review was cancelled, is the answer also to a decision that is not valid.
 */
function requestOf(
  body: unknown,
  sent: Request,
): { request: DecisionRequest; comment: string | undefined; reason_code: string | undefined } {
  const checked = checkWith(decisionBodySchema, body);
  const binding = checkWith(bindingSchema, body);
  const { seen_digest, idempotency_key = idempotencyKey(sent) } = binding.ok ? binding.value : {};
  const seen_version = versionOf(sent.headers.get("if-match"));
  return {
    comment: checked.ok ? checked.value.comment : undefined,
    reason_code: checked.ok ? checked.value.reason_code : undefined,
    request: {
      decisions: checked.ok ? { ok: true, value: checked.value.decisions } : checked,
      by_interrupt_id: false,
      ...(seen_digest === undefined ? {} : { seen_digest }),
      ...(idempotency_key === undefined ? {} : { idempotency_key }),
      ...(seen_version === undefined ? {} : { seen_version }),
    },
  };
}

/** The version an If-Match names; a tag that is none of ours matches no version. `*` says nothing about what was seen. */
function versionOf(ifMatch: string | null): number | undefined {
  if (ifMatch === null || ifMatch.trim() === "*") return undefined;
  const version = /^(?:W\/)?"?(\d{1,9})"?$/.exec(ifMatch.trim())?.[1];
  return version === undefined ? -1 : Number(version);
}
