import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SCALE } from "../support/dice.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { walkMirrored } from "./walk.ts";
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

/** Seeds of a mode: the first of them and how many. */
const WALKS: [SavingMode, number, number][] = [
  ["one saver", 1, 6],
  ["two processes that take turns", 1_001, 5],
  ["two processes in the middle of a run", 2_001, 3],
  ["a cache that forgets at random", 3_001, 4],
  ["no cache", 4_001, 2],
  ["a cache of 10 KB", 5_001, 2],
];

describe.each(WALKS)("a random walk with %s", (mode, first, count) => {
  test.each(Array.from({ length: count * SCALE }, (_, index) => first + index))(
    "reads everywhere what a saver in memory reads (seed %i)",
    async (seed) => {
      expect(await walkMirrored(seed, STEPS, saving.open(mode, seed))).toBeGreaterThan(20);
    },
    120_000,
  );
});
