import { describe, expect, test } from "vitest";
import { attendReview } from "../../src/policy/review/attend.ts";
import type { AttendContext, AttendedReview } from "../../src/policy/review/attendance.ts";
import type { Person } from "../../src/policy/review/may-decide.ts";
import type { Act } from "../../src/protocol/attend.ts";
import { isHoldpointError } from "../../src/protocol/errors.ts";
import { REVIEW_STATUSES } from "../../src/protocol/review.ts";
import { DEFAULT_REVIEW_POLICY } from "../../src/protocol/review-policy.ts";

const NOW = "2026-11-21T11:00:00.000Z";
const LATER = "2026-11-21T11:15:00.000Z";

const open: AttendedReview = {
  id: "review-1",
  version: 1,
  status: "open",
  status_reason: null,
  superseded_by: null,
  decision: null,
  request_digest: "sha256:request",
  candidate_users: [],
  candidate_groups: ["finance"],
  assignee: null,
  claimed_by: null,
  claimed_until: null,
  snoozed_until: null,
  timer_step: 0,
  due_at: "2026-11-24T11:00:00.000Z",
  policy: { ...DEFAULT_REVIEW_POLICY, candidates: { users: [], groups: ["finance"] } },
};

const person = (principal_id: string, more: Partial<Person> = {}): Person => ({
  principal_id,
  kind: "user",
  groups: ["finance"],
  permissions: new Set(["review:decide"]),
  ...more,
});
const ana = person("ana");
const stranger = person("zoe", { groups: [] });
const reader = person("rita", { groups: [], permissions: new Set(["review:read"]) });
const admin = person("root", { groups: [], permissions: new Set(["review:decide", "review:admin"]) });
const known = (principal_id: string, groups: string[] = ["finance"], kind: Person["kind"] = "user") => ({
  principal_id,
  kind,
  groups,
});

interface Given {
  review?: Partial<AttendedReview>;
  by?: Person;
  around?: Partial<AttendContext>;
}

/** given a review and somebody, when they do something: what comes of it, or the code they are refused with. */
function done(act: Act, { review = {}, by = ana, around = {} }: Given = {}): unknown {
  const context = { now: NOW, person: by, named: undefined, has_viewed: false, asked: null, ...around };
  try {
    const attended = attendReview({ ...open, ...review }, act, context);
    return attended === null ? "nothing" : { kind: attended.kind, ...attended.body, ...attended.change };
  } catch (error) {
    if (isHoldpointError(error)) return `${error.status} ${error.code}`;
    throw error;
  }
}

const claimed = { claimed_by: "ana", claimed_until: LATER };

describe("a claim", () => {
  test("is for a quarter of an hour, and is renewed by claiming again", () => {
    expect(done({ type: "claim" })).toEqual({
      kind: "claimed",
      until: LATER,
      renewed: false,
      ...claimed,
      claimed_until: LATER,
    });
    expect(done({ type: "claim" }, { review: claimed })).toMatchObject({ renewed: true });
    expect(done({ type: "claim" }, { review: { ...claimed, claimed_until: NOW } })).toMatchObject({ renewed: false });
  });
  test("is refused while somebody else has it, and to who may not decide", () => {
    expect(done({ type: "claim" }, { by: person("ben"), review: claimed })).toBe("409 claimed");
    expect(done({ type: "claim" }, { by: person("ben"), review: { ...claimed, claimed_until: NOW } })).toMatchObject({
      claimed_by: "ben",
    });
    expect(done({ type: "claim" }, { by: stranger })).toBe("403 permission_denied");
    expect(done({ type: "claim" }, { by: admin, review: claimed })).toMatchObject({
      claimed_by: "root",
      overrides: ["candidates", "claim"],
    });
  });
  test("is given back by who has it, and nobody else but an administrator", () => {
    expect(done({ type: "release" }, { review: claimed })).toMatchObject({ kind: "released", claimed_by: null });
    expect(done({ type: "release" }, { by: person("ben"), review: claimed })).toBe("409 claimed");
    expect(done({ type: "release" }, { by: admin, review: claimed })).toMatchObject({ overrides: ["claim"] });
    expect(done({ type: "release" })).toBe("nothing");
  });
});

describe("handing a review to somebody", () => {
  const to = (name: string, more: Given = {}) =>
    done({ type: "assign", to: name }, { ...more, around: { named: known(name), ...more.around } });

  test("takes one of those who are asked, and their claim stays", () => {
    expect(to("ben")).toEqual({
      kind: "assigned",
      to: "ben",
      from: null,
      assignee: "ben",
      claimed_by: null,
      claimed_until: null,
    });
    expect(to("ana", { review: claimed })).toEqual({ kind: "assigned", to: "ana", from: null, assignee: "ana" });
    expect(to("ben", { review: { assignee: "ben" }, by: person("ben") })).toBe("nothing");
  });
  test("brings in others only for an administrator", () => {
    expect(to("zoe", { around: { named: known("zoe", []) } })).toBe("403 permission_denied");
    expect(to("zoe", { around: { named: known("zoe", []) }, by: admin })).toMatchObject({
      assignee: "zoe",
      overrides: ["candidates"],
    });
  });
  test("never takes an agent, or somebody nobody knows", () => {
    expect(to("bot", { around: { named: known("bot", ["finance"], "agent") }, by: admin })).toBe("422 invalid");
    expect(to("nobody", { around: { named: undefined } })).toBe("422 invalid");
  });
  test("is the assignee's once there is one, and an administrator's", () => {
    expect(to("ben", { review: { assignee: "carl" } })).toBe("403 permission_denied");
    expect(to("ben", { review: { assignee: "carl" }, by: admin })).toMatchObject({ overrides: ["assignee"] });
    expect(done({ type: "assign", to: null }, { review: { assignee: "ana" } })).toMatchObject({ assignee: null });
    const delegate = (by: Person, assignee: string | null) =>
      done({ type: "delegate", to: "ben" }, { by, review: { assignee }, around: { named: known("ben") } });
    expect(delegate(ana, "ana")).toMatchObject({ kind: "delegated", from: "ana", to: "ben", assignee: "ben" });
    expect(delegate(ana, null)).toBe("403 permission_denied");
    expect(delegate(admin, "ana")).toBe("403 permission_denied");
  });
});

test("a review is snoozed until a moment that comes, and not for ever", () => {
  expect(done({ type: "snooze", until: LATER })).toEqual({ kind: "snoozed", until: LATER, snoozed_until: LATER });
  expect(done({ type: "snooze", until: NOW })).toBe("422 invalid");
  expect(done({ type: "snooze", until: "2037-01-01T00:00:00.000Z" })).toBe("422 invalid");
  expect(done({ type: "snooze", until: null }, { review: { snoozed_until: LATER } })).toMatchObject({
    snoozed_until: null,
  });
  expect(done({ type: "snooze", until: null }, { review: { snoozed_until: NOW } })).toBe("nothing");
});

test("who has seen which version is noted once, also after it was decided and until it is over", () => {
  expect(done({ type: "view" }, { by: reader })).toEqual({
    kind: "viewed",
    version: 1,
    request_digest: "sha256:request",
  });
  expect(done({ type: "view" }, { by: reader, around: { has_viewed: true } })).toBe("nothing");
  expect(done({ type: "view" }, { review: { status: "stale" } })).toMatchObject({ kind: "viewed" });
});

describe("an escalation before its time", () => {
  const escalations = [
    { after_seconds: 0, to: { users: ["boss"], groups: [] } },
    { after_seconds: 3600, to: { users: [], groups: ["board"] } },
  ];
  const policy = { ...open.policy, escalations };
  const escalate = (more: Partial<Act & { type: "escalate" }> = {}, { review = {}, ...given }: Given = {}) =>
    done(
      { type: "escalate", reason: "too much", to: null, group: null, ...more },
      { ...given, review: { policy, ...review } },
    );

  test("goes to the next level, whatever reminders come before it, and says why", () => {
    expect(escalate()).toMatchObject({ kind: "escalated", level: 1, reason: "too much", at: NOW });
    // The reminder is the first step, the first level the second.
    expect(escalate({}, { review: { timer_step: 2 } })).toMatchObject({
      level: 2,
      to: { users: [], groups: ["board"] },
    });
    expect(escalate({ level: 1 })).toMatchObject({ level: 1 });
  });
  test("says that nobody further is named where that is so, and is an escalation all the same", () => {
    const nobody = { kind: "escalated", level: null, to: { users: [], groups: [] } };
    expect(escalate({}, { review: { timer_step: 3 } })).toMatchObject(nobody);
    expect(escalate({ level: null }, { review: { timer_step: 3 } })).toMatchObject(nobody);
  });
  test("is refused where another level was meant", () => {
    for (const level of [2, null]) expect(escalate({ level })).toBe("412 precondition_failed");
    expect(escalate({ level: 1 }, { review: { timer_step: 2 } })).toBe("412 precondition_failed");
    expect(escalate({ level: 1 }, { review: { timer_step: 3 } })).toBe("412 precondition_failed");
  });
  test("names those who are or will be asked, and others only for an administrator", () => {
    expect(escalate({ to: "ben" }, { around: { named: known("ben") } })).toMatchObject({
      to: { users: ["boss", "ben"] },
    });
    expect(escalate({ to: "cfo" }, { around: { named: known("cfo", ["board"]) } })).toMatchObject({ level: 1 });
    expect(escalate({ group: "board" })).toMatchObject({ to: { users: ["boss"], groups: ["board"] } });
    expect(escalate({ group: "strangers" })).toBe("403 permission_denied");
    expect(escalate({ to: "zoe" }, { around: { named: known("zoe", []) } })).toBe("403 permission_denied");
    expect(
      escalate({ to: "zoe", group: "strangers" }, { around: { named: known("zoe", []) }, by: admin }),
    ).toMatchObject({
      to: { users: ["boss", "zoe"], groups: ["strangers"] },
      overrides: ["candidates"],
    });
    expect(escalate({ to: "bot" }, { around: { named: known("bot", [], "agent") }, by: admin })).toBe("422 invalid");
    expect(escalate({ to: "nobody" }, { by: admin })).toBe("422 invalid");
  });
  test("is for who may decide, also beside a claim, and not for an agent", () => {
    expect(escalate({}, { by: stranger })).toBe("403 permission_denied");
    expect(escalate({}, { by: reader })).toBe("403 permission_denied");
    expect(escalate({}, { by: person("bot", { kind: "agent" }) })).toBe("403 permission_denied");
    expect(escalate({}, { by: person("ben"), review: claimed })).toMatchObject({ kind: "escalated" });
  });
  test("takes it from an assignee who alone could decide it, and from nobody once it is due", () => {
    expect(escalate({}, { review: { assignee: "ana" } })).toMatchObject({ assignee: null, from: "ana" });
    expect(escalate({}, { review: { assignee: "carl" } })).toBe("403 permission_denied");
    const due = escalate({}, { review: { assignee: "carl", due_at: NOW } });
    expect(due).toMatchObject({ kind: "escalated" });
    expect(due).not.toHaveProperty("assignee");
  });
});

describe("a question to a person", () => {
  const ask: Act = { type: "ask", question: "Is it the right account?", to: "rita" };
  const waiting = {
    review: { status: "info_requested" as const },
    around: { asked: { question: "which?", to: "rita" } },
  };

  test("leaves the review to be decided, and is answered by who was asked or who decides", () => {
    expect(done(ask, { around: { named: known("rita", []) } })).toMatchObject({
      kind: "info_requested",
      status: "info_requested",
    });
    expect(done(ask, { ...waiting, around: { named: known("rita", []) } })).toMatchObject({ status: "info_requested" });
    const answer: Act = { type: "answer", text: "yes" };
    expect(done(answer, { ...waiting, by: reader })).toEqual({
      kind: "info_given",
      text: "yes",
      question: "which?",
      status: "open",
    });
    expect(done(answer, waiting)).toMatchObject({ kind: "info_given" });
    expect(done(answer, { ...waiting, by: { ...reader, principal_id: "rob" } })).toBe("403 permission_denied");
    expect(done(answer)).toBe("409 nothing_asked");
  });
  test("is not asked of an agent or of nobody", () => {
    expect(done(ask, { around: { named: known("rita", [], "agent") } })).toBe("422 invalid");
    expect(done(ask)).toBe("422 invalid");
    expect(done({ ...ask, to: null })).toMatchObject({ kind: "info_requested", to: null });
  });
  test("lets who was asked say more, and nobody else who does not decide", () => {
    const comment: Act = { type: "comment", text: "It is." };
    expect(done(comment)).toEqual({ kind: "commented", text: "It is." });
    expect(done(comment, { by: reader })).toBe("403 permission_denied");
    expect(done(comment, { ...waiting, by: reader })).toMatchObject({ kind: "commented" });
  });
});

const ACTS: Act[] = [
  { type: "claim" },
  { type: "release" },
  { type: "assign", to: "ben" },
  { type: "delegate", to: "ben" },
  { type: "snooze", until: LATER },
  { type: "ask", question: "why?", to: null },
  { type: "answer", text: "so" },
  { type: "comment", text: "well" },
  { type: "view" },
];

test("agents do nothing of all this", () => {
  for (const act of ACTS)
    expect(done(act, { by: { ...admin, kind: "agent" } }), act.type).toBe("403 permission_denied");
});

test("what is over is left alone, and says why", () => {
  const told: Partial<Record<(typeof REVIEW_STATUSES)[number], string>> = {
    closed: "409 already_decided",
    cancelled: "410 cancelled",
    superseded: "409 superseded",
    failed: "409 already_timed_out",
  };
  const waitsForNobody = {
    decided: "409 already_decided",
    resuming: "409 already_decided",
    resume_failed: "409 already_decided",
    stale: "409 stale",
    ...told,
  };
  for (const status of REVIEW_STATUSES) {
    for (const act of ACTS) {
      const expected =
        act.type === "comment" || act.type === "view" ? told[status] : waitsForNobody[status as "closed"];
      if (expected !== undefined) expect(done(act, { review: { status } }), `${act.type} ${status}`).toBe(expected);
    }
  }
});
