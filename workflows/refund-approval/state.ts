import { StateSchema } from "@langchain/langgraph";
import { z } from "zod";

const storable = z.string().refine((text) => !text.includes("\0"), "must not contain NUL characters");

// To be tried: one that waits for a person, one that is paid at once, one that is refused.
const EXAMPLES = [
  {
    email: "johngordon22@yahoo.com",
    message:
      "Hello, I was charged for invoice 5 but the whole album is damaged: every track stops after ten seconds. Please refund the full $13.86.",
  },
  { email: "luisg@embraer.com.br", message: "Please refund invoice 121, I was charged twice for the same two songs." },
  { email: "ftremblay@gmail.com", message: "I want a refund for invoice 4711, the files are corrupt." },
];

/** What a run is given: who wrote, and what. */
export const RefundInput = z.object({
  email: storable
    .trim()
    .min(3)
    .max(320)
    .meta({ description: "The customer's e-mail address", examples: EXAMPLES.map(({ email }) => email) }),
  message: storable
    .trim()
    .min(1)
    .max(20_000)
    .meta({ description: "What the customer wrote", examples: EXAMPLES.map(({ message }) => message) }),
});

/** What the message says, whoever read it: the same shape from the model and from the rules. */
export const analysisSchema = z.object({
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

/** What the message says. */
export type Analysis = z.infer<typeof analysisSchema>;

const findingSchema = z.object({
  code: z.string(),
  /** `blocks`: it cannot be paid; `asks`: a person must look. */
  weight: z.enum(["blocks", "asks"]),
  text: z.string(),
});

/** Something that speaks against paying at once. */
export type Finding = z.infer<typeof findingSchema>;

const customerSchema = z.object({ customer_id: z.number(), name: z.string(), email: z.string() });
const invoiceSchema = z.object({
  invoice_id: z.number(),
  customer_id: z.number(),
  date: z.string(),
  total_cents: z.number().int(),
  refunded_cents: z.number().int(),
  lines: z.array(z.object({ track: z.string(), quantity: z.number().int(), unit_price: z.string() })),
});

/** A customer of the shop. */
export type Customer = z.infer<typeof customerSchema>;

/** An invoice with what was refunded of it so far. */
export type Invoice = z.infer<typeof invoiceSchema>;

/** The arguments of a refund: what a person sees, and what is paid. `amount` is a decimal with at most two places. */
export const refundSchema = z.object({
  invoice_id: z.number().int(),
  customer_id: z.number().int(),
  amount: z.number(),
  currency: z.string(),
  reason: z.string(),
});

/** The arguments of a refund. */
export type Refund = z.infer<typeof refundSchema>;

/** How it ended. A refusal is an outcome like any other, not an error. */
export const receiptSchema = z.discriminatedUnion("status", [
  z.object({ status: z.literal("paid"), refund_id: z.string(), amount: z.string(), left: z.string() }),
  z.object({ status: z.literal("refused"), reason: z.string() }),
]);

/** How it ended. */
export type Receipt = z.infer<typeof receiptSchema>;

const nothing = null;

/** Everything the graph knows. `analyze` sets all of it anew, so that a thread can be used for a second message. */
export const RefundState = new StateSchema({
  email: z.string(),
  message: z.string(),
  analysis: analysisSchema
    .extend({ method: z.enum(["model", "rules"]), note: z.string(), model_failure: z.string().nullable() })
    .nullable()
    .default(nothing),
  customer: customerSchema.nullable().default(nothing),
  invoice: invoiceSchema.nullable().default(nothing),
  findings: z.array(findingSchema).default([]),
  refund: refundSchema.nullable().default(nothing),
  proposal: z.object({ title: z.string(), description: z.string(), preview: z.string() }).nullable().default(nothing),
  decision: z
    .object({ type: z.enum(["approve", "edit", "reject"]), message: z.string().nullable() })
    .nullable()
    .default(nothing),
  receipt: receiptSchema.nullable().default(nothing),
  outcome: z.enum(["paid", "refused", "rejected"]).nullable().default(nothing),
  answer: z.string().nullable().default(nothing),
});

/** The state as a node reads it. */
export type State = typeof RefundState.State;

/** What a node may write. */
export type Update = typeof RefundState.Update;
