/**
 * Where an effect stands. `held`: it waits for its time. `intent`: it was started and has no receipt. `not_done`: an attempt
 * surely did nothing. `failed`: a person has given it up. `recalled`: it was called back while it was held.
 */
export const EFFECT_STATUSES = ["held", "intent", "not_done", "receipt", "failed", "recalled"] as const;

/** Where an effect stands. */
export type EffectStatus = (typeof EFFECT_STATUSES)[number];

/** `read` changes nothing; `idempotent` may be repeated until a receipt exists; `once` is never started twice by itself. */
export type EffectKind = "read" | "idempotent" | "once";
