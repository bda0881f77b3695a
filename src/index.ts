/** What workflow authors use. The only barrel: each name is exported by itself. */

export { type AskOptions, type AskResult, askModel } from "./kit/ask-model.ts";
export { compensate, type UndoneCall } from "./kit/compensate.ts";
export { type DatabaseClient, type DatabasePool, database } from "./kit/database.ts";
export { defineGraph, guarded } from "./kit/define-graph.ts";
export { type EffectOptions, effect } from "./kit/effect.ts";
export { toLangChainTool } from "./kit/langchain-tool.ts";
export { type ModelOptions, model } from "./kit/model.ts";
export type { EffectCall, EffectKind } from "./kit/ports.ts";
export {
  type ActionOptions,
  type ReviewDecision,
  type ReviewDecisions,
  type ReviewOptions,
  review,
} from "./kit/review.ts";
export type { AskedPeople, Evidence, ReviewTerms, Span } from "./kit/review-terms.ts";
export type { Found, Rule, RuleAnswer } from "./kit/rule.ts";
export { defineTool, type Tool, type ToolCall, type ToolOptions } from "./kit/tool.ts";
export { type CalculatorTool, calculator } from "./kit/tools/calculator.ts";
export { type HttpMethod, type HttpOptions, httpRequest } from "./kit/tools/http/request.ts";
export { type ValidationOptions, type ValidationRoutes, validation } from "./kit/validation.ts";
export { type Workflow, type WorkflowOptions, type WorkflowPolicies, workflow } from "./kit/workflow.ts";
export { type ErrorCode, HoldpointError, isHoldpointError } from "./protocol/errors.ts";
export type { GraphMark } from "./protocol/graph-mark.ts";
export type { DecisionType, ReviewValue } from "./protocol/interrupt.ts";
export type { Json, JsonObject } from "./protocol/json.ts";
