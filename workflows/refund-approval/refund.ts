import { z } from "zod";
import { describe } from "./describe.ts";
import { flow, refundSchema, type State } from "./flow.ts";
import { inWords, toAmount, toCents } from "./money.ts";
import { pay } from "./pay.ts";
import { isConnectionLost } from "./transaction.ts";

/** Proposes the refund, has a person approve it, change its amount within what is left, or reject it, and pays. */
export const refund = flow.reviewNode({
  into: "proposal",
  key: "refund",
  names: { review: "review", execute: "execute" },
  action: "chinook.refund",
  schema: refundSchema,
  bounds: (state) => refundSchema.extend({ amount: z.number().min(0.01).max(leftOf(state)).multipleOf(0.01) }),
  editable_paths: ["/amount"],
  risk: "medium",
  propose({ customer, invoice, refund, ...rest }) {
    if (customer === null || invoice === null || refund === null) return null;
    const amount = inWords(toCents(refund.amount) ?? 0);
    return {
      title: `Refund ${amount} to ${customer.name} (invoice ${invoice.invoice_id})`,
      description: describe({ customer, invoice, refund, ...rest }),
      preview: `${amount} of invoice ${invoice.invoice_id} are refunded to ${customer.name} <${customer.email}>, once.`,
      args: refund,
    };
  },
  execute: async (refund) => ({ refund, receipt: await pay(refund) }),
  // What is small and certain comes here straight from its validation.
  unasked: ({ refund }) => refund!,
  execution: { retry: { first_ms: 200, when: isConnectionLost } },
  on: { approve: "finalize", edit: "finalize", reject: "finalize" },
});

const leftOf = ({ invoice }: State) => toAmount(invoice!.total_cents - invoice!.refunded_cents);
