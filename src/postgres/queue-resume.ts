import { randomUUID } from "node:crypto";
import { isOpen } from "../policy/review/lifecycle.ts";
import type { Principal } from "../protocol/principal.ts";
import type { RunKwargs } from "../protocol/run.ts";
import { reviewLink, runAudit } from "./audit.ts";
import type { Queryable, Transaction } from "./database.ts";
import { type KeyedRequest, keepKey } from "./idempotency.ts";
import { type ReviewRow, setResumeRun } from "./reviews.sql.ts";
import { insertFinishedRun, insertRun, type NewRun, type RunRow, selectRunById } from "./runs.sql.ts";
import type { Statement } from "./sql.ts";
import { markThreadBusy } from "./threads.sql.ts";

/** Who answers, and what they say about the run that carries the answer. */
export interface ResumeCommand {
  principal: Principal;
  /** What a resume by the LangGraph API says about the run it makes; otherwise the paused run's settings carry on. */
  resume?:
    | { run_id: string; kwargs: Partial<RunKwargs>; metadata: Record<string, unknown>; assistant_id: string | null }
    | undefined;
  /** Given when a resume by the LangGraph API carries a key: an equal one gets the same run. */
  idempotency?: KeyedRequest | undefined;
}

/** The run that carries the answer that stands; while other questions are open there is none yet. */
export async function replayedRun(
  tx: Queryable,
  command: ResumeCommand,
  group: readonly ReviewRow[],
  paused: RunRow,
): Promise<RunRow | null> {
  const first = group[0] as ReviewRow;
  const carried = group.find(({ resume_run_id }) => resume_run_id !== null)?.resume_run_id;
  if (carried != null) {
    const run = await tx.maybeOne(selectRunById(first.tenant_id, carried));
    if (run === undefined) return null;
    for (const kept of keepKey(command.idempotency, run)) await tx.run(kept);
    return run;
  }
  const open = group.filter(({ status }) => isOpen(status));
  if (open.length === 0) return null;
  return await answerIncomplete(tx, command, first, paused, open);
}

/** Queues the run that carries the group's answers, when the last of them is in. `unique (group_id, group_attempt)` holds it to one. */
export async function queueResume(
  tx: Transaction,
  command: ResumeCommand,
  group: readonly ReviewRow[],
  paused: RunRow,
  now: string,
): Promise<RunRow | null> {
  const first = group[0] as ReviewRow;
  const { tenant_id, group_id } = first;
  const { principal_id } = command.principal;
  const open = group.filter(({ status }) => isOpen(status));
  if (open.length > 0) return await answerIncomplete(tx, command, first, paused, open);
  const resume = { ...resumeRun(command, first, paused), group_id, group_attempt: 1 };
  const event = { kind: "resume_queued", principal_id, at: now, run_id: resume.run_id };
  const links: Statement[] = [];
  for (const review of group) if (review.status === "decided") links.push(await reviewLink(tx, review, event));
  const [[run]] = await tx.finish([
    insertRun(resume),
    setResumeRun(tenant_id, group_id, resume.run_id),
    markThreadBusy(tenant_id, first.thread_id, first.graph_id, {}),
    ...links,
    runAudit(resume, "run.created", principal_id, { kind: "resume", group_id }),
    ...keepKey(command.idempotency, resume),
  ]);
  return run as RunRow;
}

function resumeRun(command: ResumeCommand, review: ReviewRow, paused: RunRow): NewRun {
  // What the paused run was configured with goes on; what it was asked to do does not.
  const {
    input: _input,
    command: _command,
    checkpoint: _checkpoint,
    reask: _reask,
    ...settings
  } = JSON.parse(paused.kwargs) as RunKwargs;
  const kwargs: RunKwargs = { ...settings, ...askedOf(command, review) };
  return {
    tenant_id: review.tenant_id,
    run_id: command.resume?.run_id ?? randomUUID(),
    thread_id: review.thread_id,
    kind: "resume",
    graph_id: review.graph_id,
    assistant_id: command.resume?.assistant_id ?? review.assistant_id,
    principal_id: paused.principal_id,
    multitask_strategy: "enqueue",
    metadata: command.resume?.metadata ?? {},
    kwargs: JSON.stringify(kwargs),
    // Who waits for the end of the paused run waits for this one: a pause is not the end that was meant.
    webhook: kwargs.webhook ?? null,
    timeout_seconds: kwargs.timeout ?? null,
    group_id: null,
    group_attempt: null,
    after_seconds: 0,
    priority: paused.priority,
  };
}

/** What was approved on a guarded graph runs as it was started: whoever answers chooses how to watch it, nothing else. */
function askedOf({ resume }: ResumeCommand, review: ReviewRow): Partial<RunKwargs> {
  if (resume === undefined || !review.guarded) return resume?.kwargs ?? {};
  const { stream_mode, stream_subgraphs, durability, webhook } = resume.kwargs;
  return {
    ...(stream_mode === undefined ? {} : { stream_mode }),
    ...(stream_subgraphs === undefined ? {} : { stream_subgraphs }),
    ...(durability === undefined ? {} : { durability }),
    ...(webhook === undefined ? {} : { webhook }),
  };
}

/** The clients expect a run for every resume: one that leaves questions open executes nothing and answers with them. */
async function answerIncomplete(
  tx: Queryable,
  command: ResumeCommand,
  first: ReviewRow,
  paused: RunRow,
  open: readonly ReviewRow[],
): Promise<RunRow | null> {
  if (command.resume === undefined) return null;
  const rest = open.map((review) => ({ id: review.interrupt_id, value: JSON.parse(review.value) }));
  const run = await tx.one(
    insertFinishedRun(resumeRun(command, first, paused), JSON.stringify({ __interrupt__: rest })),
  );
  for (const kept of keepKey(command.idempotency, run)) await tx.run(kept);
  return run;
}
