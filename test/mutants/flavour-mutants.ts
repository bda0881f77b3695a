import { type Mutant, TESTS } from "./mutant.ts";

const NORMALISE = "src/policy/review/normalise.ts";

/** Faults in how questions of other people's making are read, told and answered. */
export const FLAVOUR_MUTANTS: readonly Mutant[] = [
  {
    name: "an edit may call another tool",
    file: NORMALISE,
    find: "decision.name !== undefined && decision.name !== action.name",
    replace: 'decision.name === ""',
    tests: [TESTS.hitl],
  },
  {
    name: "a rejection beside an approval is taken",
    file: NORMALISE,
    find: "if (mixed !== null) return refused(",
    replace: "if (mixed !== null && mixed.faults.length > 1e9) return refused(",
    tests: [TESTS.hitl],
  },
  {
    name: "what a middleware throws at is not looked for",
    file: NORMALISE,
    find: "offered.length > 0 ? offered : form.faultsOf(asSent);",
    replace: "offered.length > 0 ? offered : form.faultsOf([]);",
    tests: [TESTS.hitl],
  },
  {
    name: "text stays text where a number was proposed",
    file: "src/policy/review/flavours/coerce.ts",
    find: 'return [key, kinds.has("string") ? value : coerced(value, kinds)];',
    replace: 'return [key, kinds.has("null") ? value : value];',
    tests: [TESTS.agentInbox],
  },
  {
    name: "a request with a config too many is shown as one",
    file: "src/policy/review/flavours/hitl-request.ts",
    find: "configs.length !== requests.length",
    replace: "configs.length < requests.length",
    tests: [TESTS.flavours],
  },
  {
    name: "questions of LangChain.js are told in camelCase only",
    file: "src/http/hitl-aliases.ts",
    find: "return { ...(value as Members), action_requests: actionRequests, review_configs };",
    replace: "return value;",
    tests: [TESTS.hitlAliases],
  },
  {
    name: "a thread cannot be closed by going to its end",
    file: "src/runtime/execute.ts",
    find: "if (!closesThread(run, kwargs)) return",
    replace: 'if (run.kind !== "copy") return',
    tests: [TESTS.screens],
  },
];
