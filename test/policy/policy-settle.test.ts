import { describe, expect, test } from "vitest";
import { checkDecisions } from "../../src/policy/review/normalise.ts";
import type { AskedQuestion } from "../../src/policy/review/open.ts";
import { actionsUnder } from "../../src/policy/review/policy-actions.ts";
import { NO_POLICY, parsePolicyFile } from "../../src/policy/review/policy-file.ts";
import { settlePolicy } from "../../src/policy/review/policy-settle.ts";
import { DEFAULT_REVIEW_POLICY, type StatedTerms } from "../../src/protocol/review-policy.ts";

const HOUR = 3_600;

const question = (more: Partial<AskedQuestion> = {}): AskedQuestion => ({
  graph_id: "refund",
  guarded: false,
  node: "ask",
  flavour: "review",
  actions: [{ index: 0, name: "pay", args: { amount: 5 }, allowed: ["approve", "edit", "reject"] }],
  stated: null,
  ...more,
});

/** What holds for a question under a file, written as an object. */
function settled(file: object, more: Partial<AskedQuestion> = {}) {
  const parsed = parsePolicyFile(JSON.stringify(file));
  if (!parsed.ok) throw new Error(parsed.faults.map(({ message }) => message).join("\n"));
  return settlePolicy(question(more), parsed.value, DEFAULT_REVIEW_POLICY);
}
const rules = (...sets: object[]) => ({ rules: sets.map((set) => ({ match: { graph: "*" }, set })) });
const stating = (stated: StatedTerms) => ({ stated });

describe("who has the last word", () => {
  test("without a file the defaults hold, and what the graph says before them", () => {
    expect(settlePolicy(question(), NO_POLICY, DEFAULT_REVIEW_POLICY)).toEqual(DEFAULT_REVIEW_POLICY);
    const stated: StatedTerms = { priority: 9, due_after_seconds: 50 * HOUR, candidates: { users: ["a"], groups: [] } };
    expect(settlePolicy(question({ stated }), NO_POLICY, DEFAULT_REVIEW_POLICY)).toEqual({
      ...DEFAULT_REVIEW_POLICY,
      ...stated,
    });
  });

  test("the file's defaults hold where the graph says nothing", () => {
    const file = { defaults: { due: "4h", candidates: { groups: ["operations"] }, priority: 70 } };
    expect(settled(file)).toMatchObject({ due_after_seconds: 4 * HOUR, candidates: { groups: ["operations"] } });
    const own = settled(file, stating({ due_after_seconds: 9 * HOUR, candidates: { users: ["a"], groups: [] } }));
    expect(own).toMatchObject({ due_after_seconds: 9 * HOUR, priority: 70 });
    expect(own.candidates).toEqual({ users: ["a"], groups: [] });
    expect(own.also_candidates).toBeUndefined();
  });

  test("of two rules the later one counts, and lists of who is told and what needs a comment grow", () => {
    const policy = settled(
      rules(
        {
          risk: "high",
          due: "1h",
          candidates: { groups: ["leads"] },
          require_comment: ["reject"],
          notify: { mail: ["a@b"] },
        },
        {
          risk: "low",
          candidates: { groups: ["clerks"] },
          require_comment: ["approve"],
          notify: { mail: ["c@d", "a@b"] },
        },
      ),
    );
    expect(policy).toMatchObject({ risk: "low", due_after_seconds: HOUR, require_comment: ["reject", "approve"] });
    expect(policy.candidates.groups).toEqual(["clerks"]);
    expect(policy.notify.mail).toEqual(["a@b", "c@d"]);
  });

  test("a rule that matches nothing changes nothing", () => {
    const file = { rules: [{ match: { tool: "refund" }, set: { risk: "high", due: "1h" } }] };
    expect(settled(file)).toEqual(DEFAULT_REVIEW_POLICY);
  });
});

describe("what the graph says", () => {
  test("is made stricter by a rule and never easier", () => {
    const strict: StatedTerms = {
      risk: "high",
      due_after_seconds: HOUR,
      on_timeout: "fail",
      max_revisions: 1,
      ends_after_seconds: 60,
    };
    const easy = { risk: "low", due: "9h", on_timeout: "reject", max_revisions: 9, ends_after: "9h" };
    expect(settled(rules(easy), stating(strict))).toMatchObject(strict);
    const soft: StatedTerms = { risk: "low", due_after_seconds: 9 * HOUR, on_timeout: "keep", max_revisions: 9 };
    expect(
      settled(rules({ risk: "high", due: "1h", on_timeout: "fail", max_revisions: 1 }), stating(soft)),
    ).toMatchObject({
      risk: "high",
      due_after_seconds: HOUR,
      on_timeout: "fail",
      max_revisions: 1,
    });
  });

  test("about who decides stays a condition beside the rule's own list", () => {
    const policy = settled(
      rules({ candidates: { groups: ["leads"] } }),
      stating({ candidates: { users: [], groups: ["finance"] } }),
    );
    expect(policy.candidates).toEqual({ users: [], groups: ["leads"] });
    expect(policy.also_candidates).toEqual([{ users: [], groups: ["finance"] }]);
  });

  test("is one list with the rule's where one holds the other", () => {
    const stated = { candidates: { users: ["ana"], groups: ["finance", "leads"] } };
    const policy = settled(rules({ candidates: { groups: ["leads"] } }), { stated });
    expect(policy.candidates).toEqual({ users: [], groups: ["leads"] });
    expect(policy.also_candidates).toBeUndefined();
    const same = settled(rules({ candidates: stated.candidates }), { stated });
    expect(same.candidates).toEqual(stated.candidates);
    expect(same.also_candidates).toBeUndefined();
  });

  test("of the risk of an action counts like what it says of the review", () => {
    const actions = [{ index: 0, name: "pay", args: {}, allowed: ["approve" as const], risk: "high" as const }];
    expect(settled(rules({ risk: "low" }), { actions }).risk).toBe("high");
    expect(settled({}, { actions, stated: { risk: "low" } }).risk).toBe("high");
  });

  test("of reminders is left out where the review is due sooner", () => {
    expect(settled(rules({ due: "4h" })).reminders).toEqual([]);
    expect(settled(rules({ due: "4h" }), stating({ reminders: [5 * HOUR, HOUR] })).reminders).toEqual([HOUR]);
  });
});

describe("what happens when nobody decides", () => {
  const auto = { on_timeout: "approve", allow_auto_approve: true };

  test("approves only where the file allows it, and never on a guarded graph", () => {
    expect(settled(rules(auto)).on_timeout).toBe("approve");
    expect(settled(rules(auto), { guarded: true }).on_timeout).toBe("fail");
    expect(settled({}, stating({ on_timeout: "approve" })).on_timeout).toBe("fail");
    expect(settled({ defaults: { allow_auto_approve: true } }, stating({ on_timeout: "approve" })).on_timeout).toBe(
      "approve",
    );
    expect(
      settled(rules({ allow_auto_approve: true }), { ...stating({ on_timeout: "approve" }), guarded: true }).on_timeout,
    ).toBe("fail");
    expect(settled(rules(auto, { allow_auto_approve: false })).on_timeout).toBe("fail");
    // What the graph claims of its own rights is not heard.
    const claimed = { on_timeout: "approve", allow_auto_approve: true } as StatedTerms;
    expect(settled({}, stating(claimed))).toMatchObject({ on_timeout: "fail", allow_auto_approve: false });
  });

  test("is only what the question offers", () => {
    const actions = [{ index: 0, name: "pay", args: {}, allowed: ["edit" as const] }];
    expect(settled(rules(auto), { actions }).on_timeout).toBe("fail");
    expect(settled(rules({ on_timeout: "reject" }), { actions }).on_timeout).toBe("fail");
    expect(settled(rules({ on_timeout: "reject", allowed: ["approve"] })).on_timeout).toBe("fail");
    expect(settled(rules({ ...auto, require_comment: ["approve"] })).on_timeout).toBe("fail");
    expect(settled(rules({ on_timeout: "reject", require_comment: ["reject"] })).on_timeout).toBe("reject");
    expect(settled(rules({ on_timeout: "keep" })).on_timeout).toBe("keep");
  });
});

describe("what may be decided", () => {
  const allowedUnder = (file: object, more: Partial<AskedQuestion> = {}) => {
    const asked = question(more);
    return actionsUnder(settled(file, more), asked.flavour, asked.actions);
  };

  test("is narrowed by rules and never widened", () => {
    expect(allowedUnder(rules({ allowed: ["respond", "approve"] }))[0]?.allowed).toEqual(["approve"]);
    expect(allowedUnder(rules({ allowed: ["approve", "edit"] }, { allowed: ["edit", "reject"] }))[0]?.allowed).toEqual([
      "edit",
    ]);
    expect(allowedUnder(rules({ due: "1h" }))[0]?.allowed).toEqual(["approve", "edit", "reject"]);
  });

  test("is edited only where the graph and every rule let it be", () => {
    const actions = [{ ...question().actions[0]!, editable_paths: ["/amount", "/to"] }];
    expect(allowedUnder(rules({ editable_paths: ["/to/name", "/id"] }), { actions })[0]?.editable_paths).toEqual([
      "/to/name",
    ]);
    expect(allowedUnder(rules({ editable_paths: ["/amount"] }))[0]?.editable_paths).toEqual(["/amount"]);
    const none = allowedUnder(rules({ editable_paths: ["/id"] }), { actions })[0];
    expect(none).toMatchObject({ allowed: ["approve", "reject"], editable_paths: [] });
  });

  test("as a response alone is not held against the arguments' schema", () => {
    const args_schema = { type: "object" };
    const actions = [{ ...question().actions[0]!, allowed: ["edit" as const, "respond" as const], args_schema }];
    const [action] = allowedUnder(rules({ allowed: ["respond"] }), { actions });
    expect(action?.allowed).toEqual(["respond"]);
    expect(checkDecisions([{ action: 0, type: "respond", message: "by telephone" }], [action!])).toEqual([]);
    expect(allowedUnder(rules({ allowed: ["edit"] }), { actions })[0]?.args_schema).toEqual(args_schema);
  });

  test("is never nothing: such a policy is refused by the names of its rules", () => {
    const file = { rules: [{ name: "words only", match: { tool: "pay" }, set: { allowed: ["respond"] } }] };
    expect(() => settled(file)).toThrow(expect.objectContaining({ code: "policy_invalid" }));
    expect(() => settled(file)).toThrow(
      /rule 1 \(words only\) .* "pay" of node "ask" in graph "refund"; the graph offers approve, edit, reject/,
    );
  });

  test("of a plain question is yes and no where the file says what they mean", () => {
    const actions = [{ index: 0, name: "ask", args: "delete?", allowed: ["respond" as const] }];
    const plain = { flavour: "raw" as const, actions };
    expect(allowedUnder(rules({ answers: { approve: true, reject: false } }), plain)[0]).toMatchObject({
      allowed: ["approve", "reject", "respond"],
      preview: 'The node "ask" is given true. A rejection gives it false. Any other value you send is given as it is.',
    });
    expect(allowedUnder(rules({ answers: { approve: null } }), plain)[0]?.allowed).toEqual(["approve", "respond"]);
    const strict = allowedUnder(rules({ answers: { approve: "yes" }, allowed: ["approve"] }), plain)[0];
    expect(strict?.allowed).toEqual(["approve"]);
    // What has words of its own keeps them.
    expect(allowedUnder(rules({ answers: { approve: true } }))[0]?.allowed).toEqual(["approve", "edit", "reject"]);
  });

  test("of a question with a schema is only what the schema takes", () => {
    const args_schema = { type: "object", required: ["ok"] };
    const actions = [{ index: 0, name: "ask", args: "?", allowed: ["respond" as const], args_schema }];
    const [action] = allowedUnder(rules({ answers: { approve: { ok: true }, reject: "no" } }), {
      flavour: "schema",
      actions,
    });
    expect(action).toMatchObject({ allowed: ["approve", "respond"], response_schema: args_schema });
    expect(action?.args_schema).toBeUndefined();
    expect(allowedUnder(rules({ answers: { approve: 1 } }), { flavour: "schema", actions })[0]).toEqual(actions[0]);
  });
});

test("several actions are decided under the strictest of each", () => {
  const allowed = ["approve" as const, "reject" as const];
  const actions = [
    { index: 0, name: "mail", args: {}, allowed },
    { index: 1, name: "pay", args: {}, allowed },
    { index: 2, name: "log", args: {}, allowed },
  ];
  const set = (tool: string, terms: object) => ({ match: { tool }, set: terms });
  const policy = settled(
    {
      rules: [
        set("mail", {
          risk: "low",
          due: "1h",
          candidates: { groups: ["support"] },
          reminders: ["10m"],
          escalations: [],
          priority: 60,
          allowed: ["approve"],
        }),
        set("pay", {
          risk: "high",
          due: "4h",
          candidates: { groups: ["finance"] },
          require_comment: ["approve"],
          on_timeout: "reject",
          reject_options: [{ code: "a", title: "A" }],
        }),
      ],
    },
    { actions },
  );
  expect(policy).toMatchObject({
    risk: "high",
    priority: 60,
    due_after_seconds: HOUR,
    reminders: [600],
    escalations: [],
    on_timeout: "fail",
    require_comment: ["approve"],
    reject_options: [{ code: "a" }],
    candidates: { users: [], groups: ["finance"] },
    also_candidates: [{ users: [], groups: ["support"] }],
    limits: [{ action: 0, allowed: ["approve"], editable_paths: null }],
  });
});
