import type { Mutant } from "./mutant.ts";

const TESTS = {
  accounts: "test/kit/model-accounts.test.ts",
  analysis: "test/kit/analysis.test.ts",
  classes: "test/policy/error-class.test.ts",
  gateway: "test/kit/model-gateway.test.ts",
  kept: "test/kit/kept-answers.test.ts",
  langchain: "test/kit/model-langchain.test.ts",
};
const REQUEST = "src/kit/models/request-once.ts";
const CACHE = "src/kit/models/answer-cache.ts";

/** Faults in how models are called, and in what is made of their failures. */
export const MODEL_MUTANTS: readonly Mutant[] = [
  {
    name: "a second beginning is glued to the first",
    file: REQUEST,
    find: "if (!tally.hasBegun) return { error };",
    replace: "return { error };",
    tests: [TESTS.gateway],
  },
  {
    name: "a stream that was cut counts as whole",
    file: REQUEST,
    find: "if (tally.isCut) throw",
    replace: "if (tally.isCut && given < 0) throw",
    tests: [TESTS.gateway],
  },
  {
    name: "bad input opens the breaker of a model",
    file: REQUEST,
    find: 'return STRATEGIES[kind].isProviderFault ? "faulted" : "ignored";',
    replace: 'return STRATEGIES[kind].retry !== "back_off" ? "faulted" : "faulted";',
    tests: [TESTS.accounts],
  },
  {
    name: "a model whose window is too small is asked",
    file: "src/kit/models/ask-candidates.ts",
    find: "tokens + most_output <= window",
    replace: "tokens + most_output <= window * 1_000",
    tests: [TESTS.accounts],
  },
  {
    name: "a fallback is asked what was wrong to ask",
    file: "src/kit/models/ask-candidates.ts",
    find: "if (!mayFallBack(failure)) break;",
    replace: "",
    tests: [TESTS.gateway],
  },
  {
    name: "a question that is larger than the limit waits for ever",
    file: "src/kit/models/admission.ts",
    find: "Math.min(expected, tokens?.limit ?? expected)",
    replace: "expected",
    tests: [TESTS.accounts],
  },
  {
    name: "a refused call keeps the tokens it never used",
    file: "src/kit/models/admission.ts",
    find: "    await giveBack(0);\n",
    replace: "",
    tests: [TESTS.accounts],
  },
  {
    name: "a kept answer is every tenant's",
    file: CACHE,
    find: "    tenant_id,\n    model: candidate.id,",
    replace: "    model: candidate.id,",
    tests: [TESTS.kept],
  },
  {
    name: "a kept answer is given to every role",
    file: CACHE,
    find: "{ type: message.getType(), content,",
    replace: "{ content,",
    tests: [TESTS.kept],
  },
  {
    name: "callbacks count a call twice",
    file: "src/kit/models/bind.ts",
    find: "callbacks: QUIET, maxRetries: 0",
    replace: "maxRetries: 0",
    tests: [TESTS.langchain],
  },
  {
    name: "an error repeats the key",
    file: "src/kit/models/model-failure.ts",
    find: 'secrets.reduce((text, secret) => text.replaceAll(secret, "[redacted]"), message)',
    replace: "message",
    tests: [TESTS.gateway],
  },
  {
    name: "an allowance is one time's only",
    file: "src/kit/models/budget-check.ts",
    find: "`${taskPath()}:budget:${spelt(over.budget)}`",
    replace: "`${taskPath()}:budget`",
    tests: [TESTS.langchain],
  },
  {
    name: "the stand-in of a failed model is sure",
    file: "src/kit/nodes/analysis.ts",
    find: "Math.min(sure, MOST_AFTER_FAILURE)",
    replace: "sure",
    tests: [TESTS.analysis],
  },
  {
    name: "a customer's words end the data they are",
    file: "src/kit/nodes/analysis.ts",
    find: '.replaceAll(/<(\\/?\\s*data)/gi, "< $1")',
    replace: "",
    tests: [TESTS.analysis],
  },
  {
    name: "an empty account is waited for",
    file: "src/policy/error-class.ts",
    find: 'byWord === "budget" ||',
    replace: "",
    tests: [TESTS.classes],
  },
];
