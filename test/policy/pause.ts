import type { SentDecisions } from "../../src/policy/review/flavours/form.ts";
import { answerForGraph, checkAnswer, decisionsFromResume } from "../../src/policy/review/normalise.ts";
import { type ReviewRequest, reviewRequest } from "../../src/policy/review/open.ts";
import type { CanonicalDecision } from "../../src/protocol/decision.ts";
import type { PendingInterrupt } from "../../src/protocol/interrupt.ts";
import { DEFAULT_REVIEW_POLICY } from "../../src/protocol/review-policy.ts";

/** A pause of the graph "refunds" that shows this value. */
export function opened(value: unknown, extra: Partial<PendingInterrupt> = {}): ReviewRequest {
  const pause: PendingInterrupt = {
    interrupt_id: "id",
    asking: { asking_ns: "", asking_checkpoint_id: "head", asking_task_id: "task" },
    ordinal: 0,
    task_id: "task",
    node: "ask",
    value,
    ...extra,
  };
  return reviewRequest(pause, {
    graph_id: "refunds",
    graph_fingerprint: "sha256:graph",
    guarded: false,
    checkpoint_id: "head",
    policyOf: () => DEFAULT_REVIEW_POLICY,
  });
}

/** What becomes of an answer: what the graph is given, or the pointers of what is wrong with it. */
export type Verdict = { given: unknown; decisions: CanonicalDecision[] } | { faults: string[]; choices?: string[][] };

/** Answers by `command.resume`. */
export const resumed = (review: ReviewRequest, resume: unknown): Verdict =>
  answered(review, decisionsFromResume(review, resume));

/** Answers in our own form. */
export const decided = (review: ReviewRequest, value: SentDecisions & { ok: true }): Verdict => answered(review, value);

function answered(review: ReviewRequest, sent: SentDecisions): Verdict {
  const checked = checkAnswer(review, sent);
  if (checked.ok)
    return { given: answerForGraph({ ...review, answers: null }, checked.value), decisions: checked.value };
  const faults = checked.faults.map(({ pointer }) => pointer);
  return { faults, ...(checked.choices === undefined ? {} : { choices: checked.choices }) };
}

/** A tool call that waits, as LangChain.js asks about it. */
export const hitlValue = (
  actions: readonly { name: string; args: unknown; description?: unknown }[],
  allowedDecisions: readonly string[] = ["approve", "edit", "reject"],
  argsSchema?: unknown,
) => ({
  actionRequests: actions,
  reviewConfigs: actions.map(({ name }) => ({
    actionName: name,
    allowedDecisions,
    ...(argsSchema === undefined ? {} : { argsSchema }),
  })),
});

/** The same as LangChain for Python asks about it. */
export const hitlPyValue = (
  actions: readonly Record<string, unknown>[],
  allowed_decisions: readonly string[] = ["approve", "edit", "reject", "respond"],
) => ({
  action_requests: actions,
  review_configs: actions.map(({ name }) => ({ action_name: name, allowed_decisions })),
});

const ALL = { allow_accept: true, allow_edit: true, allow_ignore: true, allow_respond: true };

/** A HumanInterrupt. */
export const humanInterrupt = (args: unknown, config: unknown = ALL, more: Record<string, unknown> = {}) => ({
  action_request: { action: "send_email", args },
  config,
  ...more,
});
