import type { State } from "./flow.ts";
import { inWords, toCents } from "./money.ts";

const SHOWN_MESSAGE = 2_000;
const SHOWN_LINES = 50;

/** A case whose refund can be proposed. */
export type Proposable = {
  [Key in "customer" | "invoice" | "refund"]: NonNullable<State[Key]>;
} & Pick<State, "analysis" | "findings" | "message">;

/** What the reviewer reads, as Markdown. */
export function describe({ customer, invoice, refund, analysis, findings, message }: Proposable): string {
  const left = invoice.total_cents - invoice.refunded_cents;
  const lines = invoice.lines.slice(0, SHOWN_LINES);
  const more = invoice.lines.length - lines.length;
  return [
    `**Customer:** ${plain(customer.name)} (${plain(customer.email)}), number ${customer.customer_id}`,
    `**Invoice ${invoice.invoice_id}** of ${invoice.date}: ${inWords(invoice.total_cents)}, ` +
      `refunded so far ${inWords(invoice.refunded_cents)}, left ${inWords(left)}`,
    [
      ...lines.map((line) => `- ${line.quantity} × ${plain(line.track)}, ${line.unit_price}`),
      ...(more > 0 ? [`- and ${more} more`] : []),
    ].join("\n"),
    `**Proposed refund:** ${inWords(toCents(refund.amount) ?? 0)}`,
    `**Findings:**\n${findings.map(({ text }) => `- ${plain(text)}`).join("\n") || "- none; it is over the limit for paying without a person"}`,
    `**How the message was read:** ${plain(analysis?.note ?? "not at all")}`,
    `**Message:**\n${quoted(message)}`,
  ].join("\n\n");
}

// Text of customers and models: shown as it is, never as markup.
function plain(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\r\n\t]+/g, " ")
    .replaceAll(/[\\`*_{}[\]<>()#+!|~]/g, "\\$&");
}

function quoted(message: string): string {
  const shown = message.slice(0, SHOWN_MESSAGE).toWellFormed();
  const cut = message.length > SHOWN_MESSAGE ? `\n> (cut after ${SHOWN_MESSAGE} of ${message.length} characters)` : "";
  return (
    shown
      .split(/\r?\n/)
      .map((line) => `> ${plain(line)}`)
      .join("\n") + cut
  );
}
