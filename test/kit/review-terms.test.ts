import { END, MemorySaver, START, StateGraph, StateSchema } from "@langchain/langgraph";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { type ReviewOptions, review } from "../../src/kit/review/review.ts";
import type { ReviewTerms, Span } from "../../src/kit/review/review-terms.ts";
import { digest } from "../../src/policy/digest.ts";
import { type ReviewValue, reviewValueSchema } from "../../src/protocol/interrupt.ts";

const payment = z.object({ amount: z.number() });
const State = new StateSchema({ amount: z.number() });
const config = { configurable: { thread_id: "a" } };

type Options = ReviewOptions<[typeof payment]>;

/** What a graph that asks so shows. */
async function shown(terms: ReviewTerms, more: object = {}): Promise<ReviewValue> {
  const action = { name: "pay", args: { amount: 5 }, schema: payment, ...more };
  const graph = new StateGraph(State)
    .addNode("ask", async () => {
      await review({ key: "payout", title: "Pay?", actions: [action], ...terms });
      return {};
    })
    .addEdge(START, "ask")
    .addEdge("ask", END)
    .compile({ checkpointer: new MemorySaver() });
  await graph.invoke({ amount: 5 }, config);
  const [task] = (await graph.getState(config)).tasks;
  return reviewValueSchema.parse(task?.interrupts[0]?.value);
}

describe("what review() says of its question", () => {
  test("is shown in seconds and part of what the answer is bound to", async () => {
    const value = await shown({
      risk: "high",
      priority: 80,
      evidence: [{ kind: "url", label: "invoice 7", ref: "https://example.com/7" }],
      candidates: { groups: ["finance"] },
      due: "4h",
      reminders: ["30m"],
      escalations: [{ after: "0s" }, { after: "1h", to: { users: ["user:ana"] } }],
      ends_after: "2h",
      on_timeout: "reject",
      require_comment: ["reject"],
      reject_options: [{ code: "no_receipt", title: "No receipt", message: "send the receipt" }],
      notify: { mail: ["finance@example.com"], webhooks: ["https://example.com/hook"] },
      max_revisions: 2,
    });
    expect(value.policy).toEqual({
      risk: "high",
      priority: 80,
      candidates: { users: [], groups: ["finance"] },
      due_after_seconds: 14_400,
      reminders: [1_800],
      escalations: [
        { after_seconds: 0, to: { users: [], groups: [] } },
        { after_seconds: 3_600, to: { users: ["user:ana"], groups: [] } },
      ],
      ends_after_seconds: 7_200,
      on_timeout: "reject",
      require_comment: ["reject"],
      reject_options: [{ code: "no_receipt", title: "No receipt", message: "send the receipt" }],
      notify: { mail: ["finance@example.com"], webhooks: ["https://example.com/hook"] },
      max_revisions: 2,
    });
    expect(value.evidence).toEqual([{ kind: "url", label: "invoice 7", ref: "https://example.com/7" }]);
    const { value_digest, ...rest } = value;
    expect(value_digest).toBe(digest(rest));
    expect((await shown({ due: "5h" })).value_digest).not.toBe((await shown({ due: "4h" })).value_digest);
  });

  test("said in seconds is the same, and what is not said leaves the value as it was before there were such terms", async () => {
    expect(await shown({ due_after_seconds: 14_400 })).toEqual(await shown({ due: "4h" }));
    const plain = await shown({});
    expect(Object.keys(plain).sort()).toEqual(["actions", "description", "holdpoint", "key", "title", "value_digest"]);
    expect(await shown({ due: undefined, risk: undefined })).toEqual(plain);
  });

  test("may quote what a model has left unfinished", async () => {
    const { evidence } = await shown({ evidence: [{ kind: "message", label: "cut \ud83d", ref: "m\udead" }] });
    expect(evidence).toEqual([{ kind: "message", label: "cut \ufffd", ref: "m\ufffd" }]);
  });

  const wrong: [string, Record<string, unknown>, RegExp][] = [
    ["a misspelt word", { candidate: { groups: ["a"] } }, /candidate/],
    ["a span without a unit", { due: "4" }, /due: expected a span .*"4h"/],
    ["a span that is a number", { due: 14_400 }, /due: expected a span/],
    ["no time at all", { due: "0s" }, /due: must be from 1s/],
    ["more time than there is", { due: "999999w" }, /due: must be from 1s to 10 years/],
    ["two due times", { due: "4h", due_after_seconds: 3 }, /due_after_seconds: say it once/],
    ["an unknown risk", { risk: "extreme" }, /risk: /],
    ["a priority that is none", { priority: 101 }, /priority: /],
    ["candidates that name nobody", { candidates: { groups: [] } }, /candidates: names nobody/],
    ["candidates that are a name", { candidates: "finance" }, /candidates: /],
    ["candidates of another kind", { candidates: { roles: ["x"] } }, /candidates: .*roles/],
    ["a name that is empty", { candidates: { users: [""] } }, /candidates: users: 0/],
    ["a name in two lines", { candidates: { users: ["a\nb"] } }, /candidates: users: 0: must be text in one line/],
    ["an escalation without a time", { escalations: [{ to: { users: ["a"] } }] }, /escalations: 0: after/],
    ["an escalation to nobody", { escalations: [{ after: "1h", to: {} }] }, /escalations: 0: to: names nobody/],
    ["an end that is none", { on_timeout: "pay" }, /on_timeout: /],
    ["an auto-approval of its own", { allow_auto_approve: true }, /allow_auto_approve/],
    ["a comment on what is no decision", { require_comment: ["ignore"] }, /require_comment: 0/],
    [
      "one reason twice",
      {
        reject_options: [
          { code: "a", title: "A" },
          { code: "a", title: "B" },
        ],
      },
      /reject_options: 1: code: "a" is used twice/,
    ],
    ["a webhook that is none", { notify: { webhooks: ["file:///etc/passwd"] } }, /notify: webhooks: 0/],
    ["a webhook with a password", { notify: { webhooks: ["https://u:p@h/"] } }, /notify: webhooks: 0/],
    ["a mail with a header in it", { notify: { mail: ["a@b\r\nBcc: c@d"] } }, /notify: mail: 0/],
    ["revisions without end", { max_revisions: 0 }, /max_revisions: /],
    ["evidence of no kind", { evidence: [{ kind: "rumour", label: "l", ref: "r" }] }, /evidence: 0: kind/],
  ];
  test.each(wrong)("%s is refused, and the error names the review", async (_name, terms, message) => {
    const asking = shown(terms as ReviewTerms);
    await expect(asking).rejects.toThrow(/^review "payout" cannot be asked: /);
    await expect(asking).rejects.toThrow(message);
  });

  test("what an action says is checked too", async () => {
    await expect(shown({}, { allow: ["approve"] })).rejects.toThrow(/review "payout" gives "pay" the setting "allow"/);
    await expect(shown({}, { editable_paths: ["amount"] })).rejects.toThrow(/review "payout" lets "amount" of "pay"/);
    await expect(shown({}, { allowed: [] })).rejects.toThrow(/review "payout" cannot be asked/);
    await expect(shown({}, { risk: "hgih" })).rejects.toThrow(/review "payout" cannot be asked/);
  });
});

test("the types say what may be said", () => {
  expectTypeOf<"4h">().toExtend<Span>();
  expectTypeOf<"4 hours">().not.toExtend<Span>();
  expectTypeOf<Options["due"]>().toEqualTypeOf<Span | undefined>();
  expectTypeOf<{ users: string[] }>().toExtend<NonNullable<Options["candidates"]>>();
  expectTypeOf<Options["on_timeout"]>().toEqualTypeOf<"fail" | "reject" | "approve" | "keep" | undefined>();
  expectTypeOf<"allow_auto_approve">().not.toExtend<keyof Options>();
  expectTypeOf<"answers">().not.toExtend<keyof Options>();
  const terms: ReviewTerms = { due: "4h", escalations: [{ after: "1h", to: { groups: ["leads"] } }] };
  // @ts-expect-error: who is told is not said in this word.
  const misspelt: ReviewTerms = { notice: { mail: [] } };
  // @ts-expect-error: a span needs its unit.
  const bare: ReviewTerms = { due: 4 };
  expect([terms, misspelt, bare]).toHaveLength(3);
});
