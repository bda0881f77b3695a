import { randomUUID } from "node:crypto";
import type { ReviewRequest } from "../policy/review/open.ts";
import { auditRun } from "./audit.ts";
import { copyCheckpoints, copyChunks, copyThreadRow, copyWrites, headHoldsAnswers } from "./copy-thread.sql.ts";
import type { Database } from "./database.ts";
import { fencedExclusive, type Lease } from "./fence.ts";
import { type OpenContext, openReviews } from "./finish.ts";
import { insertRun, openRunsForUpdate, type RunRow } from "./runs.sql.ts";
import { lockThread, markThreadBusy, setThreadStatus, threadForUpdate } from "./threads.sql.ts";

/** What the copy stands at, read after the copying. */
export interface CopyHead {
  questions: readonly ReviewRequest[];
  context: OpenContext;
  /** True when a step of the copy is still to be done. */
  unfinished: boolean;
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
  const { answered } = await database.one(headHoldsAnswers(tenant_id, source));
  await database.transaction(async (tx) => {
    await tx.run(lockThread(target));
    const thread = await tx.one(threadForUpdate(tenant_id, target));
    const queued = await tx.many(openRunsForUpdate(tenant_id, target));
    // Somebody is already using the copy: what it asks now is theirs.
    if (queued.length > 0) return;
    const inCopy: RunRow = { ...run, thread_id: target };
    if (answered && head.unfinished) {
      const again = {
        ...inCopy,
        run_id: randomUUID(),
        kind: "run" as const,
        kwargs: "{}",
        metadata: {},
        group_id: null,
        group_attempt: null,
        after_seconds: 0,
      };
      const created = await tx.one(insertRun(again));
      await tx.run(markThreadBusy(tenant_id, target, run.graph_id, {}));
      await auditRun(tx, created, "run.created", run.principal_id, { kind: "run", forked_from: source });
      return;
    }
    await openReviews(tx, inCopy, head.questions, head.context, thread.now);
    if (head.questions.length > 0) await tx.run(setThreadStatus(tenant_id, target, "interrupted"));
  });
}
