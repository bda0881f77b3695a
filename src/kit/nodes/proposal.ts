import { z } from "zod";
import type { ReviewTerms } from "../review/review-terms.ts";

/** What a person is to decide about: kept in the state, so that what is shown stays what it was. */
export interface Proposal<Args> {
  title: string;
  /** Markdown. It may hold text of customers and models: screens treat it as hostile. */
  description?: string | undefined;
  /** One sentence: what will happen if this is approved. */
  preview?: string | undefined;
  args: Args;
  /** Terms of this case alone, over those of the node. */
  terms?: ReviewTerms | undefined;
}

/** What a person decided about it. `args` are the ones that are executed: as shown, or as edited. */
export type Decided<Args> =
  | { type: "approve" | "edit"; args: Args }
  | { type: "reject"; message: string | null }
  | { type: "respond"; message: string | null; value: unknown };

/** A proposal in the state, what was decided about it, and whether that was done. */
export interface Proposed<Args> extends Proposal<Args> {
  decision: Decided<Args> | null;
  executed: boolean;
}

/** The schema of a state key that holds a proposal with such arguments: `state: { refund: proposalOf(refundSchema) }`. */
export function proposalOf<Schema extends z.ZodType>(args: Schema) {
  const decided = z.discriminatedUnion("type", [
    z.object({ type: z.enum(["approve", "edit"]), args }),
    z.object({ type: z.literal("reject"), message: z.string().nullable() }),
    z.object({ type: z.literal("respond"), message: z.string().nullable(), value: z.unknown() }),
  ]);
  const proposed = z.object({
    title: z.string(),
    description: z.string().optional(),
    preview: z.string().optional(),
    args,
    terms: z.custom<ReviewTerms>((terms) => typeof terms === "object").optional(),
    decision: decided.nullable(),
    executed: z.boolean(),
  });
  return proposed.nullable().default(null);
}
