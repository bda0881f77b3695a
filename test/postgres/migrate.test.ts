import { expect, test } from "vitest";
import { createTestDatabase } from "../support/postgres.ts";

test("a test database is cloned from the migrated template", async () => {
  const database = await createTestDatabase();
  expect(database.url).toContain("_test");
  await database.drop();
});
