import { isOpen } from "../policy/review/lifecycle.ts";
import { decisionsFromResume } from "../policy/review/normalise.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Flavour, ReviewAction } from "../protocol/interrupt.ts";
import type { Principal } from "../protocol/principal.ts";
import type { Database } from "./database.ts";
import { type Answer, type Decide, type Decided, decide } from "./decide.ts";
import { newestReviewsOfThread, type ReviewRow } from "./reviews.sql.ts";

/** A resume by the LangGraph API: `command.resume`, or an empty input at a static breakpoint. */
export interface ResumeThread
  extends Pick<Decide, "graphOf" | "elapsedMs" | "allowScalarResume" | "idempotency" | "filter"> {
  principal: Principal;
  thread_id: string;
  resume: unknown;
  /** The checkpoint the client sent along. */
  checkpoint_id?: string | undefined;
  /** What else the request says about the run. */
  run: NonNullable<Decide["resume"]>;
}

/**
 * Takes a resume the same road as every decision. The question is chosen among those that were open when the answer
 * came in, before any lock is waited for: what is opened meanwhile cannot have been meant.
 */
export async function resumeThread(database: Database, request: ResumeThread): Promise<Decided> {
  const reviews = await database.many(newestReviewsOfThread(request.principal.tenant_id, request.thread_id));
  const answers = isInterruptMap(request.resume)
    ? answersById(request, reviews, request.resume)
    : [scalarAnswer(request, reviews)];
  const { principal, thread_id, graphOf, elapsedMs, allowScalarResume, idempotency, filter, run } = request;
  return await decide(database, {
    principal,
    channel: "runs",
    thread_id,
    answers,
    graphOf,
    elapsedMs,
    allowScalarResume,
    resume: run,
    idempotency,
    filter,
  });
}

/** True when every key is an interrupt id (XXH3, 32 hex digits), which is how LangGraph tells a map from a value. */
function isInterruptMap(resume: unknown): resume is Record<string, unknown> {
  if (typeof resume !== "object" || resume === null || Array.isArray(resume)) return false;
  const keys = Object.keys(resume);
  return keys.length > 0 && keys.every((key) => /^[0-9a-f]{32}$/.test(key));
}

function answersById(request: ResumeThread, reviews: readonly ReviewRow[], resume: Record<string, unknown>): Answer[] {
  const answers = Object.entries(resume).map(([interrupt_id, value]) => {
    const review = reviews.find((candidate) => candidate.interrupt_id === interrupt_id);
    if (review !== undefined) return answer(request, review, value, interrupt_id);
    const pending = reviews.filter(({ status }) => isOpen(status)).map((open) => open.interrupt_id);
    throw new HoldpointError(
      "unknown_interrupt",
      `no question has the interrupt id ${interrupt_id}; open: ${pending.join(", ") || "none"}`,
      {
        facts: { interrupt_id, pending },
      },
    );
  });
  // One order for every caller: reviews are locked by id.
  return answers.toSorted((a, b) => (a.review_id < b.review_id ? -1 : 1));
}

function scalarAnswer(request: ResumeThread, reviews: readonly ReviewRow[]): Answer {
  const open = reviews.filter(({ status }) => isOpen(status));
  if (open.length > 1) {
    const pending = open.map(({ interrupt_id }) => interrupt_id);
    throw new HoldpointError(
      "ambiguous_resume",
      `${open.length} questions are open; answer by interrupt id: ${pending.join(", ")}`,
      { facts: { pending } },
    );
  }
  const review = open[0] ?? reviews[0];
  if (review === undefined)
    throw new HoldpointError("nothing_to_resume", `thread ${request.thread_id} waits for no answer`);
  return answer(request, review, request.resume);
}

// Where the value of a resume stands in the request.
const RESUME = "/command/resume";
// Their answers are objects that may carry more than decisions.
const CARRIERS: ReadonlySet<Flavour> = new Set(["review", "hitl", "hitl_py"]);

function answer(request: ResumeThread, review: ReviewRow, value: unknown, interrupt_id?: string): Answer {
  const { flavour } = review;
  const actions = JSON.parse(review.actions) as ReviewAction[];
  const at = interrupt_id === undefined ? RESUME : `${RESUME}/${interrupt_id}`;
  return {
    review_id: review.id,
    request: {
      decisions: decisionsFromResume({ flavour, actions }, value, at),
      by_interrupt_id: interrupt_id !== undefined,
      ...(request.checkpoint_id === undefined ? {} : { checkpoint_id: request.checkpoint_id }),
      ...(CARRIERS.has(flavour) ? bindingWithin(value) : {}),
    },
  };
}

/** A resume with decisions may carry the digests of what was shown beside its decisions. */
function bindingWithin(value: unknown): { seen_digest?: string; value_digest?: string } {
  if (typeof value !== "object" || value === null) return {};
  const { seen_digest, value_digest } = value as Record<string, unknown>;
  return {
    ...(typeof seen_digest === "string" ? { seen_digest } : {}),
    ...(typeof value_digest === "string" ? { value_digest } : {}),
  };
}
