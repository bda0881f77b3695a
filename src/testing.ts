/** What tests of workflows use. */

export type { MemoryEffect, MemoryEffects } from "./kit/effects/memory-effects.ts";
export { createMemoryEffects } from "./kit/effects/memory-effects.ts";
export { createMemoryNotifications, type MemoryNotifications } from "./kit/notifications.ts";
export { createMemoryTickets, type MemoryTickets } from "./kit/tickets.ts";
export type { AskedModel } from "./testing/asked-model.ts";
export { type Cassette, type CassetteOptions, cassette } from "./testing/cassette.ts";
export type { CassetteMode, Recorded } from "./testing/cassette-tape.ts";
export { type ModelServer, type ModelServerOptions, startModelServer } from "./testing/model-server.ts";
export type { ModelStep, ScriptStep } from "./testing/model-step.ts";
export {
  type AskedQuestion,
  approve,
  type Changes,
  edit,
  happened,
  type Reviewer,
  reject,
  respond,
  tryAgain,
  type Verdict,
  type Verdicts,
} from "./testing/reviewers.ts";
export {
  type GraphInput,
  type GraphRun,
  type GraphState,
  type RunGraphOptions,
  runGraph,
} from "./testing/run-graph.ts";
export { type ScriptedModel, type ScriptedModelOptions, scriptedModel } from "./testing/scripted-model.ts";
export type { StandInCall } from "./testing/stand-ins.ts";
export { type TestClock, type TestClockOptions, testClock } from "./testing/test-clock.ts";
export { type TestPorts, withTestPorts } from "./testing/test-ports.ts";
