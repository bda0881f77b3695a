import { AUDIT_MUTANTS } from "./audit-mutants.ts";
import { CHECKPOINTER_MUTANTS } from "./checkpointer-mutants.ts";
import { DECISION_MUTANTS } from "./decision-mutants.ts";
import { ENGINE_MUTANTS } from "./engine-mutants.ts";
import { EVENT_MUTANTS } from "./event-mutants.ts";
import { FENCE_MUTANTS } from "./fence-mutants.ts";
import { FLAVOUR_MUTANTS } from "./flavour-mutants.ts";
import { GUARD_MUTANTS } from "./guard-mutants.ts";
import { MODEL_MUTANTS } from "./model-mutants.ts";
import type { Mutant } from "./mutant.ts";
import { OPERATOR_MUTANTS } from "./operator-mutants.ts";
import { OUTSIDE_MUTANTS } from "./outside-mutants.ts";
import { QUEUE_MUTANTS } from "./queue-mutants.ts";
import { REDEPLOY_MUTANTS } from "./redeploy-mutants.ts";
import { STOP_MUTANTS } from "./stop-mutants.ts";
import { TIMER_MUTANTS } from "./timer-mutants.ts";
import { TRIP_MUTANTS } from "./trip-mutants.ts";

/** All faults. */
export const MUTANTS: readonly Mutant[] = [
  ...FENCE_MUTANTS,
  ...CHECKPOINTER_MUTANTS,
  ...ENGINE_MUTANTS,
  ...QUEUE_MUTANTS,
  ...STOP_MUTANTS,
  ...TRIP_MUTANTS,
  ...EVENT_MUTANTS,
  ...DECISION_MUTANTS,
  ...GUARD_MUTANTS,
  ...MODEL_MUTANTS,
  ...FLAVOUR_MUTANTS,
  ...REDEPLOY_MUTANTS,
  ...TIMER_MUTANTS,
  ...OPERATOR_MUTANTS,
  ...OUTSIDE_MUTANTS,
  ...AUDIT_MUTANTS,
];
