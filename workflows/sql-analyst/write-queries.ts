import { analysis } from "holdpoint";
import type { State } from "./flow.ts";
import { recognise } from "./known-questions.ts";
import { SCHEMA_TEXT } from "./shop.ts";
import { draftSchema, type Query } from "./state.ts";

const SYSTEM = `You write PostgreSQL that answers a question about a music shop. These are its tables, all there is:
${SCHEMA_TEXT}
Write one to three selects. Name tables with their schema and columns with their table's alias. Name the columns you need,
never "*". Give each result column a short name of its own. Values of the question are parameters with a cast, such as
$1::date, and stand in params as text. Sort, and limit to what is asked for. Leave ratios, shares and growth to be computed
of the results. Only built-in functions that compute are allowed.`;

/** Writes the queries, and writes them anew when something was wrong with them. */
export const writeQueries = analysis({
  into: "draft",
  schema: draftSchema,
  prompt: (state: State) => ({ system: SYSTEM, user: taskOf(state) }),
  without_model: ({ question }) => {
    const found = recognise(question);
    if (found !== undefined) return { queries: [found.query], confidence: 1 };
    // Reached where a model understood the question and then could not be used: nothing is made up in its place.
    return { queries: [NOTHING], confidence: 0 };
  },
});

const NOTHING: Query = { purpose: "No query could be written", sql: "select null as nothing", params: [] };

/** True for what stands where no query could be written. */
export function isNothing({ sql }: Query): boolean {
  return sql === NOTHING.sql;
}

function taskOf({ question, plan, draft, findings, results }: State): string {
  const wrong = [
    ...findings.filter(({ severity }) => severity === "high").map(({ text }) => text),
    ...results.flatMap(({ error }) => (error === null ? [] : [error.message])),
  ];
  const before =
    draft === null || wrong.length === 0
      ? []
      : [
          `You wrote before: ${JSON.stringify(draft.value.queries)}`,
          `What is wrong with it:\n${wrong.map((text) => `- ${text}`).join("\n")}`,
        ];
  return [`Question: ${question}`, `Plan: ${plan?.value.steps ?? ""}`, ...before].join("\n\n");
}
