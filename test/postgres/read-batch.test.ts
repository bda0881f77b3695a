import { afterAll, beforeAll, expect, test } from "vitest";
import { createReadBatcher } from "../../src/postgres/read-batch.ts";
import { sql } from "../../src/postgres/sql.ts";
import { type CountedSaver, openCounted } from "../checkpointer/support.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

let home: TestDatabase;
let counted: CountedSaver;
beforeAll(async () => {
  home = await createTestDatabase();
  counted = openCounted(home.url);
});
afterAll(async () => {
  await counted.end();
  await home.drop();
});

const number = (value: number) => sql<{ number: number }>`select ${value}::integer as number`;
const broken = sql<{ number: number }>`select ${"x"}::text::integer as number`;

test.each([true, false])(
  "reads of one turn are one round trip, each with its own rows (prepare: %s)",
  async (prepare) => {
    const reads = createReadBatcher(counted.pool, { prepare });
    await reads.many(number(0));
    counted.trips();
    const all = await Promise.all(Array.from({ length: 20 }, (_, value) => reads.many(number(value))));
    expect(all).toEqual(Array.from({ length: 20 }, (_, value) => [{ number: value }]));
    expect(counted.trips()).toBe(1);
  },
);

test("more than a batch holds go on several connections", async () => {
  const reads = createReadBatcher(counted.pool, { prepare: true });
  const all = await Promise.all(Array.from({ length: 100 }, (_, value) => reads.many(number(value))));
  expect(all.flat().map((row) => row.number)).toEqual(Array.from({ length: 100 }, (_, value) => value));
});

test.each([true, false])("a read that is refused fails alone (prepare: %s)", async (prepare) => {
  const reads = createReadBatcher(counted.pool, { prepare });
  const unknown = sql`select * from public.nowhere_at_all`;
  const results = await Promise.allSettled([
    reads.many(number(1)),
    reads.many(broken),
    reads.many(number(2)),
    reads.many(unknown),
    reads.many(number(3)),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected", "fulfilled"]);
  expect(results[1]).toMatchObject({ reason: { code: "22P02" } });
  expect(results[3]).toMatchObject({ reason: { code: "42P01" } });
});

test("a connection lost under them is a typed error of each, and the next read finds a new one", async () => {
  const reads = createReadBatcher(counted.pool, { prepare: true });
  const slow = Array.from({ length: 3 }, () => reads.many(sql`select pg_sleep(30)`));
  const settled = Promise.allSettled(slow);
  await expect
    .poll(() =>
      counted.rows(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and query like 'select pg_sleep%' and state = 'active'`,
      ),
    )
    .toHaveLength(1);
  for (const result of await settled) expect(result).toMatchObject({ reason: { code: "database_unreachable" } });
  expect(await reads.many(number(7))).toEqual([{ number: 7 }]);
});
