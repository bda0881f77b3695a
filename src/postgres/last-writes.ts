import type { ReviewRequest } from "../policy/review/open.ts";
import type { ShownChange } from "../policy/review/shown-change.ts";
import { type Ending, threadStatusAfter } from "../policy/run-lifecycle.ts";
import type { StreamEvent } from "../protocol/events.ts";
import type { RunStatus } from "../protocol/run.ts";
import { runAudit } from "./audit.ts";
import { eventBatch } from "./events.ts";
import type { Lease } from "./fence.ts";
import { endRun, type RunError, type RunRow } from "./runs.sql.ts";
import type { Statement } from "./sql.ts";
import { finishThread } from "./threads.sql.ts";

/** Why a review is moved, for a person. What it shows now and did not show is told apart: it is not for mails. */
export interface Why {
  reason: string | null;
  changes?: readonly ShownChange[];
}

/** What an execution leaves behind. JSON is text here: it is stored as it stands. */
export interface Finish {
  ending: Ending;
  /** The last values, or the open questions: what `wait` answers. */
  output: string | null;
  error: RunError | null;
  values: string | null;
  /** {task_id: [{id, value}]} */
  interrupts: string;
  /** The questions the thread now waits for. */
  questions: readonly ReviewRequest[];
  /** What became of the decided group this run carried; null when it carried none. */
  group: ({ event: "close" | "fail_resume" | "go_stale" } & Why) | null;
  /** True when the run went on from where the thread stood: a resume that had failed there has now been made good. */
  continued: boolean;
}

/** What an execution has not stored yet. */
export interface LastWrites {
  events: readonly StreamEvent[];
  /** Statements that carry the guard of the lease themselves. */
  beside: readonly Statement[];
}

const RUN_STATUS: Record<Ending, Exclude<RunStatus, "pending" | "running">> = {
  finished: "success",
  paused: "success",
  stale: "error",
  failed: "error",
  timed_out: "timeout",
  cancelled: "interrupted",
};

/** What a run leaves on its thread. */
export function leaveThread(lease: Lease, { ending, values, interrupts, error }: Finish): Statement {
  const status = { alone: threadStatusAfter(ending, false), queued: threadStatusAfter(ending, true) };
  return finishThread(lease, status, values, interrupts, error === null ? null : JSON.stringify(error));
}

/** What ends a run: its last events, what it leaves on its thread, its own row, and the note of it. */
export function lastWrites(
  lease: Lease,
  run: RunRow,
  finish: Finish,
  { events, beside }: LastWrites,
  released: Statement,
): Statement[] {
  const status = RUN_STATUS[finish.ending];
  const kind = finish.ending === "paused" ? "run.paused" : "run.ended";
  return [
    ...eventBatch(lease, run.attempt, events),
    ...beside,
    released,
    endRun(run.tenant_id, run.run_id, status, finish.output, finish.error),
    runAudit(run, kind, "system:worker", { status, attempt: run.attempt, ...finish.error }),
  ];
}
