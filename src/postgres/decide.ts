import { randomUUID } from "node:crypto";
import { failpoint } from "../failpoint.ts";
import { type AccessFilter, EVERYTHING, isHeld } from "../policy/access-filter.ts";
import {
  type DecisionContext,
  type DecisionRequest,
  decideReview,
  type ReviewFacts,
  type Verdict,
} from "../policy/review/decide.ts";
import { decisionDiff } from "../policy/review/diff.ts";
import { isOpen } from "../policy/review/lifecycle.ts";
import { outcomeOf } from "../policy/review/normalise.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { ReviewAction } from "../protocol/interrupt.ts";
import type { Principal } from "../protocol/principal.ts";
import type { ReviewPolicy } from "../protocol/review-policy.ts";
import { reviewChainEnds } from "./audit.sql.ts";
import { noteChainEnds, reviewLink } from "./audit.ts";
import type { Database, Queryable, RowOf, Transaction } from "./database.ts";
import { otherCode } from "./finish.ts";
import { startedRun, takeKey } from "./idempotency.ts";
import { lookAgain, standing } from "./identity.ts";
import { queueResume, type ResumeCommand, replayedRun } from "./queue-resume.ts";
import {
  type DecisionRow,
  decisionsOf,
  groupForUpdate,
  insertDecision,
  liveReviewsForUpdate,
  markDecided,
  questionsAtArrival,
  type ReviewRow,
  reviewForUpdate,
} from "./reviews.sql.ts";
import { openRunsForUpdate, type RunRow, selectRunById } from "./runs.sql.ts";
import type { Statement } from "./sql.ts";
import { lockThread, selectHeadCheckpoint, type ThreadRow, threadForUpdate } from "./threads.sql.ts";

/** One review's answer within a decision. */
export interface Answer {
  review_id: string;
  request: DecisionRequest;
}

/** A decision on one review, or on several of one thread at once, as a resume by interrupt ids makes it. */
export interface Decide extends ResumeCommand {
  /** `timeout`: nobody has decided, and the policy does, as `timeoutPrincipal`, bound by the review's own digest. `ask`: sent back to the graph. */
  channel: "api" | "runs" | "ask" | "timeout";
  thread_id: string;
  answers: readonly Answer[];
  comment?: string | undefined;
  /** One of the policy's reasons for a rejection. */
  reason_code?: string | undefined;
  /** The graph as this process has it loaded now. */
  graphOf: (graph_id: string) => DecisionContext["graph"];
  /** How long ago the request arrived here. */
  elapsedMs: () => number;
  allowScalarResume: boolean;
  /** Which threads whoever decides may see: asked under the lock, as who they are. */
  filter?: AccessFilter | undefined;
}

/** The reviews as they stand now, and the run that carries the answers once the group is complete. */
export interface Decided {
  reviews: ReviewRow[];
  resume_run: RunRow | null;
  replayed: boolean;
}

/**
 * T-decide: records the decision and queues the one run that carries it, together or not at all.
 * Locks: idempotency key, thread advisory lock, thread row, open runs, live reviews by id, audit.
 * Throws what `decideReview` refuses; a refusal changes nothing.
 */
export async function decide(database: Database, command: Decide): Promise<Decided> {
  const decided = await database.transaction<Decided>(async (tx) => {
    const { tenant_id } = command.principal;
    const earlier = await takeKey(tx, command.idempotency);
    if (earlier !== undefined) {
      return { reviews: [], resume_run: await startedRun(tx, tenant_id, earlier), replayed: true };
    }
    const scene = await readScene(tx, command);
    const verdicts = await judge(tx, command, scene);
    const accepted = verdicts.filter(({ verdict }) => verdict.kind === "accept");
    // An answer sent again beside a new one is of an older group; the run to queue is that of the new one.
    const { group_id, run_id } = (accepted[0] ?? (verdicts[0] as Judged)).review;
    const records = await Promise.all(accepted.map((judged) => record(tx, command, scene, judged)));
    const [group, paused] = await writeRecords(
      tx,
      records,
      groupForUpdate(tenant_id, group_id),
      selectRunById(tenant_id, run_id),
    );
    failpoint("decide.recorded");
    const resume_run =
      accepted.length === 0
        ? await replayedRun(tx, command, group, paused)
        : await queueResume(tx, command, group, paused, scene.thread.now);
    return { reviews: group, resume_run, replayed: accepted.length === 0 };
  });
  failpoint("decide.committed");
  return decided;
}

interface Scene {
  decider: Principal;
  thread: ThreadRow & { now: string };
  live: ReviewRow[];
  openRuns: RunRow[];
  head_checkpoint_id: string | null;
  decisions: DecisionRow[];
  arrivals: RowOf<ReturnType<typeof questionsAtArrival>>[];
}

interface Judged {
  review: ReviewRow;
  answer: Answer;
  verdict: Verdict;
}

async function readScene(
  tx: Transaction,
  { principal, thread_id, answers, elapsedMs, filter = EVERYTHING }: Decide,
): Promise<Scene> {
  const { tenant_id } = principal;
  const ids = answers.map(({ review_id }) => review_id);
  const [, [thread], openRuns, live, [head], decisions, arrivals, ends, [known]] = await tx.pipeline([
    lockThread(thread_id),
    threadForUpdate(tenant_id, thread_id),
    openRunsForUpdate(tenant_id, thread_id),
    liveReviewsForUpdate(tenant_id, thread_id),
    selectHeadCheckpoint(tenant_id, thread_id),
    decisionsOf(tenant_id, ids),
    questionsAtArrival(tenant_id, ids, elapsedMs()),
    reviewChainEnds(tenant_id, ids),
    lookAgain(principal),
  ]);
  if (thread === undefined || !isHeld(filter, thread.metadata)) {
    throw new HoldpointError("not_found", `Thread with ID ${thread_id} not found`);
  }
  noteChainEnds(tx, ids, ends);
  const decider = standing(principal, known);
  return { decider, thread, live, openRuns, head_checkpoint_id: head?.checkpoint_id ?? null, decisions, arrivals };
}

async function judge(tx: Queryable, command: Decide, scene: Scene): Promise<Judged[]> {
  const reviews = await reviewsOf(tx, command, scene);
  const other = scene.openRuns.find(({ kind }) => kind !== "resume") ?? null;
  const { comment, reason_code } = command;
  const judged: Judged[] = [];
  for (const [position, answer] of command.answers.entries()) {
    const review = reviews[position] as ReviewRow;
    const arrival = scene.arrivals.find(({ id }) => id === review.id) as Scene["arrivals"][number];
    const verdict = decideReview(
      facts(
        review,
        scene.decisions.findLast(({ review_id }) => review_id === review.id),
      ),
      answer.request,
      {
        now: scene.thread.now,
        decider: scene.decider,
        said: { comment, reason_code, of_several: command.answers.length > 1 },
        by_timeout: command.channel === "timeout",
        head_checkpoint_id: scene.head_checkpoint_id,
        other_run: other === null ? null : { run_id: other.run_id, kind: other.kind },
        graph: command.graphOf(review.graph_id),
        ...arrival,
        open_reviews: scene.live.filter(({ status }) => isOpen(status)).length,
        allow_scalar_resume: command.allowScalarResume,
      },
    );
    judged.push({ review, answer, verdict });
  }
  return judged;
}

/** The rows of the reviews to decide, in the order of the answers, read under the thread's lock. */
async function reviewsOf(tx: Queryable, command: Decide, scene: Scene): Promise<ReviewRow[]> {
  const rows: ReviewRow[] = [];
  for (const { review_id } of command.answers) {
    const live = scene.live.find(({ id }) => id === review_id);
    const row = live ?? (await tx.maybeOne(reviewForUpdate(command.principal.tenant_id, review_id)));
    // One of another thread is not under this thread's lock.
    if (row?.thread_id !== command.thread_id) throw new HoldpointError("not_found", `Review ${review_id} not found`);
    rows.push(row);
  }
  return rows;
}

function facts(review: ReviewRow, standing: DecisionRow | undefined): ReviewFacts {
  return {
    ...review,
    actions: JSON.parse(review.actions) as ReviewAction[],
    policy: JSON.parse(review.policy) as ReviewPolicy,
    decision: standing === undefined ? null : { ...standing, decisions: JSON.parse(standing.decisions) },
  };
}

/** What an accepted answer writes: the review's new status first, then the decision and its link in the chain. */
async function record(
  tx: Queryable,
  command: Decide,
  scene: Scene,
  { review, answer, verdict }: Judged,
): Promise<Statement[]> {
  if (verdict.kind !== "accept") return [];
  const { principal_id, tenant_id } = command.principal;
  const diff = decisionDiff(JSON.parse(review.actions) as ReviewAction[], verdict.decisions);
  const decision = {
    tenant_id,
    id: randomUUID(),
    review_id: review.id,
    seq: 1,
    principal_id,
    channel: command.channel,
    decisions: JSON.stringify(verdict.decisions),
    decisions_digest: verdict.decisions_digest,
    comment: command.comment ?? null,
    // A reason is for what is rejected; several reviews may be decided at once, and not all rejected.
    reason_code: verdict.decisions.some(({ type }) => type === "reject") ? (command.reason_code ?? null) : null,
    diff: JSON.stringify(diff),
    binding: verdict.binding,
    seen_digest: answer.request.seen_digest ?? null,
    seen_version: answer.request.seen_version ?? null,
    idempotency_key: answer.request.idempotency_key ?? null,
  };
  const { decisions, comment, reason_code, binding, decisions_digest } = decision;
  const link = await reviewLink(tx, review, {
    kind: "decided",
    principal_id,
    at: scene.thread.now,
    body: {
      decision_id: decision.id,
      decisions: JSON.parse(decisions),
      decisions_digest,
      comment,
      reason_code,
      diff,
      binding,
      channel: command.channel,
      request_digest: review.request_digest,
      held: heldBy(scene.decider, command.channel),
      ...(verdict.overrides.length === 0 ? {} : { overrides: verdict.overrides }),
      ...otherCode(review, command.graphOf(review.graph_id)?.fingerprint),
    },
  });
  return [markDecided(tenant_id, review.id, outcomeOf(verdict.decisions)), insertDecision(decision), link];
}

async function writeRecords(
  tx: Transaction,
  records: readonly Statement[][],
  group: Statement<ReviewRow>,
  paused: Statement<RunRow>,
): Promise<[ReviewRow[], RunRow]> {
  const written = await tx.pipeline([...records.flat(), group, paused]);
  for (const [position, record] of records.entries()) {
    const at = records.slice(0, position).reduce((sum, before) => sum + before.length, 0);
    if (record.length > 0 && written[at]?.length !== 1) throw new Error("a review that was judged open was not");
  }
  const [reviews, [run]] = written.slice(-2) as [ReviewRow[], RunRow[]];
  return [reviews, run as RunRow];
}

/** What the decider held, for whoever asks later by which right it was decided. */
function heldBy({ permissions, groups }: Principal, channel: Decide["channel"]): string[] {
  if (channel === "timeout") return ["policy"];
  const rights = [...permissions].filter((permission) => permission.startsWith("review:"));
  return [...rights, ...groups.map((group) => `group ${group}`)].toSorted();
}
