/** A fault planted in the product: if every test that is named stays green, nothing protects what it breaks. */
export interface Mutant {
  name: string;
  file: string;
  /** Stands in the file exactly once. */
  find: string;
  replace: string;
  /** Where the same thing is done twice, the other place. */
  also?: { find: string; replace: string }[];
  /** Those that must go red; the first is the one most likely to. */
  tests: string[];
}

/** The tests that notice faults. */
export const TESTS = {
  agentInbox: "test/policy/agent-inbox.test.ts",
  answers: "test/runtime/answers.test.ts",
  apply: "test/policy/apply.test.ts",
  auditChain: "test/policy/audit-chain.test.ts",
  auditVerify: "test/runtime/audit-verify.test.ts",
  cancel: "test/runtime/cancel.test.ts",
  chains: "test/checkpointer/chains.test.ts",
  check: "test/cli/check.test.ts",
  claims: "test/races/claims.test.ts",
  claimPlan: "test/postgres/claim-plan.test.ts",
  constraints: "test/postgres/constraints.test.ts",
  copy: "test/runtime/copy.test.ts",
  copyOfOldest: "test/checkpointer/copy-of-oldest.test.ts",
  counts: "test/checkpointer/counts.test.ts",
  crash: "test/runtime/crash.test.ts",
  crowd: "test/story/crowd.test.ts",
  decide: "test/policy/decide.test.ts",
  decided: "test/story/decided.test.ts",
  deleteRuns: "test/checkpointer/delete-runs.test.ts",
  deleteRunsRefused: "test/checkpointer/delete-runs-refused.test.ts",
  deleteThread: "test/checkpointer/delete-thread.test.ts",
  effects: "test/runtime/effects.test.ts",
  entry: "test/checkpointer/entry.test.ts",
  events: "test/runtime/events.test.ts",
  examples: "test/story/examples.test.ts",
  fence: "test/checkpointer/fence.test.ts",
  flavours: "test/policy/flavours.test.ts",
  hitl: "test/policy/hitl.test.ts",
  hitlAliases: "test/http/hitl-aliases.test.ts",
  identifiers: "test/checkpointer/identifiers.test.ts",
  leases: "test/runtime/leases.test.ts",
  heartbeat: "test/runtime/heartbeat.test.ts",
  lostLeases: "test/runtime/lost-leases.test.ts",
  lockOrder: "test/story/lock-order.test.ts",
  mailAddress: "test/policy/mail-address.test.ts",
  maintenanceRaces: "test/checkpointer/maintenance-races.test.ts",
  messages: "test/checkpointer/messages.test.ts",
  model: "test/races/model.test.ts",
  movedOn: "test/story/moved-on.test.ts",
  pauses: "test/runtime/pauses.test.ts",
  poison: "test/checkpointer/poison.test.ts",
  priority: "test/races/priority.test.ts",
  property: "test/checkpointer/property.test.ts",
  prune: "test/checkpointer/prune.test.ts",
  pruneDelta: "test/checkpointer/prune-delta.test.ts",
  queue: "test/runtime/queue.test.ts",
  redeploy: "test/redeploy/redeploy.test.ts",
  refund: "test/workflows/refund-approval.test.ts",
  replay: "test/http/replay.test.ts",
  retry: "test/runtime/retry.test.ts",
  review: "test/kit/review.test.ts",
  reviewMails: "test/runtime/review-mails.test.ts",
  reviewTimeOuts: "test/runtime/review-time-outs.test.ts",
  reviewTimers: "test/runtime/review-timers.test.ts",
  reviewWebhooks: "test/runtime/review-webhooks.test.ts",
  roads: "test/story/roads.test.ts",
  rollback: "test/runtime/rollback.test.ts",
  screens: "test/http/screens.test.ts",
  storedFirst: "test/runtime/stored-first.test.ts",
  streamsShared: "test/http/streams-shared.test.ts",
  stuckBatch: "test/runtime/stuck-batch.test.ts",
  sweeps: "test/runtime/sweeps.test.ts",
  timeouts: "test/runtime/timeouts.test.ts",
  timetable: "test/policy/timetable.test.ts",
  trips: "test/runtime/trips.test.ts",
  values: "test/checkpointer/values.test.ts",
  writeBehind: "test/checkpointer/write-behind.test.ts",
  zombies: "test/checkpointer/zombies.test.ts",
};
