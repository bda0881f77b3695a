import { answerOf, calculate, declined } from "./sql-analyst/answer.ts";
import { askPerson } from "./sql-analyst/ask-person.ts";
import { checkQueries, estimateQueries, mayWriteAgain } from "./sql-analyst/check-queries.ts";
import { flow } from "./sql-analyst/flow.ts";
import { checkReading, mayReadAgain, plainReading, readResults } from "./sql-analyst/read-results.ts";
import { rowsOf, runQueries } from "./sql-analyst/run-queries.ts";
import { understand } from "./sql-analyst/understand.ts";
import { writeQueries } from "./sql-analyst/write-queries.ts";

/**
 * A question about the shop becomes a plan, queries and an answer. Nothing is run that the parser and the planner have not
 * seen; what is heavy or unsure waits for a person; and no number of the answer is written by a model: each is a cell of a
 * result, or computed of cells.
 */
export default flow.graph({
  nodes: {
    begin: flow.node(() => NEW_QUESTION),
    understand,
    can_answer: flow.route({
      routes: ["write_queries", "decline"],
      choose: ({ plan }) =>
        plan?.value.answerable
          ? { to: "write_queries", reason: "the tables can tell" }
          : { to: "decline", reason: "the tables cannot tell, or nobody can ask them" },
    }),
    write_queries: writeQueries,
    estimate_queries: estimateQueries,
    check_queries: checkQueries,
    write_again: flow.node((state) => ({ drafts: state.drafts + 1 })),
    may_write_again: flow.route({
      routes: ["write_queries", "decline"],
      choose: (state) =>
        mayWriteAgain(state)
          ? { to: "write_queries", reason: "the queries can be written better" }
          : { to: "decline", reason: "the queries were written often enough" },
    }),
    ask: askPerson,
    run: runQueries,
    after_run: flow.route({
      routes: ["read_results", "ask", "write_again", "decline"],
      choose: (state) => {
        if (state.results.every((result) => rowsOf(result) !== undefined)) {
          return { to: "read_results", reason: "all queries were run" };
        }
        // What a person has written, a person looks at again.
        if (state.approved !== null) return { to: "ask", reason: "an allowed query failed" };
        return { to: "write_again", reason: "a query failed" };
      },
    }),
    read_results: readResults,
    check_reading: checkReading,
    read_again: flow.node((state) => ({ readings: state.readings + 1 })),
    may_read_again: flow.route({
      routes: ["read_results", "show_rows"],
      choose: (state) =>
        mayReadAgain(state)
          ? { to: "read_results", reason: "a number had no source" }
          : { to: "show_rows", reason: "a number still had no source" },
    }),
    show_rows: flow.node((state) => ({ reading: plainReading(state) })),
    calculate,
    after_calculation: flow.route({
      routes: ["answer_with_sources", "read_again"],
      choose: (state) =>
        state.calculations.every(({ ok }) => ok) || !mayReadAgain(state)
          ? { to: "answer_with_sources", reason: "everything that can be computed is" }
          : { to: "read_again", reason: "a calculation is wrong" },
    }),
    answer_with_sources: flow.node((state) => ({ outcome: "answered" as const, answer: answerOf(state) })),
    decline: flow.node((state) => declined(state)),
  },
  edges: {
    start: "begin",
    begin: "understand",
    understand: "can_answer",
    write_queries: "estimate_queries",
    estimate_queries: "check_queries",
    write_again: "may_write_again",
    run: "after_run",
    read_results: "check_reading",
    read_again: "may_read_again",
    show_rows: "calculate",
    calculate: "after_calculation",
    answer_with_sources: "end",
    decline: "end",
  },
});

// A thread may be used again: nothing of an earlier question may count for this one.
const NEW_QUESTION = {
  plan: null,
  draft: null,
  estimates: [],
  findings: [],
  drafts: 0,
  readings: 0,
  approval: null,
  approved: null,
  results: [],
  reading: null,
  misreadings: [],
  calculations: [],
  outcome: null,
  answer: null,
};
