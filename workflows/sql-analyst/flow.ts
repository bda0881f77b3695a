import { type RuleAnswer, workflow } from "holdpoint";
import { AnalystInput, analystState, EXAMPLES } from "./state.ts";

/** The workflow that everything here belongs to. */
export const flow = workflow({
  name: "sql-analyst",
  description:
    "Answers a question about the shop with SQL that only reads: plans, queries, computes, and names the source of every number. A person is asked when it is unsure or heavy.",
  version: "1.0.0",
  input: AnalystInput,
  state: analystState,
  // The rest is in the thread's state, for whoever wants to see how it came about.
  output: { outcome: analystState.outcome, answer: analystState.answer },
  policies: { guarded: true, node_timeout_ms: 120_000, loop_limit: 10 },
  examples: EXAMPLES,
});

/** The state as a node reads it. */
export type State = typeof flow.State;

/** A check of the whole state, as rules of a validation make it. */
export function ofState(check: (state: State) => RuleAnswer): (value: unknown) => RuleAnswer {
  return (value) => check(value as State);
}
