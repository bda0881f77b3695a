import type { CanonicalDecision } from "../../../protocol/decision.ts";
import type { ReviewAction } from "../../../protocol/interrupt.ts";
import type { Json } from "../../../protocol/json.ts";
import type { FlavourForm, MixedBatch } from "./form.ts";
import { hitlFaults, readHitlAnswer } from "./hitl-answer.ts";
import { type HitlSpelling, hitlQuestion } from "./hitl-request.ts";

const SPELLING: HitlSpelling = {
  requests: "actionRequests",
  configs: "reviewConfigs",
  args: ["args"],
  configName: "actionName",
  configAllowed: "allowedDecisions",
  configSchema: ["argsSchema"],
  words: ["approve", "edit", "reject"],
};

/** `humanInTheLoopMiddleware` of LangChain.js. */
export const hitl: FlavourForm = {
  question: (pause) => (pause.response_schema === null ? hitlQuestion(pause, SPELLING) : undefined),
  fromResume: readHitlAnswer,
  faultsOf: hitlFaults,
  mixed: mixedWithReject,
  toGraph: ({ actions }, decisions) => ({
    decisions: decisions.map((decision) => answerTo(actions[decision.action] as ReviewAction, decision)),
  }),
};

function answerTo(action: ReviewAction, decision: CanonicalDecision): Json {
  switch (decision.type) {
    case "approve":
      return { type: "approve" };
    case "edit":
      return { type: "edit", editedAction: { name: action.name, args: decision.args } };
    case "reject":
    case "respond":
      // Without words of its own the middleware writes some; with empty ones a model is told nothing.
      return { type: decision.type, ...(decision.message ? { message: decision.message } : {}) };
  }
}

/**
 * The middleware runs nothing of a batch once one of its actions is rejected, and leaves the approved calls in the
 * conversation without a result, after which model providers refuse the whole thread.
 */
function mixedWithReject(decisions: readonly CanonicalDecision[], actions: readonly ReviewAction[]): MixedBatch | null {
  const rejected = decisions.filter(({ type }) => type === "reject").length;
  if (rejected === 0 || rejected === decisions.length) return null;
  const message = `this graph's middleware takes no rejection beside other decisions: approve or edit all ${actions.length} actions, or reject them all`;
  const faults = decisions.flatMap(({ type }, position) =>
    type === "reject" ? [{ pointer: `/decisions/${position}/type`, message }] : [],
  );
  const offered = (words: readonly string[]) =>
    words.filter((word) => actions.every(({ allowed }) => (allowed as readonly string[]).includes(word)));
  return { faults, choices: [offered(["approve", "edit"]), offered(["reject"])].filter(({ length }) => length > 0) };
}
