import type { FlavourForm } from "./form.ts";
import { plainQuestion, raw } from "./raw.ts";

/** `interrupt(value, { responseSchema })`: any JSON that matches the schema. */
export const schema: FlavourForm = {
  ...raw,
  question: (pause) => (pause.response_schema === null ? undefined : plainQuestion(pause)),
};
