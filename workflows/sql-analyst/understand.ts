import { analysis } from "holdpoint";
import type { State } from "./flow.ts";
import { recognise } from "./known-questions.ts";
import { SCHEMA_TEXT } from "./shop.ts";
import { planSchema } from "./state.ts";

const SYSTEM = `You plan how to answer a question about a music shop by reading its database. These are its tables:
${SCHEMA_TEXT}
Say which tables are needed, what to read, and what to compute of it. You do not answer the question.
What these tables cannot tell is not answerable. Be honest about how sure you are of what is asked for.`;

/** Says what is asked for, and which tables can tell. */
export const understand = analysis({
  into: "plan",
  schema: planSchema,
  prompt: ({ question }: State) => ({ system: SYSTEM, user: question }),
  without_model: ({ question }) => {
    const found = recognise(question);
    if (found === undefined) return { answerable: false, tables: [], steps: "", confidence: 0 };
    return { answerable: true, tables: [...found.known.tables], steps: found.query.purpose, confidence: 1 };
  },
});
