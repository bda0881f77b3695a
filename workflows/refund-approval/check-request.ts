import type { Finding } from "holdpoint";
import type { Customer, Invoice, Refund, Request, State } from "./flow.ts";
import { CURRENCY, inWords, toAmount, toCents } from "./money.ts";
import { findCustomer, findInvoice, newestInvoice } from "./shop.ts";

/** Below this, a person reads the message. */
const CERTAIN = 0.8;

const LONGEST_REASON = 500;

/** What the shop's books say of a request. Without a refund it is impossible, and the findings say why. */
interface Case {
  findings: Finding[];
  customer?: Customer;
  invoice?: Invoice;
  refund?: Refund;
}

/** Checks a request against the shop's books. Whatever speaks against it is listed; nothing is thrown. */
export async function checkedRequest({ email, analysis }: State): Promise<Case> {
  if (analysis === null) throw new Error("validate was reached without an analysis");
  const request = analysis.value;
  const findings = findingsAboutReading(analysis);
  const customer = await findCustomer(email);
  if (customer === null) {
    findings.push(blocks("unknown_customer", `No customer has the e-mail address ${email.toWellFormed()}.`));
    return { findings };
  }
  const invoice = await invoiceMeant(request, customer, findings);
  if (invoice === null || invoice.customer_id !== customer.customer_id) return { customer, findings };
  const cents = amountMeant(request, invoice, findings);
  if (findings.some(isBlocking)) return { customer, invoice, findings };
  const refund = {
    invoice_id: invoice.invoice_id,
    customer_id: customer.customer_id,
    amount: toAmount(cents),
    currency: CURRENCY,
    reason: request.reason.slice(0, LONGEST_REASON).toWellFormed(),
  };
  return { customer, invoice, findings, refund };
}

/** True for what makes a refund impossible; all other findings are for a person to weigh. */
export const isBlocking = ({ severity }: Finding) => severity === "critical";

const blocks = (code: string, text: string): Finding => ({ code, severity: "critical", score: 1, text });
const asks = (code: string, text: string): Finding => ({ code, severity: "medium", score: 0.5, text });

function findingsAboutReading({ value, confidence, failure }: NonNullable<State["analysis"]>): Finding[] {
  const findings: Finding[] = [];
  if (failure !== null) {
    const text = `The model could not be used: ${failure.message}. The message was read by fixed rules.`;
    findings.push(asks("model_failed", text));
  }
  if (!value.wants_refund) findings.push(asks("no_request", "The message does not clearly ask for a refund."));
  if (confidence < CERTAIN) {
    const percent = Math.round(confidence * 100);
    const text = `The reading of the message is only ${percent} % sure; ${CERTAIN * 100} % are needed.`;
    findings.push(asks("low_confidence", text));
  }
  return findings;
}

async function invoiceMeant(request: Request, customer: Customer, findings: Finding[]): Promise<Invoice | null> {
  if (request.invoice_id === null) {
    const newest = await newestInvoice(customer.customer_id);
    findings.push(
      newest === null
        ? blocks("no_invoice", "The customer has no invoice of which anything could be refunded.")
        : asks(
            "invoice_guessed",
            `The message names no single invoice; ${newest.invoice_id} is the customer's newest.`,
          ),
    );
    return newest;
  }
  const invoice = await findInvoice(request.invoice_id);
  if (invoice === null) findings.push(blocks("unknown_invoice", `There is no invoice ${request.invoice_id}.`));
  else if (invoice.customer_id !== customer.customer_id) {
    findings.push(blocks("not_theirs", `Invoice ${invoice.invoice_id} is not this customer's.`));
  }
  return invoice;
}

/** The amount in cents, which is all that is left unless the customer names one. */
function amountMeant(request: Request, invoice: Invoice, findings: Finding[]): number {
  const left = invoice.total_cents - invoice.refunded_cents;
  const asked = request.amount === null ? left : (toCents(request.amount) ?? 0);
  if (left <= 0) {
    findings.push(blocks("already_refunded", `Invoice ${invoice.invoice_id} has been refunded in full.`));
    return asked;
  }
  if (invoice.refunded_cents > 0) {
    const text = `${inWords(invoice.refunded_cents)} of ${inWords(invoice.total_cents)} were refunded before.`;
    findings.push(asks("partly_refunded", text));
  }
  if (asked > left) {
    const text = `${inWords(asked)} are asked for; ${inWords(left)} are left of invoice ${invoice.invoice_id}.`;
    findings.push(blocks("too_much", text));
  }
  if (asked <= 0) findings.push(blocks("no_amount", "The amount asked for is nothing."));
  return asked;
}
