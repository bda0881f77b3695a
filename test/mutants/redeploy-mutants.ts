import { type Mutant, TESTS } from "./mutant.ts";

/** Faults in how an answer is held against code that has changed since the question. */
export const REDEPLOY_MUTANTS: readonly Mutant[] = [
  {
    name: "an answer that was taken before a redeploy is given to whatever code there is",
    file: "src/runtime/begin.ts",
    find: 'if (moved !== null) return { kind: "stale", reason: moved };',
    replace: "",
    tests: [TESTS.redeploy],
  },
  {
    name: "an answer is taken without a look at the code that will get it",
    file: "src/http/find-graph.ts",
    find: "...(await movedQuestions(call, graph, thread_id))",
    replace: "",
    tests: [TESTS.redeploy],
  },
  {
    name: "a plain question under other code is taken for the same",
    file: "src/policy/review/redeploy.ts",
    find: 'flavour === "review" || finished;',
    replace: "flavour.length > 0 || finished;",
    tests: [TESTS.redeploy],
  },
  {
    name: "the way onwards is not compared",
    file: "src/policy/review/redeploy.ts",
    find: "wayChange(shape, now.topology) ??",
    replace: "",
    tests: [TESTS.redeploy],
  },
  {
    name: "the state is not held against the schema that is now",
    file: "src/policy/review/redeploy.ts",
    find: "stateChange(shape, now) ??",
    replace: "",
    tests: [TESTS.redeploy],
  },
  {
    name: "a comment makes an answer stale",
    file: "src/graphs/code.ts",
    find: "comments: false",
    replace: "comments: true",
    tests: [TESTS.redeploy],
  },
  {
    name: "a step that is gone is the end of a run",
    file: "src/runtime/redeploy.ts",
    find: "if (lost !== undefined) {",
    replace: "if (lost === null) {",
    tests: [TESTS.redeploy],
  },
  {
    name: "a recorded answer is given to what another version asks first",
    file: "src/runtime/redeploy.ts",
    find: "> row.ordinal)",
    replace: "> row.ordinal + 1000)",
    tests: [TESTS.redeploy],
  },
  {
    name: "checkpoints do not say which code wrote them",
    file: "src/runtime/run-config.ts",
    find: "      graph_fingerprint,\n",
    replace: "",
    tests: [TESTS.redeploy],
  },
  {
    name: "the audit does not say under which code an answer was shown",
    file: "src/postgres/finish.ts",
    find: ": { shown_fingerprint, graph_fingerprint };",
    replace: ": {};",
    tests: [TESTS.redeploy],
  },
  {
    name: "the check takes what is asked under other code for fine",
    file: "src/cli/check-waiting.ts",
    find: "if (row.graph_fingerprint === fingerprint)",
    replace: "if (row.graph_fingerprint !== null)",
    tests: [TESTS.check],
  },
];
