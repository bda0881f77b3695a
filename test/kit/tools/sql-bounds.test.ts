import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readOnly } from "../../../src/kit/tools/sql/read-only.ts";
import { type SqlQueryOptions, sqlQuery } from "../../../src/kit/tools/sql-query.ts";
import { openPool } from "../../../src/postgres/pool.ts";
import { isHoldpointError } from "../../../src/protocol/errors.ts";
import { withTestPorts } from "../../../src/testing.ts";
import { createEmptyDatabase, type TestDatabase } from "../../support/postgres.ts";

let home: TestDatabase;
// One connection: who does not give it back, or gives it back broken, is seen by the next.
let pool: pg.Pool;

beforeAll(async () => {
  home = await createEmptyDatabase();
  pool = openPool({ connectionString: home.url, max: 1 });
  await pool.query("create table public.word (word text)");
});
afterAll(async () => {
  await pool.end();
  await home.drop();
});

const query = (sql: string, params: string[] = [], options: Partial<SqlQueryOptions> = {}) => {
  const tool = sqlQuery({ database: "words", tables: { "public.word": "*" }, ...options });
  return withTestPorts({ databases: { words: pool } }, () => tool.call({ sql, params }));
};
const failure = async (asked: Promise<unknown>) => {
  const error = await asked.then(
    () => new Error("it was answered"),
    (cause: unknown) => cause,
  );
  if (!isHoldpointError(error)) throw error;
  return error;
};
const backend = async () => (await pool.query("select pg_backend_pid() as pid")).rows[0] as { pid: number };

// Two short values make one of three million characters.
const SHORT = ["a".repeat(10_000), "b".repeat(300)];

test.each([
  ["a row", "select replace($1, 'a', $2)", {}],
  ["many rows", "select replace($1, 'a', $2) from generate_series(1, 1000)", {}],
  [
    "a row among short ones",
    "select case x when 50 then replace($1, 'a', $2) end from generate_series(1, 60) g(x)",
    {},
  ],
  ["a plan", "select w.word from public.word w where w.word = replace($1, 'a', $2)", { max_cost: 0 }],
  ["an error", "select replace($1, 'a', $2)::int", {}],
])(
  "%s that is far larger than it may be is not waited for, and its connection is replaced",
  async (_what, sql, more) => {
    const before = await backend();
    const error = await failure(query(sql, SHORT, { max_bytes: 1_000, ...more }));
    expect(error.message).toMatch(/the result is larger than 1004000 bytes$/);
    expect(error.facts["class"]).toBe("validation");
    expect(await query("select 1 as one")).toMatchObject({ rows: [[1]] });
    expect(await backend()).not.toEqual(before);
  },
);

test("long rows are given as far as they fit, though more of them at once would be far too many", async () => {
  const before = await backend();
  const sql = "select left(replace($1, 'a', $2), 300000) from generate_series(1, 100)";
  expect(await query(sql, SHORT)).toMatchObject({ row_count: 3, truncated: true });
  expect(await query(sql, SHORT, { max_bytes: 10_000_000 })).toMatchObject({ row_count: 33, truncated: true });
  expect(await backend()).toEqual(before);
});

test("a statement that the database does not end in time is left behind with its connection", async () => {
  const before = await backend();
  const terms = { timeoutMs: 50, mostBytes: 1_000, signal: new AbortController().signal };
  const asked = readOnly(pool, terms, async (send) => {
    await send({ text: "select set_config('statement_timeout', '0', true)", values: [] });
    return await send({ text: "select pg_sleep(600)", values: [] });
  });
  const error = await failure(asked);
  expect(error.message).toMatch(/the database did not end it after 50 ms/);
  expect(error.facts["class"]).toBe("validation");
  expect(await backend()).not.toEqual(before);
});
