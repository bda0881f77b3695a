import { flow, type State } from "./flow.ts";
import { CURRENCY } from "./money.ts";

/** Writes the answer to the customer, whichever way it went. */
export const finalize = flow.node((state) => {
  const greeting = state.customer === null ? "Hello," : `Dear ${state.customer.name},`;
  const { outcome, text } = answerOf(state);
  return { outcome, answer: `${greeting}\n\n${text}\n\nYour Chinook music shop` };
});

function answerOf({ proposal, receipt, refund, findings }: State): { outcome: State["outcome"]; text: string } {
  const decision = proposal?.decision;
  if (decision?.type === "reject") {
    const why = decision.message === null ? "" : ` The reason: ${decision.message.toWellFormed()}`;
    return { outcome: "rejected", text: `we have looked at your request and cannot refund it.${why}` };
  }
  if (receipt?.status === "paid" && refund !== null) {
    const text = `we have refunded ${receipt.amount} ${CURRENCY} of invoice ${refund.invoice_id}. Reference: ${receipt.refund_id}.`;
    return { outcome: "paid", text };
  }
  return { outcome: "refused", text: `we cannot refund this. ${refusal(receipt, findings)}` };
}

// Whose invoice it is, and which addresses there are, is nobody else's business.
const UNTOLD = new Set(["unknown_customer", "unknown_invoice", "not_theirs"]);

function refusal(receipt: State["receipt"], findings: State["findings"]): string {
  if (findings.some(({ code }) => UNTOLD.has(code))) {
    return "We found no such invoice under your e-mail address. Please check both and write again.";
  }
  return receipt?.status === "refused" ? receipt.reason : "Please write to us again.";
}
