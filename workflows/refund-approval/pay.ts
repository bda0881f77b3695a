import { effect } from "holdpoint";
import type { Receipt, Refund } from "./flow.ts";
import { inWords, toCents, toDecimal } from "./money.ts";
import { inTransaction } from "./transaction.ts";

/** Pays. The refund is an effect: recorded before, done once, and its receipt is what a repeated node gets. */
export async function pay(refund: Refund): Promise<Receipt> {
  return await effect({
    name: "chinook.refund",
    kind: "idempotent",
    args: refund,
    run: ({ effect_id, signal, args }) => payRefund(effect_id, args, signal),
  });
}

// What was true when it was validated, or approved days ago, is checked again under the invoice's lock: of two approved
// refunds of one invoice, the second finds what the first has left.
async function payRefund(effect_id: string, refund: Refund, signal: AbortSignal): Promise<Receipt> {
  signal.throwIfAborted();
  const cents = toCents(refund.amount);
  if (cents === undefined || cents <= 0)
    return { status: "refused", reason: `${refund.amount} is not an amount of money.` };
  return inTransaction(async (client) => {
    const invoice = await client.query<{ customer_id: number; total_cents: number }>(
      "select customer_id, (total * 100)::int as total_cents from chinook.invoice where invoice_id = $1 for update",
      [refund.invoice_id],
    );
    // After the lock, a statement of its own: only then does it see what the holder before us committed.
    const books = await client.query<{ refunded_cents: number; ours: string | null }>(
      `select (coalesce(sum(amount), 0) * 100)::int as refunded_cents, (max(amount) filter (where effect_id = $2))::text as ours
       from chinook.refund where invoice_id = $1`,
      [refund.invoice_id, effect_id],
    );
    const { refunded_cents, ours } = books.rows[0]!;
    const found = invoice.rows[0];
    if (found === undefined || found.customer_id !== refund.customer_id) {
      return { status: "refused", reason: `Invoice ${refund.invoice_id} is not this customer's.` };
    }
    const left = found.total_cents - refunded_cents;
    if (ours !== null) return { status: "paid", refund_id: effect_id, amount: ours, left: toDecimal(left) };
    if (cents > left) {
      const reason = `${inWords(left)} are left of invoice ${refund.invoice_id}; ${inWords(cents)} were to be refunded.`;
      return { status: "refused", reason };
    }
    await client.query(
      "insert into chinook.refund (effect_id, invoice_id, amount, reason) values ($1, $2, $3::numeric, $4)",
      [effect_id, refund.invoice_id, toDecimal(cents), refund.reason],
    );
    return { status: "paid", refund_id: effect_id, amount: toDecimal(cents), left: toDecimal(left - cents) };
  });
}
