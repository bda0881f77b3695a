import type { CanonicalDecision } from "../../../protocol/decision.ts";
import type { ReviewAction } from "../../../protocol/interrupt.ts";
import type { Json } from "../../../protocol/json.ts";
import type { FlavourForm } from "./form.ts";
import { hitlFaults, readHitlAnswer, saidIn } from "./hitl-answer.ts";
import { type HitlSpelling, hitlQuestion } from "./hitl-request.ts";
import { isRecord, own } from "./shape.ts";

const SPELLING: HitlSpelling = {
  requests: "action_requests",
  configs: "review_configs",
  // As its first versions wrote it.
  args: ["args", "arguments"],
  configName: "action_name",
  configAllowed: "allowed_decisions",
  configSchema: ["args_schema", "arguments_schema"],
  words: ["approve", "edit", "reject", "respond"],
};

/** The same middleware as LangChain for Python writes it, and graphs that speak like it. */
export const hitlPy: FlavourForm = {
  question: (pause) => (pause.response_schema === null ? hitlQuestion(pause, SPELLING) : undefined),
  fromResume: readHitlAnswer,
  faultsOf: hitlFaults,
  // It goes on with what was approved, and tells the model of the rest.
  mixed: () => null,
  toGraph: ({ value, actions }, decisions) => ({
    decisions: decisions.map((decision) =>
      answerTo(actions[decision.action] as ReviewAction, decision, argsKey(value, decision.action)),
    ),
  }),
};

function argsKey(value: Json, index: number): "args" | "arguments" {
  const requests = isRecord(value) ? own(value, SPELLING.requests) : undefined;
  const request: unknown = Array.isArray(requests) ? requests[index] : undefined;
  return isRecord(request) && !Object.hasOwn(request, "args") ? "arguments" : "args";
}

function answerTo(action: ReviewAction, decision: CanonicalDecision, args: "args" | "arguments"): Json {
  switch (decision.type) {
    case "approve":
      return { type: "approve" };
    case "edit":
      return { type: "edit", edited_action: { name: action.name, [args]: decision.args } };
    case "reject":
      return { type: "reject", ...(decision.message ? { message: decision.message } : {}) };
    case "respond":
      return { type: "respond", message: saidIn(decision) };
  }
}
