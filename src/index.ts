/** What workflow authors use. The only barrel: each name is exported by itself. */

export { type Analysed, type AnalysisOptions, analysed, analysis, type Prompt } from "./kit/analysis.ts";
export type { ClassifierOptions } from "./kit/classify.ts";
export { compensate, type UndoneCall } from "./kit/compensate.ts";
export { type DatabaseClient, type DatabasePool, database } from "./kit/database.ts";
export { defineGraph, guarded } from "./kit/define-graph.ts";
export { type EffectOptions, effect } from "./kit/effect.ts";
export { type FallbackOptions, type FallbackResult, type FallbackStep, fallback } from "./kit/fallback.ts";
export { fallbackResult } from "./kit/fallback-result.ts";
export { toLangChainTool } from "./kit/langchain-tool.ts";
export { type ModelOptions, model } from "./kit/model.ts";
export type { NodeOptions } from "./kit/node-options.ts";
export { notDone } from "./kit/not-done.ts";
export type { Branch, ParallelOptions } from "./kit/parallel.ts";
export type { EffectCall } from "./kit/ports.ts";
export { type Decided, type Proposal, type Proposed, proposalOf } from "./kit/proposal.ts";
export {
  type ActionOptions,
  type ReviewDecision,
  type ReviewDecisions,
  type ReviewOptions,
  review,
} from "./kit/review.ts";
export type { ReviewNode, ReviewNodeOptions } from "./kit/review-node.ts";
export type { AskedPeople, Evidence, ReviewTerms, Span } from "./kit/review-terms.ts";
export { type Chosen, type ConditionOptions, type RouteOptions, route, type ScoreOptions } from "./kit/route.ts";
export type { Found, Rule, RuleAnswer } from "./kit/rule.ts";
export { type Answer, answerSchema, type SynthesiseOptions, synthesise } from "./kit/synthesise.ts";
export { defineTool, type Tool, type ToolCall, type ToolOptions } from "./kit/tool.ts";
export type { ChainResults, ChainStep } from "./kit/tool-chain.ts";
export { type ToolNodeOptions, type ToolRequest, toolNode } from "./kit/tool-node.ts";
export type { ToolRule } from "./kit/tool-selection.ts";
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
export { type ValidationOptions, type ValidationRoutes, validation } from "./kit/validation.ts";
export { type Workflow, type WorkflowOptions, type WorkflowPolicies, workflow } from "./kit/workflow.ts";
export type { EffectKind } from "./protocol/effect.ts";
export { type ErrorCode, HoldpointError, isHoldpointError } from "./protocol/errors.ts";
export { type Finding, findingSchema } from "./protocol/finding.ts";
export type { GraphMark } from "./protocol/graph-mark.ts";
export type { DecisionType, ReviewValue } from "./protocol/interrupt.ts";
export type { Json, JsonObject } from "./protocol/json.ts";
export { type ToolOutcome, toolOutcomeSchema } from "./protocol/tool-outcome.ts";
