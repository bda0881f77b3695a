import { estimateOf } from "./check-queries.ts";
import { flow, type State } from "./flow.ts";
import { queriesSchema } from "./state.ts";

/** Shows the queries, what they are expected to take and why somebody is asked. What is edited is checked again. */
export const askPerson = flow.reviewNode({
  into: "approval",
  action: "chinook.query",
  schema: queriesSchema,
  risk: "low",
  due: "24h",
  propose: (state) => ({
    title: `Run ${state.draft?.value.queries.length === 1 ? "this query" : "these queries"} for "${state.question.slice(0, 120)}"?`,
    description: descriptionOf(state),
    preview: "The queries are run as they stand, in a transaction that only reads.",
    args: { queries: [...(state.approved ?? state.draft?.value.queries ?? [])] },
  }),
  execute: ({ queries }) => ({ approved: queries, results: [] }),
  on: { approve: "run", edit: "run", reject: "decline" },
});

function descriptionOf({ question, plan, findings, estimates, draft, results }: State): string {
  const why = [
    ...findings.map(({ text }) => text),
    ...results.flatMap(({ error }) => (error === null ? [] : [`it was run and failed: ${error.message}`])),
  ];
  const queries = (draft?.value.queries ?? []).map(({ purpose }, index) => {
    const estimate = estimateOf(estimates, index);
    const size = estimate === undefined ? "" : ` (expected cost ${estimate.cost}, about ${estimate.rows} rows)`;
    return `${index + 1}. ${purpose}${size}`;
  });
  return [
    `**Question**\n\n${quoted(question)}`,
    `**Why you are asked**\n\n${why.map((text) => `- ${text}`).join("\n")}`,
    `**Plan**\n\n${quoted(plan?.value.steps ?? "")}`,
    `**Queries**\n\n${queries.join("\n")}`,
  ].join("\n\n");
}

function quoted(text: string): string {
  return text
    .split("\n")
    .map((line) => `> ${line}`)
    .join("\n");
}
