import { randomUUID } from "node:crypto";
import type { ReviewRequest } from "../policy/review/open.ts";
import type { RunKwargs } from "../protocol/run.ts";
import { auditRun } from "./audit.ts";
import { copyCheckpoints, copyChunks, copyWrites } from "./checkpointer/copy.sql.ts";
import { copyThreadRow, selectAnswered, selectLastExecution } from "./copy-thread.sql.ts";
import type { Database } from "./database.ts";
import { fencedExclusive, type Lease } from "./fence.ts";
import { type OpenContext, openReviews } from "./open-reviews.ts";
import { liveReviewsForUpdate } from "./reviews.sql.ts";
import { insertFinishedRun, insertRun, type NewRun, openRunsForUpdate, type RunRow } from "./runs.sql.ts";
import { askOnThread, lockThread, markThreadBusy, threadForUpdate } from "./threads.sql.ts";

/** What the copy stands at, read after the copying. */
export interface CopyHead {
  questions: readonly ReviewRequest[];
  context: OpenContext;
  /** The root tasks that are still to be done. */
  unfinished: string[];
  /** What the thread asks, as the clients read it from a thread. */
  interrupts: string;
}

/**
 * T-copy: one transaction copies the thread under its lock and its fence, a second one opens the copy's own reviews. A
 * repeated attempt finds the copy and opens what is missing.
 */
export async function copyThread(
  database: Database,
  lease: Lease,
  run: RunRow,
  target: string,
  readCopy: () => Promise<CopyHead>,
): Promise<void> {
  const { tenant_id, thread_id: source } = run;
  await fencedExclusive(database, lease, async (tx) => {
    const created = await tx.maybeOne(copyThreadRow(tenant_id, source, target));
    if (created === undefined) return;
    await tx.run(copyChunks(tenant_id, source, target));
    await tx.run(copyCheckpoints(tenant_id, source, target));
    await tx.run(copyWrites(tenant_id, source, target));
    await auditRun(tx, { tenant_id, thread_id: target, run_id: run.run_id }, "thread.copied", run.principal_id, {
      forked_from: source,
    });
  });
  const head = await readCopy();
  const { answered } = await database.one(selectAnswered(tenant_id, source, head.unfinished));
  const settings = settingsOf(await database.maybeOne(selectLastExecution(tenant_id, source)));
  await database.transaction(async (tx) => {
    await tx.run(lockThread(target));
    const thread = await tx.one(threadForUpdate(tenant_id, target));
    const queued = await tx.many(openRunsForUpdate(tenant_id, target));
    const live = await tx.many(liveReviewsForUpdate(tenant_id, target));
    // Somebody is already using the copy, or an earlier attempt has come this far: what it asks now is theirs.
    if (queued.length > 0 || live.length > 0) return;
    const inCopy: NewRun = {
      ...run,
      ...settings,
      run_id: randomUUID(),
      thread_id: target,
      metadata: {},
      after_seconds: 0,
    };
    if (answered) {
      const again = await tx.one(insertRun({ ...inCopy, kind: "run" }));
      await tx.run(markThreadBusy(tenant_id, target, run.graph_id, {}));
      await auditRun(tx, again, "run.created", run.principal_id, { kind: "run", forked_from: source });
      return;
    }
    if (head.questions.length === 0) return;
    // The run that asks: its settings carry on when the answer comes, and cancelling it takes the question back.
    const asking = await tx.one(insertFinishedRun(inCopy, head.interrupts));
    await openReviews(tx, asking, head.questions, head.context, thread.now);
    await tx.run(askOnThread(tenant_id, target, head.interrupts));
  });
}

function settingsOf(last: { kwargs: string; assistant_id: string | null } | undefined) {
  const {
    input: _input,
    command: _command,
    checkpoint: _checkpoint,
    reask: _reask,
    // Whoever waits for the thread that was copied is told nothing of its copies.
    webhook: _webhook,
    ...settings
  } = JSON.parse(last?.kwargs ?? "{}") as RunKwargs;
  return {
    kwargs: JSON.stringify(settings),
    assistant_id: last?.assistant_id ?? null,
    group_id: null,
    group_attempt: null,
  };
}
