import type { Request } from "./flow.ts";
import { toCents, toDecimal } from "./money.ts";

const WANTS =
  /\brefund(?:ed|s)?\b|\bmoney back\b|\breimburs|\b(?:charged|billed|paid) (?:me )?twice\b|\bdouble[- ]charged\b/i;
const WANTS_NOT = /\b(?:no|not|don'?t|do not|without)\b[^.!?]{0,30}\brefund/i;
const INVOICE =
  /(?:\b(?:invoice|order|bill|receipt)\s*(?:no\.?|nr\.?|number|id)?\s*[:#]?\s*#?|#)(\d{1,15})(?![\d.,]*\d)/gi;
const NUMBER = String.raw`(\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|\d{1,9}(?:[.,]\d{1,2})?)`;
const AMOUNT = new RegExp(
  String.raw`(?:[$€£]|\b(?:usd|eur)\b)\s*${NUMBER}|${NUMBER}\s*(?:[$€£]|\b(?:usd|eur|dollars?|euros?)\b)`,
  "gi",
);
const HEDGES = /\b(?:maybe|perhaps|possibly|probably|might|not sure|unsure|i think|i guess|some of|one of|or so)\b/i;

/**
 * Reads a message without a model: deterministic, and modest about what it did not understand. Confidence is counted
 * in whole percent and falls with every thing that could be meant differently.
 */
export function readByRules(message: string): Request {
  const invoices = distinct([...message.matchAll(INVOICE)].map((match) => Number(match[1])).filter((id) => id > 0));
  const amounts = distinct([...message.matchAll(AMOUNT)].map((match) => normalised(match[1] ?? match[2] ?? "")));
  const wants_refund = WANTS.test(message) && !WANTS_NOT.test(message);
  let percent = 95;
  if (!wants_refund) percent -= 60;
  if (invoices.length !== 1) percent -= 45;
  if (amounts.length > 1) percent -= 30;
  if (HEDGES.test(message)) percent -= 30;
  return {
    wants_refund,
    invoice_id: invoices.length === 1 ? invoices[0]! : null,
    amount: amounts.length === 1 ? amounts[0]! : null,
    reason: reasonOf(message),
    confidence: Math.max(5, percent) / 100,
  };
}

// "1,234.56" and "1,234" have a comma between thousands, "12,50" one before the cents.
function normalised(text: string): string {
  const plain = /^\d{1,3}(,\d{3})+/.test(text) ? text.replaceAll(",", "") : text.replace(",", ".");
  const cents = toCents(plain);
  return cents === undefined ? plain : toDecimal(cents);
}

const GIVES_REASON = /\b(?:because|since|as it|broken|twice|wrong|mistake|never|damaged|corrupt)\b/i;

// Cut into sentences first: one expression for "the sentence with such a word" takes seconds for a long message.
function reasonOf(message: string): string {
  const sentences = message.split(/[.!?\n]+/);
  const reason =
    sentences.find((sentence) => GIVES_REASON.test(sentence)) ?? sentences.find((text) => text.trim() !== "");
  return (reason ?? "").trim().slice(0, 300).toWellFormed();
}

function distinct<Value>(values: readonly Value[]): Value[] {
  return [...new Set(values)];
}
