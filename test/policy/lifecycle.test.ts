import { expect, test } from "vitest";
import { isOpen, isWaiting, REVIEW_TRANSITIONS } from "../../src/policy/review/lifecycle.ts";
import {
  afterLostLease,
  type Ending,
  POISON_LOST_LEASES,
  RUN_TRANSITIONS,
  threadStatusAfter,
} from "../../src/policy/run-lifecycle.ts";
import { REVIEW_STATUSES } from "../../src/protocol/review.ts";
import { RUN_STATUSES } from "../../src/protocol/run.ts";

test.each([
  ["review", REVIEW_STATUSES, REVIEW_TRANSITIONS],
  ["run", RUN_STATUSES, RUN_TRANSITIONS],
] as const)("every event is answered in every status of a %s, with a status or a refusal", (_noun, statuses, table) => {
  const rows = table as Record<string, Record<string, string | null>>;
  expect(Object.keys(rows).toSorted()).toEqual([...statuses].toSorted());
  const events = Object.keys(rows[statuses[0]] ?? {}).toSorted();
  for (const status of statuses) {
    expect(Object.keys(rows[status] ?? {}).toSorted(), status).toEqual(events);
    for (const [event, next] of Object.entries(rows[status] ?? {})) {
      if (next !== null) expect(statuses as readonly string[], `${status} ${event}`).toContain(next);
    }
  }
});

test("nothing that has ended begins again: no way leads from an answer back to a question", () => {
  const reachable = (from: string): Set<string> => {
    const seen = new Set<string>();
    const visit = (status: string) => {
      for (const next of Object.values(REVIEW_TRANSITIONS[status as keyof typeof REVIEW_TRANSITIONS])) {
        if (next === null || seen.has(next)) continue;
        seen.add(next);
        visit(next);
      }
    };
    visit(from);
    return seen;
  };
  for (const status of [
    "decided",
    "resuming",
    "resume_failed",
    "stale",
    "closed",
    "cancelled",
    "superseded",
    "failed",
  ]) {
    expect(
      [...reachable(status)].filter((next) => next === "open" || next === "info_requested"),
      status,
    ).toEqual([]);
  }
  for (const end of ["closed", "cancelled", "superseded", "failed"]) expect(reachable(end).size, end).toBe(0);
});

test("a run ends once, except that one which waits for a person can still be cancelled", () => {
  for (const ended of ["error", "timeout", "interrupted"] as const) {
    expect(Object.values(RUN_TRANSITIONS[ended]).every((next) => next === null)).toBe(true);
  }
  const leaving = Object.entries(RUN_TRANSITIONS.success).filter(([, next]) => next !== null);
  expect(leaving).toEqual([["cancel_while_waiting", "interrupted"]]);
});

test("a question waits while it is open, and while it is answered but its group is not", () => {
  expect(REVIEW_STATUSES.filter(isOpen)).toEqual(["open", "info_requested"]);
  const waiting = (resume_run_id: string | null) =>
    REVIEW_STATUSES.filter((status) => isWaiting({ status, resume_run_id }));
  expect(waiting(null)).toEqual(["open", "info_requested", "decided"]);
  expect(waiting("run")).toEqual(["open", "info_requested"]);
});

test("a thread is busy while runs are queued, else what its last run left it", () => {
  const rests: Record<Ending, string> = {
    finished: "idle",
    cancelled: "idle",
    paused: "interrupted",
    stale: "interrupted",
    failed: "error",
    timed_out: "error",
  };
  for (const [ending, status] of Object.entries(rests) as [Ending, string][]) {
    expect(threadStatusAfter(ending, false), ending).toBe(status);
    expect(threadStatusAfter(ending, true), ending).toBe("busy");
  }
});

test("the fifth lost lease without a checkpoint is the run's own doing", () => {
  const outcomes = Array.from({ length: POISON_LOST_LEASES + 1 }, (_, lost) => afterLostLease(lost));
  expect(outcomes).toEqual(["lose_lease", "lose_lease", "lose_lease", "lose_lease", "poison", "poison"]);
});
