import { toolNode, validation } from "holdpoint";
import { ofState, type State } from "./flow.ts";
import { estimateQuery, isHeavy } from "./shop.ts";
import { isNothing } from "./write-queries.ts";

const LEAST_CONFIDENCE = 0.6;
const MOST_DRAFTS = 3;

/** What the planner expects of a query. */
interface Estimate {
  cost: number;
  rows: number;
}

/** The estimate of a query that is allowed; undefined of one that is not. */
export function estimateOf(estimates: State["estimates"], index: number): Estimate | undefined {
  const outcome = estimates[index];
  return outcome?.ok ? (outcome.result as unknown as { estimate: Estimate }).estimate : undefined;
}

/** Asks the parser and the planner about each query; nothing is run. */
export const estimateQueries = toolNode<State>({
  tools: [estimateQuery],
  into: "estimates",
  calls: ({ draft }) =>
    (draft?.value.queries ?? []).map(({ sql, params }) => ({ tool: estimateQuery.name, args: { sql, params } })),
});

/** Looks at the queries before they are run: what is wrong is written anew, what is doubtful is for a person. */
export const checkQueries = validation({
  value: (state: State) => state,
  rules: [
    {
      name: "not_written",
      text: "no query could be written for this question",
      severity: "critical",
      check: ofState(({ draft }) => !(draft?.value.queries ?? []).some(isNothing)),
    },
    {
      name: "query_refused",
      text: "a query is not allowed",
      severity: "high",
      check: ofState(({ estimates }) =>
        estimates.flatMap(({ error }, index) =>
          error === null ? [] : [{ text: `query ${index + 1}: ${error.message}`.slice(0, 1_000) }],
        ),
      ),
    },
    {
      name: "heavy",
      text: "a query is heavy",
      severity: "medium",
      check: ofState(({ estimates }) =>
        estimates.flatMap((_, index) => {
          const cost = estimateOf(estimates, index)?.cost ?? 0;
          return isHeavy(cost) ? [{ text: `query ${index + 1} is heavy: the planner expects a cost of ${cost}` }] : [];
        }),
      ),
    },
    {
      name: "unsure",
      text: "nobody is sure that these queries answer the question",
      severity: "medium",
      check: ofState(({ plan, draft }) => Math.min(plan?.confidence ?? 0, draft?.confidence ?? 0) >= LEAST_CONFIDENCE),
    },
    {
      name: "leaves_out",
      text: "the plan names a table that no query reads",
      severity: "low",
      check: ofState(({ plan, draft }) => {
        const text = (draft?.value.queries ?? []).map(({ sql }) => sql).join("\n");
        return (plan?.value.tables ?? []).every((table) => text.includes(table));
      }),
    },
  ],
  into: "findings",
  thresholds: [
    { severity: "critical", to: "decline" },
    { severity: "high", to: "write_again" },
    { severity: "medium", to: "ask" },
  ],
  otherwise: "run",
});

/** Whether queries that are wrong may be written once more. */
export function mayWriteAgain({ drafts, draft }: State): boolean {
  return draft?.method === "model" && drafts < MOST_DRAFTS;
}
