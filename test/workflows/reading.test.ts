import { describe, expect, test } from "vitest";
import { requestSchema } from "../../workflows/refund-approval/flow.ts";
import { toAmount, toCents, toDecimal } from "../../workflows/refund-approval/money.ts";
import { readByRules } from "../../workflows/refund-approval/rules.ts";
import { fc } from "../support/properties.ts";

describe("money", () => {
  test("goes to cents and back without losing one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99_999_999_999 }), (cents) => {
        expect(toCents(toDecimal(cents))).toBe(cents);
        expect(toCents(toAmount(cents))).toBe(cents);
        expect(toCents(JSON.parse(JSON.stringify(toAmount(cents))) as number)).toBe(cents);
      }),
    );
  });

  test.each(["", "1.234", "-1", "1e3", "Infinity", "NaN", "0x10", " 1", "1,50", "1234567890", 1e21, 0.1 + 0.2, -0.01])(
    "is nothing for %j",
    (text) => {
      expect(toCents(text)).toBeUndefined();
    },
  );
});

describe("reading a message by rules", () => {
  test.each<[string, object]>([
    ["Please refund invoice 121.", { wants_refund: true, invoice_id: 121, amount: null, confidence: 0.95 }],
    [
      "I want my money back for order #98, $3.98",
      { wants_refund: true, invoice_id: 98, amount: "3.98", confidence: 0.95 },
    ],
    ["Refund 12,50 € of invoice no. 7", { invoice_id: 7, amount: "12.50", confidence: 0.95 }],
    ["Refund USD 1,234.56 of invoice 7", { invoice_id: 7, amount: "1234.56" }],
    ["refund invoice 7, I paid 5 dollars", { invoice_id: 7, amount: "5.00" }],
    ["Refund invoices: invoice 7 and invoice 8", { invoice_id: null, amount: null, confidence: 0.5 }],
    ["Refund $5 or $7 of invoice 8", { invoice_id: 8, amount: null, confidence: 0.65 }],
    ["Maybe refund invoice 8?", { invoice_id: 8, confidence: 0.65 }],
    ["Refund invoice 7, and again: invoice 7!", { invoice_id: 7, confidence: 0.95 }],
    ["I do not want a refund for invoice 7", { wants_refund: false, invoice_id: 7 }],
    ["Hello", { wants_refund: false, invoice_id: null, confidence: 0.05 }],
    ["Refund invoice 0", { invoice_id: null }],
    ["Refund invoice 1234567890123456", { invoice_id: null }],
  ])("%s", (message, expected) => {
    expect(readByRules(message)).toMatchObject(expected);
  });

  test("has the shape the model must have, whatever the message", () => {
    const words = fc.constantFrom(
      "refund",
      "invoice",
      "#",
      "7",
      "99999999999999999999",
      "$",
      "€",
      "1,000",
      "5.55",
      "maybe",
      "\ud83d",
      "\n",
      ".",
    );
    const message = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(words).map((parts) => parts.join(" ")),
    );
    fc.assert(
      fc.property(message, (text) => requestSchema.safeParse(readByRules(text)).success),
      { numRuns: 300 },
    );
  });

  test("takes no longer for a message made to be slow", () => {
    for (const part of ["no ", "1,111", "invoice ", "#", "$", "because "]) {
      expect(readByRules(part.repeat(20_000 / part.length)).confidence).toBeGreaterThan(0);
    }
  });
});
