import { describe, expect, test } from "vitest";
import {
  type Custody,
  claimOf,
  type Person,
  refuseClaimed,
  refuseStrangers,
} from "../../src/policy/review/may-decide.ts";
import { checkReasons, type Reasons, withReason } from "../../src/policy/review/reasons.ts";
import type { CanonicalDecision } from "../../src/protocol/decision.ts";
import { DEFAULT_REVIEW_POLICY, type ReviewPolicy } from "../../src/protocol/review-policy.ts";

const NOW = "2026-11-21T11:00:00.000Z";
const DUE = "2026-11-24T11:00:00.000Z";

const nobodyNamed: Custody = {
  id: "review-1",
  candidate_users: [],
  candidate_groups: [],
  assignee: null,
  claimed_by: null,
  claimed_until: null,
  due_at: DUE,
  policy: DEFAULT_REVIEW_POLICY,
};
const named: Custody = {
  ...nobodyNamed,
  candidate_users: ["ana"],
  candidate_groups: ["finance"],
  policy: { ...DEFAULT_REVIEW_POLICY, candidates: { users: ["ana"], groups: ["finance"] } },
};

const person = (principal_id: string, more: Partial<Person> = {}): Person => ({
  principal_id,
  kind: "user",
  groups: [],
  permissions: new Set(["review:decide"]),
  ...more,
});
const admin = person("root", { permissions: new Set(["review:decide", "review:admin"]) });

/** What becomes of somebody who wants to decide: what is set aside, or the code they are refused with. */
function asked(review: Custody, who: Person, now = NOW): unknown {
  try {
    return [...refuseStrangers(review, who, now), ...refuseClaimed(review, who, now)];
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe("who may decide", () => {
  test.each([
    ["everybody, where nobody is named", nobodyNamed, person("zoe"), []],
    ["a candidate by name", named, person("ana"), []],
    ["a candidate by group", named, person("zoe", { groups: ["ops", "finance"] }), []],
    ["nobody else", named, person("zoe", { groups: ["ops"] }), "permission_denied"],
    ["who administers reviews, which is written down", named, admin, ["candidates"]],
    ["no agent, whatever it holds", nobodyNamed, { ...admin, kind: "agent" as const }, "permission_denied"],
    ["nobody as the system", nobodyNamed, { ...admin, kind: "system" as const }, "permission_denied"],
    ["nobody who has lost the right", named, person("ana", { permissions: new Set() }), "permission_denied"],
    ["the assignee, though not a candidate", { ...named, assignee: "zoe" }, person("zoe"), []],
    ["no candidate beside an assignee", { ...named, assignee: "zoe" }, person("ana"), "permission_denied"],
    ["an administrator beside an assignee", { ...named, assignee: "zoe" }, admin, ["assignee"]],
  ] satisfies [string, Custody, Person, unknown][])("%s", (_who, review, who, expected) => {
    expect(asked(review, who)).toEqual(expected);
  });
  test("the candidates again, when the assignee has let it become due", () => {
    const review = { ...named, assignee: "zoe" };
    expect(asked(review, person("ana"), "2026-11-24T10:59:59.999Z")).toBe("permission_denied");
    expect(asked(review, person("ana"), DUE)).toEqual([]);
    expect(asked(review, person("zoe"), DUE)).toEqual([]);
  });
  test("only who is on every list, where there are several", () => {
    const review = { ...named, policy: { ...named.policy, also_candidates: [{ users: [], groups: ["berlin"] }] } };
    expect(asked(review, person("ana"))).toBe("permission_denied");
    expect(asked(review, person("zoe", { groups: ["berlin"] }))).toBe("permission_denied");
    expect(asked(review, person("ana", { groups: ["berlin"] }))).toEqual([]);
  });
  test("those it is escalated to, from then on, and nobody loses the right by that", () => {
    const escalations = [{ after_seconds: 3600, to: { users: ["cfo"], groups: [] } }];
    const review = { ...named, policy: { ...named.policy, escalations } };
    expect(asked(review, person("cfo"), DUE)).toBe("permission_denied");
    expect(asked(review, person("cfo"), "2026-11-24T12:00:00.000Z")).toEqual([]);
    const open = {
      ...nobodyNamed,
      candidate_users: ["cfo"],
      policy: { ...DEFAULT_REVIEW_POLICY, escalations },
    };
    expect(asked(open, person("zoe"), "2026-11-24T12:00:00.000Z")).toEqual([]);
  });
});

describe("a claim", () => {
  const claimed = { ...nobodyNamed, claimed_by: "zoe", claimed_until: "2026-11-21T11:00:00.001Z" };
  test("holds off everybody else while it lasts, and says who and until when", () => {
    expect(asked(claimed, person("ana"))).toBe("claimed");
    expect(() => refuseClaimed(claimed, person("ana"), NOW)).toThrow(/zoe has this review in hand until 2026-11-21T11/);
    expect(asked(claimed, person("zoe"))).toEqual([]);
    expect(asked(claimed, admin)).toEqual(["claim"]);
  });
  test("is nothing any more when its time is over", () => {
    expect(claimOf(claimed, claimed.claimed_until)).toBeNull();
    expect(asked(claimed, person("ana"), claimed.claimed_until)).toEqual([]);
  });
});

describe("what is said about a decision", () => {
  const policy: ReviewPolicy = {
    ...DEFAULT_REVIEW_POLICY,
    require_comment: ["reject"],
    reject_options: [
      { code: "price", title: "Too dear", message: "It is too dear." },
      { code: "other", title: "Something else" },
    ],
  };
  const reject: CanonicalDecision[] = [{ action: 0, type: "reject" }];
  const approve: CanonicalDecision[] = [{ action: 0, type: "approve" }];
  const pointers = (decisions: CanonicalDecision[], said: Partial<Reasons>) =>
    checkReasons(decisions, policy, { of_several: false, ...said }).map(({ pointer }) => pointer);

  test("a comment where the policy wants one, or the words that the graph is told", () => {
    expect(pointers(reject, {})).toEqual(["/comment"]);
    expect(pointers(reject, { comment: " \n" })).toEqual(["/comment"]);
    expect(pointers(reject, { comment: "no" })).toEqual([]);
    expect(pointers([{ action: 0, type: "reject", message: "no" }], {})).toEqual([]);
    expect(pointers(approve, {})).toEqual([]);
    expect(pointers([...approve, { action: 1, type: "reject" }], {})).toEqual(["/comment"]);
  });
  test("one of the review's reasons, and only where something is rejected", () => {
    expect(pointers(reject, { comment: "no", reason_code: "price" })).toEqual([]);
    expect(pointers(reject, { comment: "no", reason_code: "taste" })).toEqual(["/reason_code"]);
    expect(pointers(approve, { reason_code: "price" })).toEqual(["/reason_code"]);
    expect(pointers(approve, { reason_code: "price", of_several: true })).toEqual([]);
  });
  test("a reason's own words are what the graph is told, unless somebody writes others", () => {
    expect(withReason(reject, policy, "price")).toEqual([{ action: 0, type: "reject", message: "It is too dear." }]);
    expect(withReason([{ action: 0, type: "reject", message: "no" }], policy, "price")).toEqual([
      { action: 0, type: "reject", message: "no" },
    ]);
    expect(withReason(reject, policy, "other")).toEqual(reject);
    expect(withReason(approve, policy, "price")).toEqual(approve);
  });
});
