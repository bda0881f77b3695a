import { review } from "holdpoint";
import { z } from "zod";
import { toAmount } from "./money.ts";
import { refundSchema, type State, type Update } from "./state.ts";

/** Waits for a person: approve, change the amount within what is left, or reject with a reason. */
export async function reviewRefund(state: State): Promise<Update> {
  const { invoice, refund, proposal } = state;
  if (invoice === null || refund === null || proposal === null)
    throw new Error("review was reached without a proposal");
  const left = toAmount(invoice.total_cents - invoice.refunded_cents);
  const [decision] = await review({
    key: "refund",
    title: proposal.title,
    description: proposal.description,
    actions: [
      {
        name: "chinook.refund",
        args: refund,
        schema: refundSchema.extend({ amount: z.number().min(0.01).max(left).multipleOf(0.01) }),
        allowed: ["approve", "edit", "reject"],
        editable_paths: ["/amount"],
        risk: "medium",
        preview: proposal.preview,
      },
    ],
  });
  switch (decision.type) {
    case "approve":
    case "edit":
      return { decision: { type: decision.type, message: null }, refund: decision.args };
    default:
      return { decision: { type: "reject", message: decision.message ?? null } };
  }
}
