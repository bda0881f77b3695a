import { randomUUID } from "node:crypto";
import { type Decided, decide } from "../../src/postgres/decide.ts";
import { resumeThread } from "../../src/postgres/resume.ts";
import { readReviews } from "../../src/postgres/reviews.ts";
import type { Act } from "../../src/protocol/attend.ts";
import type { Decision } from "../../src/protocol/decision.ts";
import type { Principal } from "../../src/protocol/principal.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import type { RunKwargs } from "../../src/protocol/run.ts";
import type { House } from "./house.ts";

/** A person who may decide. */
export function person(principal_id: string): Principal {
  return {
    tenant_id: "default",
    principal_id,
    kind: "user",
    display_name: principal_id,
    groups: [],
    permissions: new Set(["review:decide"]),
  };
}

/** One of each thing that people do about a review beside deciding it. */
export const attendances = (to: string): Act[] => [
  { type: "claim" },
  { type: "release" },
  { type: "assign", to },
  { type: "assign", to: null },
  { type: "delegate", to },
  { type: "snooze", until: null },
  { type: "comment", text: "hm" },
  { type: "view" },
  { type: "ask", question: "sure?", to: null },
  { type: "answer", text: "yes" },
];

/** What binds an answer, and what else can be said with it. */
export interface AnswerOptions {
  by?: Principal;
  seen_digest?: string;
  seen_version?: number;
  idempotency_key?: string;
  elapsedMs?: () => number;
}

const ANA = person("user:ana");

/** Every review of a thread, oldest first. */
export async function reviewsOf(house: House, thread_id: string, status: string | null = null): Promise<ReviewTask[]> {
  const filter = { status, graph_id: null, thread_id, limit: 100, offset: 0 };
  return (await readReviews(house.database, "default", filter)).reviews;
}

/** The open reviews of a thread. */
export const openOf = (house: House, thread_id: string) => reviewsOf(house, thread_id, "open");

/** The one review that is open on a thread. */
export async function theOpen(house: House, thread_id: string): Promise<ReviewTask> {
  const open = await openOf(house, thread_id);
  if (open.length !== 1) throw new Error(`expected one open review, got ${open.length}`);
  return open[0] as ReviewTask;
}

/** Decides a review by our own API, bound to the bytes it shows unless told otherwise. */
export async function answer(
  house: House,
  review: ReviewTask,
  decisions: Decision[],
  options: AnswerOptions = {},
): Promise<Decided> {
  const { by = ANA, elapsedMs = () => 0, ...binding } = options;
  const bound = Object.keys(binding).length > 0 ? binding : { seen_digest: review.request_digest };
  return await decide(house.database, {
    principal: by,
    channel: "api",
    thread_id: review.thread_id,
    answers: [
      {
        review_id: review.id,
        request: { decisions: { ok: true, value: decisions }, by_interrupt_id: false, ...bound },
      },
    ],
    graphOf: await house.factsOf(review.graph_id),
    elapsedMs,
    allowScalarResume: true,
  });
}

/** Approves a review. */
export const approve = (house: House, review: ReviewTask, options?: AnswerOptions) =>
  answer(house, review, [{ type: "approve" }], options);

/** Answers a plain question. */
export const respond = (house: House, review: ReviewTask, value: string, options?: AnswerOptions) =>
  answer(house, review, [{ type: "respond", value }], options);

/** What a resume by the LangGraph API says. */
export interface ResumeOptions {
  by?: Principal;
  checkpoint_id?: string;
  elapsedMs?: () => number;
  allowScalarResume?: boolean;
  kwargs?: Partial<RunKwargs>;
}

/** Resumes a thread as the LangGraph API does. */
export async function resume(
  house: House,
  thread_id: string,
  value: unknown,
  options: ResumeOptions = {},
): Promise<Decided> {
  const { by = ANA, checkpoint_id, elapsedMs = () => 0, allowScalarResume = true, kwargs = {} } = options;
  const [any] = await reviewsOf(house, thread_id);
  return await resumeThread(house.database, {
    principal: by,
    thread_id,
    resume: value,
    checkpoint_id,
    graphOf: await house.factsOf(any?.graph_id ?? "echo"),
    elapsedMs,
    allowScalarResume,
    run: { run_id: randomUUID(), kwargs, metadata: {}, assistant_id: null },
  });
}
