import { expect, test } from "vitest";
import { isMailAddress, parseMailbox, parseMailServer } from "../../src/policy/mail-address.ts";
import type { ReviewNotice } from "../../src/policy/review/notice.ts";
import { reviewMailText } from "../../src/policy/review/notice-mail.ts";
import { fc } from "../support/properties.ts";

test("an address is one that no command and no header can be ended with", () => {
  for (const good of ["a@b", "ana.ruiz+refunds@mail.example.com", "o'brien@example.com", "x@xn--bcher-kva.example"])
    expect([good, isMailAddress(good)]).toEqual([good, true]);
  const part = fc.string({ unit: "grapheme", maxLength: 5 });
  fc.assert(
    fc.property(
      part,
      fc.constantFrom("\r", "\n", "\0", " ", "<", ">", ",", ";", '"', "\u202e", "@", "ä"),
      part,
      (before, bad, after) => {
        for (const text of [`a${before}${bad}${after}@b.c`, `a@b${before}${bad}${after}.c`])
          expect(isMailAddress(text)).toBe(false);
      },
    ),
    { numRuns: 500 },
  );
  for (const bad of [
    "",
    "a",
    "@b",
    "a@",
    "a..b@c",
    ".a@b",
    "a@-b",
    "a@b..c",
    `${"a".repeat(65)}@b`,
    `a@${"b".repeat(300)}`,
  ])
    expect([bad, isMailAddress(bad)]).toEqual([bad, false]);
});

test("who mails are from has a name or none", () => {
  expect(parseMailbox("Ana Ruiz <ana@example.com>")).toEqual({ name: "Ana Ruiz", address: "ana@example.com" });
  expect(parseMailbox("ana@example.com")).toEqual({ name: "", address: "ana@example.com" });
  expect(parseMailbox("Ana\r\nBcc: eve@example.com <ana@example.com>")).toBeUndefined();
});

test.each([
  ["smtp://mail.example.com", { port: 587, isEncrypted: false, needsTls: false, user: null, password: null }],
  ["smtp://mail.example.com?tls=required", { needsTls: true }],
  ["smtp://ana:se%40same@mail.example.com:2525", { port: 2525, needsTls: true, user: "ana", password: "se@same" }],
  ["smtp://ana:sesame@127.0.0.1:25", { host: "127.0.0.1", needsTls: false }],
  ["smtp://ana:sesame@localhost", { needsTls: false }],
  ["smtp://ana:sesame@127.0.0.1.example.com", { needsTls: true }],
  ["smtps://ana:sesame@mail.example.com", { port: 465, isEncrypted: true }],
  ["smtp://[::1]:25", { host: "::1" }],
])("%s is a server that a password travels to encrypted only", (text, expected) => {
  expect(parseMailServer(text)).toMatchObject(expected);
});

test("whatever a graph says, a mail has one subject in one line and one link, which is ours", () => {
  const words = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("https://evil.example/x", "http://a\r\nBcc: b@c", "www.evil.example", "mailto:e@e"),
  );
  const texts = fc.array(words, { maxLength: 6 }).map((some) => some.join(" "));
  const notice = fc.record({
    event: fc.constantFrom("review.opened", "review.failed", "review.unheard_of"),
    title: texts,
    effects: fc.array(texts, { maxLength: 5 }),
    more_effects: fc.nat(),
    due_at: fc.constantFrom(null, "2026-01-01T12:00:00.000Z"),
    assignee: fc.option(texts),
    risk: fc.constantFrom(null, "high" as const),
    reason: fc.option(texts),
    requested_by: texts,
    graph_id: texts,
    node: texts,
    review_id: fc.constant("00000000-0000-4000-8000-000000000001"),
  });
  fc.assert(
    fc.property(notice, (facts) => {
      const { subject, text } = reviewMailText(facts as unknown as ReviewNotice, "https://holdpoint.example.com");
      expect(subject).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2028\u2029]/);
      expect(subject.isWellFormed() && text.isWellFormed()).toBe(true);
      expect(text.match(/[a-z]+:\/\/\S*|www\.|mailto:/gi)).toEqual([
        "https://holdpoint.example.com/reviews/00000000-0000-4000-8000-000000000001",
      ]);
    }),
  );
});
