// What becomes of a review that nobody decides, and when: pure, so that it can be shown from the moment it opens and is
// the same whoever works it out. Moments count from the opening, which never moves; neither does anything after it.
import type { ReviewPolicy } from "../../protocol/review-policy.ts";

/** A step of a review's timetable; `after_seconds` counts from its opening. */
export type TimerStep =
  /** Those who are asked are told once more. */
  | { kind: "reminder"; after_seconds: number }
  /** Somebody else is asked as well. */
  | { kind: "escalation"; after_seconds: number; level: number; to: ReviewPolicy["candidates"] }
  /** Nobody is asked any more. */
  | { kind: "end"; after_seconds: number };

/** The steps of a policy in their order. One that leaves the question open for ever has no end. */
export function timetable(policy: ReviewPolicy): TimerStep[] {
  const due = policy.due_after_seconds;
  // What would come before the question has been asked says nothing.
  const reminders = [...new Set(policy.reminders)].filter((before) => before < due).toSorted((a, b) => b - a);
  const escalations = policy.escalations.toSorted((a, b) => a.after_seconds - b.after_seconds);
  const last = due + (escalations.at(-1)?.after_seconds ?? 0);
  return [
    ...reminders.map((before): TimerStep => ({ kind: "reminder", after_seconds: due - before })),
    ...escalations.map(
      ({ after_seconds, to }, index): TimerStep => ({
        kind: "escalation",
        after_seconds: due + after_seconds,
        level: index + 1,
        to,
      }),
    ),
    ...(policy.on_timeout === "keep"
      ? []
      : [{ kind: "end" as const, after_seconds: last + policy.ends_after_seconds }]),
  ];
}

/** When the first step of a review that opens now is; null: there is none. */
export function firstStepAfterSeconds(policy: ReviewPolicy): number | null {
  return timetable(policy)[0]?.after_seconds ?? null;
}

/** What is to be done with a review now. */
export interface DueSteps {
  /** What has to be told, in order. */
  tell: Exclude<TimerStep, { kind: "end" }>[];
  /** Its end, when that has come; it is done last, and by itself. */
  end: Extract<TimerStep, { kind: "end" }> | null;
  /** How many steps have been done then, the end left out, and when the next one is; null: there is none. */
  timer_step: number;
  next_after_seconds: number | null;
}

/**
 * What is due of a timetable of which `timer_step` steps are done. Of what was missed while nobody was there, every
 * escalation is made up for, but nobody is reminded of what is over, nor twice of the same.
 */
export function dueSteps(policy: ReviewPolicy, timer_step: number, elapsedSeconds: number): DueSteps {
  const steps = timetable(policy);
  const due = steps.slice(timer_step).filter(({ after_seconds }) => after_seconds <= elapsedSeconds);
  const end = due.find((step) => step.kind === "end") ?? null;
  const reminder = due.findLast((step) => step.kind === "reminder");
  const isOver = elapsedSeconds >= policy.due_after_seconds;
  const tell = due.filter(
    (step): step is DueSteps["tell"][number] =>
      step.kind === "escalation" || (step.kind === "reminder" && step === reminder && !isOver),
  );
  const done = timer_step + due.length - (end === null ? 0 : 1);
  return { tell, end, timer_step: done, next_after_seconds: steps[done]?.after_seconds ?? null };
}

/** The moment of a step, as the database's clock goes. */
export function momentOf(opened_at: string, after_seconds: number): string {
  return new Date(Date.parse(opened_at) + after_seconds * 1000).toISOString();
}
