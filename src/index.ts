/** What workflow authors use. The only barrel: each name is exported by itself. */

export { type DatabaseClient, type DatabasePool, database } from "./kit/database.ts";
export { defineGraph, guarded } from "./kit/define-graph.ts";
export { type EffectOptions, effect } from "./kit/effects/effect.ts";
export { notDone } from "./kit/effects/not-done.ts";
export { type ModelOptions, model } from "./kit/models/model.ts";
export { type Analysed, type AnalysisOptions, analysed, analysis, type Prompt } from "./kit/nodes/analysis.ts";
export type { ClassifierOptions } from "./kit/nodes/classify.ts";
export { type FallbackOptions, type FallbackResult, type FallbackStep, fallback } from "./kit/nodes/fallback.ts";
export { fallbackResult } from "./kit/nodes/fallback-result.ts";
export type { Branch, ParallelOptions } from "./kit/nodes/parallel.ts";
export { type Decided, type Proposal, type Proposed, proposalOf } from "./kit/nodes/proposal.ts";
export type { ReviewNode, ReviewNodeOptions } from "./kit/nodes/review-node.ts";
export { type Chosen, type ConditionOptions, type RouteOptions, route, type ScoreOptions } from "./kit/nodes/route.ts";
export type { Found, Rule, RuleAnswer } from "./kit/nodes/rule.ts";
export { type Answer, answerSchema, type SynthesiseOptions, synthesise } from "./kit/nodes/synthesise.ts";
export type { ChainResults, ChainStep } from "./kit/nodes/tool-chain.ts";
export { type ToolNodeOptions, type ToolRequest, toolNode } from "./kit/nodes/tool-node.ts";
export type { ToolRule } from "./kit/nodes/tool-selection.ts";
export { type ValidationOptions, type ValidationRoutes, validation } from "./kit/nodes/validation.ts";
export type { EffectCall } from "./kit/ports.ts";
export {
  type ActionOptions,
  type ReviewDecision,
  type ReviewDecisions,
  type ReviewOptions,
  review,
} from "./kit/review/review.ts";
export type { AskedPeople, Evidence, ReviewTerms, Span } from "./kit/review/review-terms.ts";
export { compensate, type UndoneCall } from "./kit/tool/compensate.ts";
export { toLangChainTool } from "./kit/tool/langchain-tool.ts";
export { defineTool, type Tool, type ToolCall, type ToolOptions } from "./kit/tool/tool.ts";
export { type CalculatorTool, calculator } from "./kit/tools/calculator.ts";
export { type HttpMethod, type HttpOptions, httpRequest } from "./kit/tools/http/request.ts";
export { type NotifyOptions, notify } from "./kit/tools/notify.ts";
export { type BraveOptions, brave } from "./kit/tools/search/brave.ts";
export type { FoundPage, SearchAsked, SearchKey, SearchProvider } from "./kit/tools/search/provider.ts";
export type { SearchResult } from "./kit/tools/search/search-result.ts";
export { type SearxngOptions, searxng } from "./kit/tools/search/searxng.ts";
export { type TavilyOptions, tavily } from "./kit/tools/search/tavily.ts";
export { type WebSearchOptions, webSearch } from "./kit/tools/search/web-search.ts";
export type { TableTerms } from "./kit/tools/sql/allowed-tables.ts";
export { type SqlQueryOptions, type SqlQueryResult, type SqlQueryTool, sqlQuery } from "./kit/tools/sql-query.ts";
export { type TicketOptions, type TicketUpdateOptions, ticket, ticketUpdate } from "./kit/tools/ticket.ts";
export type { NodeOptions } from "./kit/workflow/node-options.ts";
export { type Workflow, type WorkflowOptions, type WorkflowPolicies, workflow } from "./kit/workflow/workflow.ts";
export type { EffectKind } from "./protocol/effect.ts";
export { type ErrorCode, HoldpointError, isHoldpointError } from "./protocol/errors.ts";
export { type Finding, findingSchema } from "./protocol/finding.ts";
export type { GraphMark } from "./protocol/graph-mark.ts";
export type { DecisionType, ReviewValue } from "./protocol/interrupt.ts";
export type { Json, JsonObject } from "./protocol/json.ts";
export { type ToolOutcome, toolOutcomeSchema } from "./protocol/tool-outcome.ts";
