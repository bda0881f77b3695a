import { setTimeout as delay } from "node:timers/promises";

/** How much more than usual is tried: `npm run soak` sets 10. */
export const SCALE = Math.max(1, Number(process.env["HOLDPOINT_TEST_SCALE"] ?? 1) || 1);

/** Numbers that look random and are the same in every run, so that a failure can be seen again. */
export interface Dice {
  /** From 0 up to, not including, `sides`. */
  roll(sides: number): number;
  pick<Item>(items: readonly Item[]): Item;
  /** Lets others go first for a moment: spreads racers, and proves nothing by itself. */
  hesitate(maxMs: number): Promise<void>;
}

/** Dice of a seed (mulberry32). */
export function createDice(seed: number): Dice {
  let state = seed >>> 0;
  const roll = (sides: number) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
  return {
    roll,
    pick: (items) => items[roll(items.length)] as (typeof items)[number],
    hesitate: (maxMs) => delay(roll(maxMs + 1)),
  };
}
