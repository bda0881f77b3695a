import { setTimeout as pause } from "node:timers/promises";

const LOOK_AGAIN_MS = 25;

/** Waits until the condition gives something; fails with what was waited for. The limit is generous: it is no assertion. */
export async function until<Value>(
  what: string,
  condition: () => Promise<Value> | Value,
  limitMs = 30_000,
): Promise<NonNullable<Exclude<Value, false>>> {
  const deadline = Date.now() + limitMs;
  while (Date.now() < deadline) {
    const value = await condition();
    if (value !== undefined && value !== null && value !== false) return value as NonNullable<Exclude<Value, false>>;
    await pause(LOOK_AGAIN_MS);
  }
  throw new Error(`waited ${limitMs / 1000} s in vain until ${what}`);
}
