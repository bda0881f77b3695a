import type { DecisionRequest } from "../../policy/review/decide.ts";
import type { SentDecisions } from "../../policy/review/flavours/form.ts";
import { type Answer, type Decide, type Decided, decide } from "../../postgres/decide.ts";
import { readGroup } from "../../postgres/reviews.ts";
import {
  type Decision,
  type DecisionBody,
  decisionBodySchema,
  type GroupDecisionBody,
  groupDecisionBodySchema,
} from "../../protocol/decision.ts";
import { HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import type { Checked } from "../../protocol/fault.ts";
import type { ReviewTask } from "../../protocol/review.ts";
import { decidedWire, groupDecidedWire } from "../../protocol/review-wire.ts";
import { shows } from "../answers.ts";
import { invalid } from "../failure.ts";
import { factsForAnswer } from "../find-graph.ts";
import { idempotencyKey } from "../idempotency.ts";
import { checkWith } from "../read-request.ts";
import { NOT_DECIDED } from "../refusal-codes.ts";
import { json } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { notRefused } from "../shown-as.ts";
import { etagOf, findReview } from "./reviews.ts";

type Binding = Pick<DecisionBody, "seen_digest" | "idempotency_key">;

/** A decision as it was sent: what it says, and what binds it, each as far as it can be read. */
interface SentDecision {
  checked: Checked<DecisionBody>;
  binding: Binding;
}

const bindingSchema = decisionBodySchema.pick({ seen_digest: true, idempotency_key: true }).partial();

/**
 * What is wrong with the body is handed on instead of being refused at once: that somebody else has decided, or that the
 * review was cancelled, is the answer also to a decision that is not valid.
 */
const sentDecisionSchema = notRefused(decisionBodySchema, (sent): SentDecision => {
  const binding = checkWith(bindingSchema, sent);
  return { checked: checkWith(decisionBodySchema, sent), binding: binding.ok ? binding.value : {} };
});

/** Decisions: on one review, and on several of one thread together or not at all. */
export const reviewDecisionRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: "/reviews/:review_id/decision",
    permission: "review:decide",
    event: "threads:create_run",
    summary: "Decide a review",
    description: "Bound to what was seen by seen_digest, or by If-Match with the review's ETag.",
    body: sentDecisionSchema,
    example: { decisions: [{ type: "edit", args: { amount: 90 } }], comment: "The discount was missing." },
    answers: { 200: shows(decidedWire, "The review as it is now, and the run that carries the answer.", ["etag"]) },
    refuses: NOT_DECIDED,
    async handle(call) {
      const before = await findReview(call);
      const { request, said } = requestOf(call.body, call.request);
      const decided = await decideAs(call, before, [{ review_id: before.id, request }], said);
      const review = await findReview(call);
      return json({ review, run_id: decided.resume_run?.run_id ?? null }, 200, { etag: etagOf(review) });
    },
  }),
  defineRoute({
    method: "POST",
    path: "/review-groups/:group_id/decision",
    permission: "review:decide",
    event: "threads:create_run",
    summary: "Decide several reviews of one run together or not at all",
    body: groupDecisionBodySchema,
    example: {
      answers: [
        {
          review_id: "2b9e6b7e-4f57-4f0e-9a53-5c1f0d8f9a11",
          decisions: [{ type: "reject", message: "Not this month." }],
        },
      ],
    },
    answers: { 200: shows(groupDecidedWire, "The reviews as they are now, and the run that carries the answers.") },
    refuses: NOT_DECIDED,
    handle: decideGroup,
  }),
];

/** Comment and reason of a decision. */
type Said = Pick<Decide, "comment" | "reason_code">;

/** Takes a decision the road of all decisions, and counts what came of it. */
async function decideAs(
  call: Call,
  { thread_id, graph_id }: Pick<ReviewTask, "thread_id" | "graph_id">,
  answers: readonly Answer[],
  said: Said,
  channel: "api" | "ask" = "api",
): Promise<Decided> {
  const { database, metrics, wakeups, log, settings } = call.deps;
  const facts = await factsForAnswer(call, graph_id, thread_id);
  try {
    const decided = await decide(database, {
      principal: call.principal,
      channel,
      thread_id,
      answers,
      ...said,
      graphOf: (asked) => (asked === graph_id ? facts : null),
      elapsedMs: call.elapsedMs,
      allowScalarResume: settings.allowScalarResume,
      filter: call.access.of("threads"),
    });
    metrics.decisions.inc({ result: decided.replayed ? "replayed" : "accepted" });
    wakeups.wake("runs", thread_id);
    const run_id = decided.resume_run?.run_id ?? null;
    for (const { review_id } of answers) {
      log.info({ review_id, thread_id, graph_id, run_id, principal_id: call.principal.principal_id }, "review decided");
    }
    return decided;
  } catch (error) {
    if (isHoldpointError(error)) metrics.decisions.inc({ result: error.code });
    throw error;
  }
}

function requestOf({ checked, binding }: SentDecision, sent: Request): { request: DecisionRequest; said: Said } {
  return {
    said: checked.ok ? { comment: checked.value.comment, reason_code: checked.value.reason_code } : {},
    request: {
      decisions: checked.ok ? { ok: true, value: checked.value.decisions } : checked,
      ...boundBy(binding, sent),
    },
  };
}

/** What a body and its headers say of what was seen. */
function boundBy(binding: Binding, sent: Request): Omit<DecisionRequest, "decisions"> {
  const { seen_digest, idempotency_key = idempotencyKey(sent) } = binding;
  const seen_version = versionOf(sent.headers.get("if-match"));
  return {
    by_interrupt_id: false,
    ...(seen_digest === undefined ? {} : { seen_digest }),
    ...(idempotency_key === undefined ? {} : { idempotency_key }),
    ...(seen_version === undefined ? {} : { seen_version }),
  };
}

/** The version an If-Match names; a tag that is none of ours matches no version. `*` says nothing about what was seen. */
function versionOf(ifMatch: string | null): number | undefined {
  if (ifMatch === null || ifMatch.trim() === "*") return undefined;
  const version = /^(?:W\/)?"?(\d{1,9})"?$/.exec(ifMatch.trim())?.[1];
  return version === undefined ? -1 : Number(version);
}

/** The name that stands for the graph, where a question is asked. */
export const AGENT = "agent";

/** Sends a review back to the graph with what is wanted of it: an answer in words, or a rejection with them. */
export async function sendBack(call: Call<"review_id">, question: string, binding: Binding): Promise<Response> {
  const before = await findReview(call);
  const decisions = before.actions.map(({ index, allowed }): Decision => {
    const type = allowed.includes("respond") ? "respond" : "reject";
    return { action: index, type, message: question };
  });
  const request: DecisionRequest = { decisions: { ok: true, value: decisions }, ...boundBy(binding, call.request) };
  const decided = await decideAs(call, before, [{ review_id: before.id, request }], { comment: question }, "ask");
  const review = await findReview(call);
  return json({ review, run_id: decided.resume_run?.run_id ?? null }, 200, { etag: etagOf(review) });
}

async function decideGroup(call: Call<"group_id", GroupDecisionBody>): Promise<Response> {
  const { database } = call.deps;
  const { tenant_id } = call.principal;
  const { group_id } = call.params;
  const group = await readGroup(database, tenant_id, group_id);
  const [first] = group;
  if (first === undefined) throw new HoldpointError("not_found", `Review group ${group_id} not found`);
  const { answers, comment, reason_code, idempotency_key = idempotencyKey(call.request) } = call.body;
  const stranger = answers.find(({ review_id }) => !group.some(({ id }) => id === review_id));
  if (stranger !== undefined)
    throw new HoldpointError("not_found", `Review ${stranger.review_id} not found in group ${group_id}`);
  const twice = answers.findIndex(({ review_id }, at) =>
    answers.some((one, other) => other < at && one.review_id === review_id),
  );
  if (twice !== -1) throw invalid([{ pointer: `/answers/${twice}/review_id`, message: "is decided twice" }]);
  const requests = answers.map(
    ({ review_id, decisions, seen_digest }, at): Answer => ({
      review_id,
      request: {
        decisions: sentAt(`/answers/${at}/decisions`, decisions),
        by_interrupt_id: false,
        ...(seen_digest === undefined ? {} : { seen_digest }),
        ...(idempotency_key === undefined ? {} : { idempotency_key }),
      },
    }),
  );
  const decided = await decideAs(call, first, requests, { comment, reason_code });
  const reviews = await readGroup(database, tenant_id, group_id);
  return json({ reviews, run_id: decided.resume_run?.run_id ?? null });
}

const decisionsSchema = decisionBodySchema.pick({ decisions: true });

/** The decisions of one of several reviews; what is wrong with them is pointed at where they stand. */
function sentAt(all: string, decisions: unknown): SentDecisions {
  const checked = checkWith(decisionsSchema, { decisions });
  if (!checked.ok) {
    const faults = checked.faults.map(({ pointer, message }) => ({
      pointer: pointer.replace("/decisions", all),
      message,
    }));
    return { ok: false, faults };
  }
  const value = checked.value.decisions;
  const each = value.map((_decision, position) => {
    const self = `${all}/${position}`;
    return {
      self,
      args: `${self}/args`,
      name: `${self}/name`,
      message: `${self}/message`,
      value: `${self}/value`,
    };
  });
  return { ok: true, value, places: { all, each } };
}
