import { setTimeout as pause } from "node:timers/promises";

const LOOK_AGAIN_MS = 25;
const LIMIT_MS = 60_000;

type Truthy<Value> = Exclude<Value, undefined | null | false | 0 | "">;

/** Waits until the condition gives something true; fails with what was waited for. The limit is no assertion. */
export async function until<Value>(
  what: string,
  condition: () => Promise<Value> | Value,
  limitMs = LIMIT_MS,
): Promise<Truthy<Value>> {
  const deadline = Date.now() + limitMs;
  // Bound: the deadline.
  while (Date.now() < deadline) {
    const value = await condition();
    if (value) return value as Truthy<Value>;
    await pause(LOOK_AGAIN_MS);
  }
  throw new Error(`waited ${limitMs / 1000} s in vain until ${what}`);
}
