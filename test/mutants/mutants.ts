import { DECISION_MUTANTS } from "./decision-mutants.ts";
import { ENGINE_MUTANTS } from "./engine-mutants.ts";
import type { Mutant } from "./mutant.ts";

/** All faults. */
export const MUTANTS: readonly Mutant[] = [...ENGINE_MUTANTS, ...DECISION_MUTANTS];
