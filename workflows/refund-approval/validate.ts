import { CURRENCY, inWords, toAmount, toCents } from "./money.ts";
import { findCustomer, findInvoice, newestInvoice } from "./shop.ts";
import type { Analysis, Customer, Finding, Invoice, State, Update } from "./state.ts";

/** Up to this much, a request without any finding is paid without asking. */
export const SMALL_REFUND_CENTS = 500;

/** Below this, a person reads the message. */
export const CERTAIN = 0.8;

/** Checks the request against the shop's books. Whatever speaks against it is listed; nothing is thrown. */
export async function validate(state: State): Promise<Update> {
  const analysis = state.analysis!;
  const findings = findingsAboutReading(analysis);
  const customer = await findCustomer(state.email);
  if (customer === null) {
    findings.push(blocks("unknown_customer", `No customer has the e-mail address ${state.email.toWellFormed()}.`));
    return { findings };
  }
  const invoice = await invoiceMeant(analysis, customer, findings);
  if (invoice === null || invoice.customer_id !== customer.customer_id) return { customer, findings };
  const cents = amountMeant(analysis, invoice, findings);
  if (findings.some(({ weight }) => weight === "blocks")) return { customer, invoice, findings };
  const refund = {
    invoice_id: invoice.invoice_id,
    customer_id: customer.customer_id,
    amount: toAmount(cents),
    currency: CURRENCY,
    reason: analysis.reason,
  };
  return { customer, invoice, findings, refund };
}

/** Impossible is refused, small and certain is paid, everything else is a person's. */
export function routeAfterValidation(state: State): "refuse" | "execute" | "review" {
  if (state.refund === null) return "refuse";
  const small = (toCents(state.refund.amount) ?? Number.POSITIVE_INFINITY) <= SMALL_REFUND_CENTS;
  return small && state.findings.length === 0 ? "execute" : "review";
}

/** A rejected refund is not paid; the customer is told. */
export function routeAfterReview(state: State): "execute" | "finalize" {
  return state.decision?.type === "reject" ? "finalize" : "execute";
}

function findingsAboutReading(analysis: NonNullable<State["analysis"]>): Finding[] {
  const findings: Finding[] = [];
  if (analysis.model_failure !== null) {
    findings.push(
      asks(
        "model_failed",
        `The model could not be used: ${analysis.model_failure}. The message was read by fixed rules.`,
      ),
    );
  }
  if (!analysis.wants_refund) findings.push(asks("no_request", "The message does not clearly ask for a refund."));
  if (analysis.confidence < CERTAIN) {
    const percent = Math.round(analysis.confidence * 100);
    findings.push(
      asks("low_confidence", `The reading of the message is only ${percent} % sure; ${CERTAIN * 100} % are needed.`),
    );
  }
  return findings;
}

async function invoiceMeant(analysis: Analysis, customer: Customer, findings: Finding[]): Promise<Invoice | null> {
  if (analysis.invoice_id === null) {
    const newest = await newestInvoice(customer.customer_id);
    if (newest === null)
      findings.push(blocks("no_invoice", "The customer has no invoice of which anything could be refunded."));
    else
      findings.push(
        asks("invoice_guessed", `The message names no single invoice; ${newest.invoice_id} is the customer's newest.`),
      );
    return newest;
  }
  const invoice = await findInvoice(analysis.invoice_id);
  if (invoice === null) findings.push(blocks("unknown_invoice", `There is no invoice ${analysis.invoice_id}.`));
  else if (invoice.customer_id !== customer.customer_id) {
    findings.push(blocks("not_theirs", `Invoice ${invoice.invoice_id} is not this customer's.`));
  }
  return invoice;
}

/** The amount in cents, which is all that is left unless the customer names one. */
function amountMeant(analysis: Analysis, invoice: Invoice, findings: Finding[]): number {
  const left = invoice.total_cents - invoice.refunded_cents;
  const asked = analysis.amount === null ? left : (toCents(analysis.amount) ?? 0);
  if (left <= 0) findings.push(blocks("already_refunded", `Invoice ${invoice.invoice_id} has been refunded in full.`));
  else {
    if (invoice.refunded_cents > 0) {
      const text = `${inWords(invoice.refunded_cents)} of ${inWords(invoice.total_cents)} were refunded before.`;
      findings.push(asks("partly_refunded", text));
    }
    if (asked > left)
      findings.push(
        blocks(
          "too_much",
          `${inWords(asked)} are asked for; ${inWords(left)} are left of invoice ${invoice.invoice_id}.`,
        ),
      );
    if (asked <= 0) findings.push(blocks("no_amount", "The amount asked for is nothing."));
  }
  return asked;
}

function blocks(code: string, text: string): Finding {
  return { code, weight: "blocks", text };
}

function asks(code: string, text: string): Finding {
  return { code, weight: "asks", text };
}
