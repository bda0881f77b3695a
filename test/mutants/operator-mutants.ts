import type { Mutant } from "./mutant.ts";

const REASK = "test/runtime/reask.test.ts";
const ESCALATE = "src/policy/review/attend-escalate.ts";

/** What people do around a question: switching it off, having it asked again, escalating it. */
export const OPERATOR_MUTANTS: readonly Mutant[] = [
  {
    name: "a run switches off what an agent asks",
    file: "src/policy/guarded.ts",
    find: "if (door === null || isBypassed) return door;",
    replace: 'if (door === null || isBypassed || kind !== "copy") return door;',
    tests: ["test/policy/guarded.test.ts"],
  },
  {
    name: "an answer brings the switch along",
    file: "src/http/start-run.ts",
    find: 'else refuseSwitches("resume", asked);',
    replace: 'else if (graph.graph_id === "") refuseSwitches("resume", asked);',
    tests: ["test/story/findings.test.ts"],
  },
  {
    name: "a step that has begun an effect is taken again",
    file: "src/postgres/reask.ts",
    find: "if (effect !== undefined) throw effectBegun(",
    replace: 'if (effect?.name === "") throw effectBegun(',
    tests: [REASK],
  },
  {
    name: "what was begun before the question is not of its step",
    file: "src/postgres/reask.sql.ts",
    find: "(e.checkpoint_ns = '' and e.checkpoint_id = ",
    replace: "(e.checkpoint_ns = 'x' and e.checkpoint_id = ",
    tests: [REASK],
  },
  {
    name: "a run that has gone back goes back once more when it is retried",
    file: "src/postgres/retry-run.ts",
    find: "reask: { ...kwargs.reask, checkpoint_id: null }",
    replace: "reask: kwargs.reask",
    tests: [REASK],
  },
  {
    name: "a breakpoint that is asked again is passed",
    file: "src/runtime/begin.ts",
    find: "return at_breakpoint ? ",
    replace: 'return at_breakpoint && checkpoint_id === "" ? ',
    tests: [REASK],
  },
  {
    name: "a rollback asks again what the graph has had its answer to",
    file: "src/postgres/supersede.sql.ts",
    find: "failed.kind = 'resume_failed'",
    replace: "failed.kind = 'x'",
    tests: [REASK],
  },
  {
    name: "two clicks escalate by two levels",
    file: ESCALATE,
    find: "if (meant !== undefined && meant !== level)",
    replace: "if (meant !== undefined && meant === -1)",
    tests: ["test/policy/attend.test.ts"],
  },
  {
    name: "anybody brings in whom they like",
    file: ESCALATE,
    find: 'if (person.permissions.has("review:admin")) return;',
    replace: 'if (person.permissions.has("review:decide")) return;',
    tests: ["test/policy/attend.test.ts"],
  },
  {
    name: "the clock escalates what a person has escalated",
    file: "src/postgres/attend.ts",
    find: "...(next === undefined ? [] : [noteSteps(",
    replace: "...(next === undefined || next.level > 0 ? [] : [noteSteps(",
    tests: ["test/runtime/escalate.test.ts"],
  },
];
