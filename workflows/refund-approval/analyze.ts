import { flow, requestSchema } from "./flow.ts";
import { readByRules } from "./rules.ts";

/** What the customer wants, which invoice, why, and how sure that is: by the model, or by rules where there is none. */
export const analyze = flow.analysis({
  into: "analysis",
  schema: requestSchema,
  prompt: ({ message }) => ({
    system: `You read messages of customers of a music shop and say what they want. You do not decide anything.
Name an invoice only if the message does, an amount only if the message does, and be honest about how sure you are.`,
    user: message,
  }),
  without_model: ({ message }) => readByRules(message),
});
