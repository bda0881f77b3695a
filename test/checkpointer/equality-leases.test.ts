import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SCALE } from "../support/dice.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { walkMirrored } from "./walk.ts";
import { walkApart } from "./walk-apart.ts";
import { openSaving, type SavingMode } from "./walk-savers.ts";

let database: TestDatabase;
let saving: ReturnType<typeof openSaving>;
beforeAll(async () => {
  database = await createTestDatabase();
  saving = openSaving(database.url);
});
afterAll(async () => {
  await saving.end();
  await database.drop();
});

const STEPS = 14;
const seeds = (first: number, count: number) => Array.from({ length: count * SCALE }, (_, index) => first + index);

/** Seeds of a mode: the first of them and how many. */
const UNDER_LEASE: [SavingMode, number, number][] = [
  ["a lease", 6_001, 4],
  ["a lease, with commits behind the run's back", 7_001, 6],
];

describe.each(UNDER_LEASE)("a random walk under %s", (mode, first, count) => {
  test.each(seeds(first, count))(
    "reads everywhere what a saver in memory reads (seed %i)",
    async (seed) => {
      expect(await walkMirrored(seed, STEPS, saving.open(mode, seed))).toBeGreaterThan(20);
    },
    120_000,
  );
});

const APART: [SavingMode, number, number][] = [
  ["one saver", 8_001, 4],
  ["two processes that take turns", 9_001, 4],
];

describe.each(APART)("a random walk beside the same one in memory, with %s", (mode, first, count) => {
  test.each(seeds(first, count))(
    "does and stores the same (seed %i)",
    async (seed) => {
      await walkApart(seed, STEPS, saving.open(mode, seed));
    },
    120_000,
  );
});
