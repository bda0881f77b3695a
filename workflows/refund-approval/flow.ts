import { analysed, findingSchema, proposalOf, workflow } from "holdpoint";
import { z } from "zod";

const storable = z.string().refine((text) => !text.includes("\0"), "must not contain NUL characters");

/** What the message says, whoever read it: the same shape from the model and from the rules. */
export const requestSchema = z.object({
  wants_refund: z.boolean().describe("True when the customer asks for money back"),
  invoice_id: z
    .number()
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER)
    .nullable()
    .describe("The invoice the customer names, or null"),
  amount: z
    .string()
    .regex(/^\d{1,9}(\.\d{1,2})?$/)
    .nullable()
    .describe('The amount asked for as a decimal such as "3.96"; null for all of the invoice'),
  reason: z.string().describe("Why, in one short sentence"),
  confidence: z.number().min(0).max(1).describe("How sure you are of all of the above, from 0 to 1"),
});

const customerSchema = z.object({ customer_id: z.number(), name: z.string(), email: z.string() });
const invoiceSchema = z.object({
  invoice_id: z.number(),
  customer_id: z.number(),
  date: z.string(),
  total_cents: z.number().int(),
  refunded_cents: z.number().int(),
  lines: z.array(z.object({ track: z.string(), quantity: z.number().int(), unit_price: z.string() })),
});

/** The arguments of a refund: what a person sees, and what is paid. `amount` is a decimal with at most two places. */
export const refundSchema = z.object({
  invoice_id: z.number().int(),
  customer_id: z.number().int(),
  amount: z.number(),
  currency: z.string(),
  reason: z.string(),
});

/** How it ended. A refusal is an outcome like any other, not an error. */
const receiptSchema = z.discriminatedUnion("status", [
  z.object({ status: z.literal("paid"), refund_id: z.string(), amount: z.string(), left: z.string() }),
  z.object({ status: z.literal("refused"), reason: z.string() }),
]);

/** What a customer asks for. */
export type Request = z.infer<typeof requestSchema>;
/** A customer of the shop. */
export type Customer = z.infer<typeof customerSchema>;
/** An invoice with what was refunded of it so far. */
export type Invoice = z.infer<typeof invoiceSchema>;
/** The arguments of a refund. */
export type Refund = z.infer<typeof refundSchema>;
/** How it ended. */
export type Receipt = z.infer<typeof receiptSchema>;

/** What the workflow is given, what it comes to know, and how it is executed. */
export const flow = workflow({
  name: "refund-approval",
  description:
    "Reads a customer's message, checks the invoice, and refunds it: small and certain at once, else after a review.",
  version: "2.0.0",
  input: {
    email: storable.trim().min(3).max(320).meta({ description: "The customer's e-mail address" }),
    message: storable.trim().min(1).max(20_000).meta({ description: "What the customer wrote" }),
  },
  state: {
    analysis: analysed(requestSchema).nullable().default(null),
    customer: customerSchema.nullable().default(null),
    invoice: invoiceSchema.nullable().default(null),
    findings: z.array(findingSchema).default([]),
    refund: refundSchema.nullable().default(null),
    proposal: proposalOf(refundSchema),
    receipt: receiptSchema.nullable().default(null),
    outcome: z.enum(["paid", "refused", "rejected"]).nullable().default(null),
    answer: z.string().nullable().default(null),
  },
  // A thread may be used again: nothing of an earlier message counts for the next one.
  policies: { guarded: true, fresh: true },
  examples: [
    {
      name: "waits for a person",
      input: {
        email: "johngordon22@yahoo.com",
        message:
          "Hello, I was charged for invoice 5 but the whole album is damaged: every track stops after ten seconds. Please refund the full $13.86.",
      },
    },
    {
      name: "is paid at once",
      input: {
        email: "luisg@embraer.com.br",
        message: "Please refund invoice 121, I was charged twice for the same two songs.",
      },
    },
    {
      name: "is refused",
      input: { email: "ftremblay@gmail.com", message: "I want a refund for invoice 4711, the files are corrupt." },
    },
  ],
});

/** The state as a node reads it. */
export type State = typeof flow.State;
/** What a node may write. */
export type Update = typeof flow.Update;
