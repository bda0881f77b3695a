import { randomUUID } from "node:crypto";
import { type AccessFilter, EVERYTHING, isHeld } from "../policy/access-filter.ts";
import { refuseSideDoors, refuseSwitches } from "../policy/guarded.ts";
import { isOpen, isWaiting, REVIEW_TRANSITIONS } from "../policy/review/lifecycle.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { DEFAULT_PRIORITY, type RunKind, type RunKwargs } from "../protocol/run.ts";
import { auditReview, auditRun, runAudit } from "./audit.ts";
import { stopFor } from "./cancel.ts";
import type { Database, Queryable, Transaction } from "./database.ts";
import { type KeyedRequest, keepKey, startedRun, takeKey } from "./idempotency.ts";
import { refuseBreakpoint, refuseOtherGraph } from "./refuse-run.ts";
import { liveReviewsForUpdate, type ReviewRow } from "./reviews.sql.ts";
import { insertRun, openRunsForUpdate, type RunRow } from "./runs.sql.ts";
import { supersedeReview } from "./supersede.ts";
import { makeTemporary } from "./thread-ttl.sql.ts";
import {
  insertThread,
  lockThread,
  markThreadBusy,
  selectHeadCheckpoint,
  selectThread,
  type ThreadRow,
  threadForUpdate,
} from "./threads.sql.ts";

/** A run that somebody wants to start; validated at the edge. */
export interface CreateRun {
  tenant_id: string;
  thread_id: string;
  run_id: string;
  principal_id: string;
  kind: Exclude<RunKind, "resume">;
  graph_id: string;
  guarded: boolean;
  /** Whether another graph, which the thread may belong to, is guarded; true where that is not known. */
  isGuarded?: (graph_id: string) => boolean;
  assistant_id: string | null;
  kwargs: RunKwargs;
  metadata: Record<string, unknown>;
  multitask_strategy: "enqueue" | "reject" | "interrupt" | "rollback";
  after_seconds: number;
  /** From 0 to 100; default 50. */
  priority?: number | undefined;
  if_not_exists: "create" | "reject";
  /** Whether the thread that is created for it ends with it. */
  temporary?: boolean;
  /** Why somebody who may do so goes past the reviews of a guarded graph, this once. */
  bypass?: string | undefined;
  /** False where whoever asks may not decide: then a static breakpoint that waits, or has waited in vain, is not passed. */
  may_decide?: boolean | undefined;
  /** Given when the request carries a key: an equal one gets the run that the first has made. */
  idempotency?: KeyedRequest | undefined;
  /** Which threads whoever asks may see; one that is made for the run gets this metadata. */
  access?: ThreadAccess | undefined;
}

/** What somebody may see of threads, and what those are marked with that are made for them. */
export interface ThreadAccess {
  filter: AccessFilter;
  metadata: Record<string, unknown>;
}

/**
 * T-create-run: accepts a run durably, once per idempotency key.
 * Locks: idempotency key, thread advisory lock, thread row, open runs, live reviews by id, audit.
 * New input on a thread that waits for a person supersedes the open reviews here; on a guarded graph it is refused, and on
 * every graph whatever would switch its questions off.
 * Throws `not_found`, `thread_busy`, `guarded`, `permission_denied`, `idempotency_key_reused`.
 */
export async function createRun(database: Database, request: CreateRun): Promise<RunRow> {
  return await database.transaction((tx) => createRunIn(tx, request));
}

/** The same as the last words of a transaction that somebody else has begun, and whose locks come before all of these. */
export async function createRunIn(tx: Transaction, request: CreateRun): Promise<RunRow> {
  const { tenant_id, thread_id, run_id, idempotency } = request;
  const earlier = await takeKey(tx, idempotency);
  if (earlier !== undefined) return await startedRun(tx, tenant_id, earlier);
  const [, [found], openRuns, asked] = await tx.pipeline([
    lockThread(thread_id),
    threadForUpdate(tenant_id, thread_id),
    openRunsForUpdate(tenant_id, thread_id),
    liveReviewsForUpdate(tenant_id, thread_id),
  ]);
  const thread = found ?? (await createMissing(tx, request));
  // Asked here and not before the lock: nobody's thread comes into being between the question and the run.
  if (!isHeld(request.access?.filter ?? EVERYTHING, thread.metadata)) throw noThread(thread_id);
  await refuseOtherGraph(tx, request, thread, openRuns);
  await refuseBreakpoint(tx, request);
  const reviews = takesTurn(request) ? await takeTurn(tx, openRuns, request) : asked;
  if (!takesTurn(request)) refuseBusy(request, openRuns);
  const door = request.guarded
    ? await guard(tx, request, thread, reviews, openRuns)
    : (refuseSwitches(request.kind, request.kwargs, request.bypass !== undefined)?.why ?? null);
  refuseCopyWhileDeciding(request, reviews);
  if (door !== null) await bypass(tx, reviews, request, door, thread.now);
  if (door !== null || asksAnew(request)) await supersede(tx, reviews, request, thread.now);
  const kwargs = JSON.stringify(request.kwargs);
  const webhook = request.kwargs.webhook ?? null;
  const { kind, graph_id } = request;
  const [[run]] = await tx.finish([
    insertRun({
      ...request,
      priority: request.priority ?? DEFAULT_PRIORITY,
      kwargs,
      webhook,
      timeout_seconds: request.kwargs.timeout ?? null,
      group_id: null,
      group_attempt: null,
    }),
    markThreadBusy(tenant_id, thread_id, graph_id, stamp(request), configForThread(request)),
    runAudit(request, "run.created", request.principal_id, { kind, graph_id }),
    ...keepKey(idempotency, { thread_id, run_id }),
  ]);
  return run as RunRow;
}

async function createMissing(tx: Queryable, request: CreateRun): Promise<ThreadRow & { now: string }> {
  const created =
    request.if_not_exists === "create"
      ? await tx.maybeOne(insertThread(request.tenant_id, request.thread_id, null, request.access?.metadata ?? {}))
      : undefined;
  if (created === undefined) throw noThread(request.thread_id);
  if (request.temporary) await tx.run(makeTemporary(request.tenant_id, request.thread_id));
  return await tx.one(threadForUpdate(request.tenant_id, request.thread_id));
}

const noThread = (thread_id: string) => new HoldpointError("not_found", `Thread with ID ${thread_id} not found`);

/** What the clients later find a thread by. */
function stamp(request: CreateRun): Record<string, unknown> {
  return {
    graph_id: request.graph_id,
    ...(request.assistant_id === null ? {} : { assistant_id: request.assistant_id }),
  };
}

/**
 * What a factory made the graph from, for whoever reads or edits the thread later, and for its next run; null where that
 * stays as it is. Nobody's settings outlast their own run on a guarded graph.
 */
function configForThread({ kind, guarded, kwargs }: CreateRun): string | null {
  const configurable = kwargs.config?.configurable;
  return kind !== "run" || guarded || configurable === undefined ? null : JSON.stringify({ configurable });
}

/** What is taken back with a run may ask again what the run had left behind; this one leaves it behind in its turn. */
async function takeTurn(
  tx: Transaction,
  openRuns: readonly RunRow[],
  request: Parameters<typeof stopFor>[2] & CreateRun,
): Promise<ReviewRow[]> {
  await stopFor(tx, openRuns, { ...request, guarded: request.guarded && request.bypass === undefined });
  return await tx.many(liveReviewsForUpdate(request.tenant_id, request.thread_id));
}

/** True when it does not wait for the runs that are under way, but stops them. */
function takesTurn(
  request: CreateRun,
): request is CreateRun & { kind: "run"; multitask_strategy: "interrupt" | "rollback" } {
  const { kind, multitask_strategy } = request;
  return kind === "run" && (multitask_strategy === "interrupt" || multitask_strategy === "rollback");
}

function refuseBusy(request: CreateRun, openRuns: readonly RunRow[]): void {
  const [first] = openRuns;
  if (first === undefined) return;
  // An edit or a copy in the middle of a run would see half of it.
  const waits = request.kind === "run" && request.multitask_strategy === "enqueue";
  if (waits) return;
  throw new HoldpointError(
    "thread_busy",
    `thread ${request.thread_id} is busy: run ${first.run_id} is ${first.status}`,
    {
      facts: { run_id: first.run_id, status: first.status },
    },
  );
}

/** Which road was opened on purpose, if one had to be. */
async function guard(
  tx: Queryable,
  request: CreateRun,
  thread: ThreadRow,
  reviews: readonly ReviewRow[],
  openRuns: readonly RunRow[],
): Promise<string | null> {
  const head = await tx.maybeOne(selectHeadCheckpoint(request.tenant_id, request.thread_id));
  const facts = {
    kind: request.kind,
    kwargs: request.kwargs,
    head_checkpoint_id: head?.checkpoint_id ?? null,
    live_reviews: reviews.filter(isLive).length,
    thread_status: thread.status,
  };
  const door = refuseSideDoors(facts, request.bypass !== undefined);
  if (door !== null) return door.why;
  const rollsBack = takesTurn(request) && request.multitask_strategy === "rollback" && openRuns.length > 0;
  return rollsBack ? "what runs is taken back" : null;
}

/** Says in the chain of each review that is passed, and in the log of the thread, who did so and why. */
async function bypass(
  tx: Queryable,
  reviews: readonly ReviewRow[],
  request: CreateRun,
  door: string,
  at: string,
): Promise<void> {
  const { principal_id, run_id, bypass: reason } = request;
  const passed = reviews.filter(isLive);
  const body = { reason, door };
  for (const review of passed) await auditReview(tx, review, { kind: "bypassed", principal_id, at, run_id, body });
  await auditRun(tx, request, "run.bypassed", principal_id, { ...body, reviews: passed.map(({ id }) => id) });
}

const isLive = (review: ReviewRow) =>
  isOpen(review.status) || review.status === "decided" || review.status === "resuming";

function refuseCopyWhileDeciding(request: CreateRun, reviews: readonly ReviewRow[]): void {
  const deciding = reviews.find((review) => isLive(review) && !isWaiting(review));
  if (request.kind !== "copy" || deciding === undefined) return;
  throw new HoldpointError(
    "thread_busy",
    `review ${deciding.id} of thread ${request.thread_id} is ${deciding.status}; copy the thread when its answer has been applied`,
  );
}

/** True when the request leaves the open questions behind; a copy does not touch them and an empty input asks them again. */
export function asksAnew({ kind, kwargs }: { kind: RunKind; kwargs: RunKwargs }): boolean {
  if (kind === "copy" || kind === "resume") return false;
  return (
    kind === "state_update" ||
    kwargs.input != null ||
    kwargs.command != null ||
    kwargs.reask != null ||
    kwargs.checkpoint?.checkpoint_id != null
  );
}

async function supersede(tx: Queryable, reviews: readonly ReviewRow[], request: CreateRun, at: string): Promise<void> {
  for (const review of reviews) {
    if (REVIEW_TRANSITIONS[review.status].supersede === null) continue;
    if (isLive(review) && !isWaiting(review)) continue;
    const reason = `${request.principal_id} ${whatLeaves(request)} (run ${request.run_id})`;
    await supersedeReview(tx, review, { reason, principal_id: request.principal_id, run_id: request.run_id, at });
  }
}

function whatLeaves({ kind, kwargs }: CreateRun): string {
  if (kwargs.reask != null) return "has it asked again";
  return kind === "state_update" ? "edited the thread's state" : "sent new input";
}

/**
 * Creates a thread, or gives the one that is there when the caller does not mind, or that an equal request with this key
 * was given. Locks: idempotency key, thread advisory lock, thread row. Throws `thread_exists`, `idempotency_key_reused`.
 */
export async function createThread(
  database: Database,
  request: {
    tenant_id: string;
    thread_id?: string | undefined;
    metadata: Record<string, unknown>;
    if_exists: "raise" | "do_nothing";
    idempotency?: KeyedRequest | undefined;
    /** Which threads whoever asks may see: of one they may not, they learn no more than that its id is taken. */
    filter?: AccessFilter | undefined;
  },
): Promise<ThreadRow> {
  const thread_id = request.thread_id ?? randomUUID();
  const graph_id = typeof request.metadata["graph_id"] === "string" ? request.metadata["graph_id"] : null;
  const insert = insertThread(request.tenant_id, thread_id, graph_id, request.metadata);
  if (request.idempotency === undefined && isHeld(request.filter ?? EVERYTHING, request.metadata)) {
    // Where nothing stands in its way it is made in one trip.
    const [, [made]] = await database.transaction((tx) => tx.finish([lockThread(thread_id), insert]));
    if (made !== undefined) return made;
  }
  return await database.transaction(async (tx) => {
    const earlier = await takeKey(tx, request.idempotency);
    if (earlier !== undefined) return await startedThread(tx, request.tenant_id, earlier.thread_id);
    await tx.run(lockThread(thread_id));
    const created = await tx.maybeOne(insert);
    const existing = created ?? (await tx.maybeOne(threadForUpdate(request.tenant_id, thread_id)));
    const isHidden = existing !== undefined && !isHeld(request.filter ?? EVERYTHING, existing.metadata);
    if (existing === undefined || isHidden || (created === undefined && request.if_exists === "raise")) {
      throw new HoldpointError("thread_exists", `Thread with ID ${thread_id} already exists`);
    }
    await tx.finish(keepKey(request.idempotency, { thread_id, run_id: null }));
    return existing;
  });
}

/** The thread that an earlier request has made. Throws `not_found` when it is gone: it is not made a second time. */
export async function startedThread(queryable: Queryable, tenant_id: string, thread_id: string): Promise<ThreadRow> {
  const thread = await queryable.maybeOne(selectThread(tenant_id, thread_id));
  if (thread !== undefined) return thread;
  throw new HoldpointError("not_found", `the thread that was made with this Idempotency-Key (${thread_id}) is gone`);
}
