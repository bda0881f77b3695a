import { expect, it } from "vitest";
import { comparePages } from "../../console/src/inbox/compare-pages.ts";
import { readSearch } from "../../console/src/inbox/filters.ts";
import { changesBetween, editedArgs, fieldsOf } from "../../console/src/review/args-model.ts";
import { emptyDraft, needsConfirmation, outcomeOf } from "../../console/src/review/decision.ts";
import { formatBytes, formatDue, formatRoughSpan, formatSpan } from "../../console/src/ui/format.ts";
import { isSafeAddress, markdownBlocks } from "../../console/src/ui/markdown-blocks.ts";
import { hasHiddenCharacters, visibleLine, visibleParts } from "../../console/src/ui/visible-text.ts";
import { wordDiff } from "../../console/src/ui/word-diff.ts";
import { visibleLine as visibleInTheTerminal } from "../../src/policy/visible-text.ts";
import type { ReviewAction } from "../../src/protocol/interrupt.ts";
import type { Json } from "../../src/protocol/json.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { DEFAULT_REVIEW_POLICY } from "../../src/protocol/review-policy.ts";

it("escapes what the command line escapes, character for character", () => {
  for (let code = 0; code <= 0x10ffff; code += 1) {
    const text = `a${String.fromCodePoint(code)}b`;
    if (text !== "a\r\nb" && visibleLine(text) !== visibleInTheTerminal(text)) {
      expect(visibleLine(text), code.toString(16)).toBe(visibleInTheTerminal(text));
    }
  }
});

it("keeps lines where lines are shown, marks what is escaped, and loses nothing", () => {
  expect(visibleParts("a\tb\r\nc\u202e\u202dd", true)).toEqual([
    { text: "a\tb\nc", escaped: false },
    { text: "\\u202e\\u202d", escaped: true },
    { text: "d", escaped: false },
  ]);
  // Whoever has looked before leaves nothing behind that the next look begins at.
  expect(hasHiddenCharacters("a long text with something in it\u202e")).toBe(true);
  expect(visibleParts("\u202ea", true)[0]).toEqual({ text: "\\u202e", escaped: true });
  expect([hasHiddenCharacters("two\nlines\tand ❤️"), hasHiddenCharacters("a\u200bb")]).toEqual([false, true]);
});

it("compares texts word by word, numbers whole, and gives both back", () => {
  expect(wordDiff("pay 13.86 USD now", "pay 10 USD")).toEqual([
    { text: "pay ", kind: "same" },
    { text: "13.86", kind: "removed" },
    { text: "10", kind: "added" },
    { text: " USD", kind: "same" },
    { text: " now", kind: "removed" },
  ]);
  for (const [before, after] of [
    ["", "a"],
    ["a b", ""],
    ["x ".repeat(5_000), "y ".repeat(5_000)],
  ] as const) {
    const pieces = wordDiff(before, after);
    const side = (gone: string) =>
      pieces
        .filter(({ kind }) => kind !== gone)
        .map(({ text }) => text)
        .join("");
    expect([side("added"), side("removed")]).toEqual([before, after]);
  }
});

it("reads of Markdown what is on the list, and of links what leads to the web", () => {
  const blocks = markdownBlocks(
    "# Head\n\none **two** `three`\nfour\n\n- a\n- b\n\n> said\n\n```\n<b>code</b>\n```\n---",
  );
  expect(blocks.map(({ kind }) => kind)).toEqual(["heading", "paragraph", "list", "quote", "code", "rule"]);
  const [link] = markdownBlocks("[a](https://x.example/y) [b](javascript:alert(1)) ![c](https://x.example/z.png)");
  expect(link).toEqual({
    kind: "paragraph",
    spans: [
      { kind: "link", text: "a", url: "https://x.example/y" },
      { kind: "text", text: " [b](javascript:alert(1)) " },
      { kind: "image", text: "c", url: "https://x.example/z.png" },
    ],
  });
  const [escaped] = markdownBlocks("\\*not\\* OPENAI\\_API\\_KEY");
  expect(escaped).toMatchObject({ kind: "paragraph" });
  expect((escaped as { spans: { text: string }[] }).spans.map(({ text }) => text).join("")).toBe(
    "*not* OPENAI_API_KEY",
  );
  expect(["https://a.b", "mailto:a@b.c", "http://x"].every(isSafeAddress)).toBe(true);
  expect(
    ["javascript:1", "data:text/html,x", "//x.y", "/reviews", "file:///etc", "vbscript:x"].some(isSafeAddress),
  ).toBe(false);
});

it("takes time in proportion to a text, however hostile", () => {
  for (const part of ["[", "**a", "`", "![](", "> ", "- ", "[a](b", "_ _", "<", "a ".repeat(50)]) {
    expect(markdownBlocks(part.repeat(20_000)).length).toBeGreaterThan(0);
    expect(wordDiff(part.repeat(5_000), part.repeat(5_001)).length).toBeGreaterThan(0);
  }
});

const action = (args: Json, more: Partial<ReviewAction> = {}): ReviewAction => ({
  index: 0,
  name: "pay",
  args,
  allowed: ["approve", "edit", "reject"],
  ...more,
});

it("makes fields of a schema, nested ones too, and leaves what may not be changed as it is", () => {
  const schema = {
    type: "object",
    required: ["amount"],
    properties: {
      amount: { type: "number", maximum: 10 },
      mode: { enum: ["fast", "slow"] },
      to: { type: "object", properties: { name: { type: "string" }, "a/b": { type: "boolean" } } },
      note: { type: "string" },
    },
  };
  const pay = action(
    { amount: 5, mode: "fast", to: { name: "Ana", "a/b": true }, list: [1] },
    { args_schema: schema, editable_paths: ["/amount", "/to"] },
  );
  expect(fieldsOf(pay.args, pay).map(({ pointer, kind, isEditable }) => [pointer, kind, isEditable])).toEqual([
    ["/amount", "number", true],
    ["/mode", "choice", false],
    ["/to/name", "text", true],
    ["/to/a~1b", "boolean", true],
    ["/list", "json", false],
  ]);
  const edited = editedArgs(pay.args, { texts: { "/amount": "7.50", "/to/a~1b": "false" } }, pay);
  expect(edited).toEqual({
    args: { amount: 7.5, mode: "fast", to: { name: "Ana", "a/b": false }, list: [1] },
    errors: {},
  });
  expect(changesBetween(pay.args, edited.args).map(({ pointer }) => pointer)).toEqual(["/amount", "/to/a~1b"]);
  const wrong = editedArgs(pay.args, { texts: { "/amount": "12,5" } }, pay);
  expect(Object.keys(wrong.errors)).toEqual(["/amount"]);
  expect(editedArgs(pay.args, { texts: { "/amount": "11" } }, pay).errors).toEqual({ "/amount": "must be at most 10" });
  expect(editedArgs(pay.args, { texts: {}, raw: "{" }, pay).errors[""]).toMatch(/is no JSON/);
});

it("changes a field called __proto__ like any other", () => {
  const odd = action(JSON.parse('{"__proto__": {"a": "1"}, "constructor": "c"}') as Json);
  const { args } = editedArgs(odd.args, { texts: { "/__proto__/a": "2" } }, odd);
  expect(JSON.stringify(args)).toBe('{"__proto__":{"a":"2"},"constructor":"c"}');
  expect(({} as { a?: string }).a).toBeUndefined();
});

const review = (more: Partial<ReviewTask>): ReviewTask =>
  ({
    actions: [action({ amount: 5 })],
    flavour: "review",
    policy: DEFAULT_REVIEW_POLICY,
    request_digest: "sha256:d",
    risk: null,
    ...more,
  }) as ReviewTask;

it("sends nothing that is not whole: every action decided, changes made, reasons given", () => {
  const two = review({
    actions: [action({ a: 1 }), { ...action({ b: 2 }), index: 1, allowed: ["approve", "respond"] }],
  });
  expect(outcomeOf(two, emptyDraft).missing).toEqual(["decide action 1", "decide action 2"]);
  const said = { args: { texts: {} }, message: "" };
  const half = {
    ...emptyDraft,
    actions: { 0: { ...said, type: "edit" as const }, 1: { ...said, type: "respond" as const } },
  };
  expect(outcomeOf(two, half).missing).toEqual([
    "change something, or approve (action 1)",
    "write the answer (action 2)",
  ]);
  const whole = {
    ...emptyDraft,
    actions: {
      0: { ...said, type: "edit" as const, args: { texts: { "/a": "3" } } },
      1: { ...said, type: "respond" as const, message: "ok" },
    },
    comment: "c",
  };
  expect(outcomeOf(two, whole).body).toEqual({
    decisions: [
      { action: 0, type: "edit", args: { a: 3 } },
      { action: 1, type: "respond", message: "ok" },
    ],
    comment: "c",
    seen_digest: "sha256:d",
  });
  const strict = review({ policy: { ...DEFAULT_REVIEW_POLICY, require_comment: ["approve"] } });
  expect(outcomeOf(strict, emptyDraft, "approve").body).toBeNull();
});

it("asks once more before approving what is of high risk or too long to be seen, never before a rejection", () => {
  const long = review({ actions: [action({ text: "x".repeat(5_000) })] });
  expect(needsConfirmation(long, [{ type: "approve" }])).toBe(true);
  expect(needsConfirmation(review({ risk: "high" }), [{ type: "approve" }])).toBe(true);
  expect(needsConfirmation(review({ risk: "high" }), [{ type: "reject" }])).toBe(false);
  expect(needsConfirmation(review({ risk: "low" }), [{ type: "approve" }])).toBe(false);
});

it("reads a search, and says what it cannot read", () => {
  expect(readSearch("graph:refunds risk:high due:<4h late  invoice", 0)).toEqual({
    query: { graph_id: "refunds", risk: "high", due_before: "1970-01-01T04:00:00.000Z", q: "late invoice" },
    faults: [],
  });
  expect(readSearch("risk:huge due:soon http://x", 0)).toMatchObject({
    query: { q: "http://x" },
    faults: [/risk/, /due/].map(() => expect.any(String)),
  });
});

it("says spans and sizes as people do", () => {
  const spans = [900, 61_000, 3_660_000, 90_000_000, 40 * 86_400_000].map(formatSpan);
  expect(spans).toEqual(["0 s", "1 min", "1 h 1 min", "1 d 1 h", "40 d"]);
  expect([formatDue("1970-01-01T01:00:00Z", 0), formatDue("1970-01-01T00:00:00Z", 120_000)]).toEqual([
    "due in 1 h",
    "overdue by 2 min",
  ]);
  expect([59_000, 3_660_000, 90_000_000].map(formatRoughSpan)).toEqual(["59 s", "1 h", "1 d"]);
  expect([999, 12_000, 5_242_880].map(formatBytes)).toEqual(["999 B", "12 kB", "5.2 MB"]);
});

it("takes for gone, and for new, only what has not slid over the end of a page", () => {
  const page = (ids: string, left: boolean) => ({ ids: [...ids], left });
  const compare = (shown: [string, boolean], now: [string, boolean]) => {
    const { gone, fresh } = comparePages(page(...shown), page(...now));
    return { gone: [...gone].join(""), fresh };
  };
  expect(compare(["abcd", false], ["abcd", false])).toEqual({ gone: "", fresh: 0 });
  expect(compare(["abcd", false], ["xacd", false])).toEqual({ gone: "b", fresh: 1 });
  // Two came in on top, and the last two of the page are on the next one now.
  expect(compare(["abcd", true], ["xyab", true])).toEqual({ gone: "", fresh: 2 });
  // Somebody decided b, and e came up from the next page.
  expect(compare(["abcd", true], ["acde", true])).toEqual({ gone: "b", fresh: 0 });
  // A whole page of new ones says nothing of the old.
  expect(compare(["ab", true], ["xy", true])).toEqual({ gone: "", fresh: 2 });
  // What is behind the last row both have is gone where there is no next page.
  expect(compare(["abcd", true], ["ab", false])).toEqual({ gone: "cd", fresh: 0 });
});
