// As the LangGraph clients expect: a run that pauses for a person ends `success` and its *thread* becomes
// `interrupted`; a *run* is `interrupted` only when it was cancelled.
import type { RunStatus } from "../protocol/run.ts";
import type { ThreadStatus } from "../protocol/thread.ts";

/** What can happen to a run. */
export type RunEvent =
  | "claim"
  | "finish"
  | "pause"
  | "fail"
  | "time_out"
  | "cancel"
  | "cancel_while_waiting"
  | "lose_lease"
  | "poison";

/** What each event makes of each status; null: it cannot happen there and is refused. */
export const RUN_TRANSITIONS: Record<RunStatus, Record<RunEvent, RunStatus | null>> = {
  pending: {
    claim: "running",
    finish: null,
    pause: null,
    fail: null,
    time_out: null,
    cancel: "interrupted",
    cancel_while_waiting: null,
    lose_lease: null,
    poison: null,
  },
  running: {
    claim: null,
    finish: "success",
    pause: "success",
    fail: "error",
    time_out: "timeout",
    cancel: "interrupted",
    cancel_while_waiting: null,
    lose_lease: "pending",
    poison: "error",
  },
  success: {
    claim: null,
    finish: null,
    pause: null,
    fail: null,
    time_out: null,
    cancel: null,
    // The paused run has ended, but its thread waits: taking the question back cancels the run after all.
    cancel_while_waiting: "interrupted",
    lose_lease: null,
    poison: null,
  },
  error: noneLeft(),
  timeout: noneLeft(),
  interrupted: noneLeft(),
};

function noneLeft(): Record<RunEvent, null> {
  return {
    claim: null,
    finish: null,
    pause: null,
    fail: null,
    time_out: null,
    cancel: null,
    cancel_while_waiting: null,
    lose_lease: null,
    poison: null,
  };
}

/** A lease that is lost this often with nothing stored in between is the run's own doing. */
export const POISON_LOST_LEASES = 5;

/** What the reaper makes of a run whose lease ran out: another worker's turn, or the end. */
export function afterLostLease(lostLeases: number): "lose_lease" | "poison" {
  return lostLeases + 1 >= POISON_LOST_LEASES ? "poison" : "lose_lease";
}

/** How an execution ended, seen from the checkpoint it left. */
export type Ending = "finished" | "paused" | "stale" | "failed" | "timed_out" | "cancelled";

/** The status a thread takes when a run ends and whether more runs of it are queued. */
export function threadStatusAfter(ending: Ending, hasQueuedRuns: boolean): ThreadStatus {
  if (hasQueuedRuns) return "busy";
  switch (ending) {
    case "finished":
    case "cancelled":
      return "idle";
    case "paused":
    // A decision that could not be applied leaves the question standing: a run with empty input asks it again.
    case "stale":
      return "interrupted";
    case "failed":
    case "timed_out":
      return "error";
  }
}
