import { expect, test } from "vitest";
import { deadlinesOf, timeOutOf } from "../../src/policy/review/time-out.ts";
import { dueSteps, firstStepAfterSeconds, momentOf, timetable } from "../../src/policy/review/timetable.ts";
import type { DecisionType } from "../../src/protocol/interrupt.ts";
import { DEFAULT_REVIEW_POLICY, type ReviewPolicy } from "../../src/protocol/review-policy.ts";

const HOUR = 3600;
const nobody = { users: [], groups: [] };
const boss = { users: ["user:boss"], groups: [] };
const board = { users: [], groups: ["board"] };

const policy = (change: Partial<ReviewPolicy> = {}): ReviewPolicy => ({ ...DEFAULT_REVIEW_POLICY, ...change });

/** Due after ten hours, reminded twice, escalated twice, over after sixteen. */
const BUSY = policy({
  due_after_seconds: 10 * HOUR,
  reminders: [HOUR, 4 * HOUR],
  escalations: [
    { after_seconds: 0, to: boss },
    { after_seconds: 2 * HOUR, to: board },
  ],
  ends_after_seconds: 4 * HOUR,
});

const hours = (given: ReviewPolicy) => timetable(given).map((step) => `${step.kind} ${step.after_seconds / HOUR}`);

test("what nobody has said anything about is reminded of, due in three days, escalated once, and over a day later", () => {
  expect(timetable(DEFAULT_REVIEW_POLICY)).toEqual([
    { kind: "reminder", after_seconds: 48 * HOUR },
    { kind: "escalation", after_seconds: 72 * HOUR, level: 1, to: nobody },
    { kind: "end", after_seconds: 96 * HOUR },
  ]);
  expect(firstStepAfterSeconds(DEFAULT_REVIEW_POLICY)).toBe(48 * HOUR);
});

test("reminders come before it is due, escalations after it, in the order of their moments, and the end last", () => {
  expect(hours(BUSY)).toEqual(["reminder 6", "reminder 9", "escalation 10", "escalation 12", "end 16"]);
  const backwards = policy({ ...BUSY, escalations: BUSY.escalations.toReversed() });
  expect(timetable(backwards)).toEqual(timetable(BUSY));
  expect(timetable(BUSY).flatMap((step) => (step.kind === "escalation" ? [[step.level, step.to]] : []))).toEqual([
    [1, boss],
    [2, board],
  ]);
});

test("a reminder that would come before the question has none, and the same reminder comes once", () => {
  expect(hours(policy({ ...BUSY, reminders: [10 * HOUR, 30 * HOUR, HOUR, HOUR] }))[0]).toBe("reminder 9");
});

test("without escalations the end counts from the moment it is due; what stays open for ever has none", () => {
  expect(hours(policy({ ...BUSY, reminders: [], escalations: [] }))).toEqual(["end 14"]);
  expect(hours(policy({ ...BUSY, on_timeout: "keep" })).at(-1)).toBe("escalation 12");
  const quiet = policy({ reminders: [], escalations: [], on_timeout: "keep" });
  expect(timetable(quiet)).toEqual([]);
  expect(firstStepAfterSeconds(quiet)).toBeNull();
});

/** What is due at some hour when some steps are done. */
const due = (hour: number, timer_step = 0, given = BUSY) => {
  const { tell, end, timer_step: done, next_after_seconds } = dueSteps(given, timer_step, hour * HOUR);
  const told = tell.map((step) => (step.kind === "escalation" ? `level ${step.level}` : "reminder"));
  return [told, end?.kind ?? null, done, next_after_seconds === null ? null : next_after_seconds / HOUR];
};

test.each([
  ["nothing before its moment", 5.9, 0, [[], null, 0, 6]],
  ["a step at its moment", 6, 0, [["reminder"], null, 1, 9]],
  ["nothing twice", 6, 1, [[], null, 1, 9]],
  ["one reminder of two that were missed", 9.5, 0, [["reminder"], null, 2, 10]],
  ["no reminder of what is over", 10, 0, [["level 1"], null, 3, 12]],
  ["each escalation that was missed", 13, 2, [["level 1", "level 2"], null, 4, 16]],
  ["the end, and what was missed before it", 99, 0, [["level 1", "level 2"], "end", 4, 16]],
  ["the end alone", 16, 4, [[], "end", 4, 16]],
] as const)("due is %s", (_what, hour, done, expected) => {
  expect(due(hour, done)).toEqual(expected);
});

test("what stays open for ever has nothing left after its last escalation", () => {
  const kept = policy({ ...BUSY, on_timeout: "keep" });
  expect(due(99, 0, kept)).toEqual([["level 1", "level 2"], null, 4, null]);
  expect(due(99, 4, kept)).toEqual([[], null, 4, null]);
});

test("stepped hour by hour or found after a week, the same escalations and the same end come of it", () => {
  const seen: string[] = [];
  let step = 0;
  for (let hour = 0; hour <= 24 && !seen.includes("end"); hour += 1) {
    const { tell, end, timer_step } = dueSteps(BUSY, step, hour * HOUR);
    seen.push(...tell.map(({ kind }) => kind), ...(end === null ? [] : ["end"]));
    step = timer_step;
  }
  expect(seen).toEqual(["reminder", "reminder", "escalation", "escalation", "end"]);
});

const allowing = (...allowed: DecisionType[]) => [{ index: 0, name: "pay", args: {}, allowed }];
const open = { guarded: false, actions: allowing("approve", "reject") };
const ending = (
  on_timeout: ReviewPolicy["on_timeout"],
  review: Parameters<typeof timeOutOf>[0] = open,
  allow_auto_approve = true,
) => timeOutOf(review, { on_timeout, allow_auto_approve });

test("the end does what the policy says: fail, reject, or approve", () => {
  expect(ending("fail")).toEqual({ action: "fail", instead: null });
  expect(ending("reject")).toMatchObject({ action: "reject", decisions: [{ action: 0, type: "reject" }] });
  expect(ending("approve")).toEqual({ action: "approve", decisions: [{ action: 0, type: "approve" }] });
});

test("each action of a review is decided", () => {
  const actions = [...allowing("reject"), { ...(allowing("reject")[0] as (typeof open.actions)[0]), index: 1 }];
  expect(ending("reject", { guarded: false, actions })).toMatchObject({ decisions: [{ action: 0 }, { action: 1 }] });
});

test.each([
  ["an approval on a guarded graph", ending("approve", { ...open, guarded: true }), /guarded/],
  ["an approval that the policy does not allow", ending("approve", open, false), /allow_auto_approve/],
  ["a rejection that is not offered", ending("reject", { ...open, actions: allowing("respond") }), /"reject" is not/],
  ["an approval that is not offered", ending("approve", { ...open, actions: allowing("respond") }), /"approve" is not/],
  ["an answer to nothing", ending("reject", { ...open, actions: [] }), /no action/],
])("%s is a failure, which says so", (_what, end, why) => {
  expect(end).toEqual({ action: "fail", instead: expect.stringMatching(why) });
});

test("no policy and no offer makes a guarded graph's time-out an approval", () => {
  for (const on_timeout of ["fail", "reject", "approve", "keep"] as const) {
    for (const allowed of [["approve"], ["approve", "reject"], ["respond"]] as DecisionType[][]) {
      const { action } = ending(on_timeout, { guarded: true, actions: allowing(...allowed) });
      expect(["fail", "reject"]).toContain(action);
    }
  }
});

test("the timetable is shown from the beginning, with what its end would do", () => {
  const opened_at = "2026-01-01T00:00:00.000Z";
  const shown = (timer_step: number, isTimedOut = false, review = open) =>
    deadlinesOf({ ...review, opened_at, timer_step }, { ...BUSY, on_timeout: "reject" }, isTimedOut);
  expect(shown(3)).toEqual([
    { step: "reminder", at: "2026-01-01T06:00:00.000Z", done: true },
    { step: "reminder", at: "2026-01-01T09:00:00.000Z", done: true },
    { step: "escalation", at: "2026-01-01T10:00:00.000Z", done: true, level: 1, to: boss },
    { step: "escalation", at: "2026-01-01T12:00:00.000Z", done: false, level: 2, to: board },
    { step: "end", at: "2026-01-01T16:00:00.000Z", done: false, action: "reject" },
  ]);
  expect(shown(4, true).at(-1)).toMatchObject({ done: true });
  expect(shown(0, false, { ...open, actions: allowing("respond") }).at(-1)).toMatchObject({ action: "fail" });
  expect(momentOf(opened_at, 0.5)).toBe("2026-01-01T00:00:00.500Z");
});
