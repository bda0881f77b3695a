import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allowedTables } from "../../../src/kit/tools/sql/allowed-tables.ts";
import { checkQuery } from "../../../src/kit/tools/sql/check-query.ts";
import { parseSelect } from "../../../src/kit/tools/sql/parse-select.ts";
import { readOnly } from "../../../src/kit/tools/sql/read-only.ts";
import { readRows } from "../../../src/kit/tools/sql/run-query.ts";
import { type SqlQueryOptions, sqlQuery } from "../../../src/kit/tools/sql-query.ts";
import { openPool } from "../../../src/postgres/pool.ts";
import { seedChinook } from "../../../src/postgres/seed-chinook.ts";
import { isHoldpointError } from "../../../src/protocol/errors.ts";
import { withTestPorts } from "../../../src/testing.ts";
import { HONEST_QUERIES, READABLE_TABLES } from "../../support/honest-queries.ts";
import { BOMBS, EVERYTHING, HOSTILE_QUERIES } from "../../support/hostile-queries.ts";
import { createShopDatabase, type TestDatabase } from "../../support/postgres.ts";

const SECRET = "nobody-is-to-read-this";
let home: TestDatabase;
let admin: pg.Pool;
let reading: pg.Pool;
let login: string;

beforeAll(async () => {
  home = await createShopDatabase();
  const seed = await seedChinook({ url: home.url });
  login = seed.reading.user;
  admin = openPool({ connectionString: home.url, max: 2 });
  reading = openPool({ ...seed.reading, max: 2 });
  await admin.query(
    `create table chinook.secret (word text);
     insert into chinook.secret values ('${SECRET}');
     create view chinook.secret_view as select * from chinook.secret;
     create view chinook.open_view as select * from chinook.secret;
     grant select on chinook.open_view to public;
     create procedure chinook.p() language sql as 'delete from chinook.refund';
     insert into chinook.refund (effect_id, invoice_id, amount, reason) values ('one', 5, 1, 'there');
     insert into holdpoint.setting (name, value) values ('secret', '${SECRET}')`,
  );
});
afterAll(async () => {
  await Promise.all([admin.end(), reading.end()]);
  await home.drop();
});

const query = (options: Partial<SqlQueryOptions> = {}) => {
  const tool = sqlQuery({ database: "chinook_read", tables: READABLE_TABLES, ...options });
  return (sql: string, params: (string | number | boolean | null)[] = []) =>
    withTestPorts({ databases: { chinook_read: reading } }, () => tool.call({ sql, params }));
};
const failure = async (asked: Promise<unknown>) => {
  const error = await asked.then(
    (result) => new Error(`it was answered: ${JSON.stringify(result)}`),
    (cause: unknown) => cause,
  );
  if (!isHoldpointError(error)) throw error;
  return error;
};

const everything = async () => (await admin.query(EVERYTHING, [login])).rows[0] as unknown;

describe("a hostile statement", () => {
  test.each(HOSTILE_QUERIES)("does not get past the parser: $what", async ({ sql, why }) => {
    const checked = parseSelect(sql).then((select) =>
      checkQuery(select, { tables: allowedTables(READABLE_TABLES), functions: new Set(), known: COLUMNS }, 0),
    );
    const error = await failure(checked);
    expect(error.message).toMatch(/^the query is not allowed: /);
    expect(error.message).toMatch(why);
    expect(error.facts["class"]).toBe("validation");
  });

  test("reads nothing secret and changes nothing also where the login and the transaction are alone", async () => {
    expect(HOSTILE_QUERIES.length).toBeGreaterThan(60);
    const before = await everything();
    const unexpected: string[] = [];
    for (const { what, sql, alone } of HOSTILE_QUERIES) {
      const isSelect = /^\s*(select|with|table|values)/i.test(sql);
      const terms = {
        timeoutMs: alone === "stopped" ? 100 : 5_000,
        mostBytes: 1e6,
        signal: new AbortController().signal,
      };
      const happened = await readOnly(reading, terms, async (send) =>
        isSelect
          ? await readRows(send, sql, [], { rows: 50, bytes: 100_000, timeoutMs: 5_000 })
          : (await send({ text: sql, values: [] })).rows,
      ).then(
        (result) => (JSON.stringify(result).includes(SECRET) ? "secret" : "answered"),
        (error: Error) => (/statement timeout|did not end it/.test(error.message) ? "stopped" : "fails"),
      );
      const expected = { fails: "fails", stopped: "stopped", harmless: "answered", reads: happened }[alone];
      if (happened !== expected) unexpected.push(`${what}: ${happened} alone, not ${expected}`);
    }
    expect(unexpected).toEqual([]);
    expect(await everything()).toEqual(before);
  });

  test("changes nothing in such a transaction even under a login that may do everything", async () => {
    const terms = { timeoutMs: 5_000, mostBytes: 1e6, signal: new AbortController().signal };
    const text = "delete from chinook.refund";
    const deleted = readOnly(admin, terms, (send) => send({ text, values: [] }));
    await expect(deleted).rejects.toThrow(/read-only transaction/);
    const stacked = readOnly(admin, terms, (send) => send({ text: `commit; ${text}`, values: [] }));
    await expect(stacked).rejects.toThrow(/multiple commands/);
  });

  test.each(BOMBS)(
    "that is only too large is stopped, and its connection is free again: $what",
    async ({ sql, heavy }) => {
      const error = await failure(query({ timeout_ms: 100 })(sql));
      expect(error.message).toMatch(/takes too much/);
      // Asking the same again would take as long.
      expect(error.facts["class"]).toBe("validation");
      if (heavy) expect(await query({ max_cost: 10_000 })(sql)).toMatchObject({ kind: "heavy", max_cost: 10_000 });
      expect(await query()("select 1 as one")).toMatchObject({ rows: [[1]] });
    },
  );
});

const COLUMNS = new Map([
  ["chinook.customer", new Set(["customer_id", "first_name", "last_name", "country", "email", "phone"])],
  ["chinook.invoice", new Set(["invoice_id", "customer_id", "total", "billing_country"])],
]);

describe("an honest question", () => {
  test.each(HONEST_QUERIES)("is answered: $question", async ({ sql, params = [], rows }) => {
    expect(await query()(sql, params)).toMatchObject({ kind: "rows", rows, row_count: rows.length, truncated: false });
  });

  test("has its values as they are: exact numbers as text, dates in one form whatever the database prefers", async () => {
    const sql = `select 1::int2 as a, 9007199254740993::int8 as b, 0.10::numeric(10, 2) as c, 1.5::float8 as d, 'nan'::float8 as e,
      true as f, null as g, '2021-01-02'::date as h, '2021-01-02 03:04:05'::timestamp as i, '{"a":[1]}'::jsonb as j,
      '1 day 2 hours'::interval as k, array[1,2] as l, 'Holý' as m`;
    const { columns, rows } = (await query()(sql)) as { columns: { name: string; type: string }[]; rows: unknown[][] };
    expect(rows).toEqual([
      [
        1,
        "9007199254740993",
        "0.10",
        1.5,
        "NaN",
        true,
        null,
        "2021-01-02",
        "2021-01-02 03:04:05",
        { a: [1] },
        "P1DT2H",
        "{1,2}",
        "Holý",
      ],
    ]);
    expect(columns.map(({ type }) => type).join()).toBe(
      "smallint,bigint,numeric,double precision,double precision,boolean,text,date,timestamp,jsonb,interval,other,text",
    );
  });

  test("has JSON that no record can hold as text, and of characters what can be held", async () => {
    const deep = "[".repeat(4_900) + "]".repeat(4_900);
    const sql = String.raw`select '1e400'::json as a, '{"a":["\u0000"]}'::json as b, $1::json as c, 'null'::json as d`;
    expect(await query()(sql, [deep])).toMatchObject({ rows: [["1e400", { a: ["\ufffd"] }, deep, null]] });
  });

  test("takes its values as parameters, which are never part of the statement", async () => {
    const attack = "'; delete from chinook.refund; --";
    expect(await query()("select $1::text as a, $2::int as b, $3::bool as c", [attack, 7, true])).toMatchObject({
      rows: [[attack, 7, true]],
    });
    expect((await failure(query()("select $1::text"))).message).toMatch(/parameters \$1, and has 0 values/);
    expect((await failure(query()("select 1", ["a"]))).message).toMatch(/parameters none, and has 1/);
    expect((await failure(query()("select $2::text", ["a", "b"]))).message).toMatch(/parameters \$2, and has 2/);
    expect((await failure(query()("select $1::int", ["x"]))).facts).toMatchObject({ class: "validation" });
  });

  test("is told when there are more rows than it may have, or more bytes", async () => {
    const all = "select t.name from chinook.track t order by t.track_id";
    expect(await query({ max_rows: 3 })(all)).toMatchObject({ row_count: 3, truncated: true });
    expect(await query()(all)).toMatchObject({ row_count: 200, truncated: true });
    expect(await query({ max_rows: 5_000 })(all)).toMatchObject({ row_count: 3503, truncated: false });
    const few = (await query({ max_bytes: 100 })(all)) as { row_count: number; truncated: boolean };
    expect(few.truncated).toBe(true);
    expect(few.row_count).toBeLessThan(20);
    expect(await query({ max_rows: 59 })("select c.city from chinook.customer c")).toMatchObject({ truncated: false });
  });

  test("that would cost too much is not asked, and says what was expected", async () => {
    const sql = "select count(*) from chinook.track a cross join chinook.track b";
    const answer = await query({ max_cost: 1_000 })(sql);
    expect(answer).toEqual({
      kind: "heavy",
      max_cost: 1_000,
      estimate: { cost: expect.any(Number), rows: expect.any(Number) },
    });
    expect(answer.estimate.cost).toBeGreaterThan(1_000);
    expect(await query({ max_cost: 0 })(sql)).toEqual({ kind: "estimate", estimate: answer.estimate });
  });

  test("that is wrong is told what is wrong in the database's words, without its hints", async () => {
    const misspelt = await failure(query()("select c.emial from chinook.customer c"));
    expect(misspelt.message).not.toContain("email");
    const wrong = await failure(query()("select i.total / 0 from chinook.invoice i"));
    expect(wrong.message).toMatch(/the database refused the query: division by zero$/);
    expect(wrong.facts).toMatchObject({ class: "validation", sql_state: "22012" });
    expect((await failure(query()("select i.totl from chinook.invoice i"))).message).toMatch(
      /has no column "totl"; it has invoice_id/,
    );
    expect((await failure(query()("select from where"))).message).toMatch(/cannot be read: syntax error/);
  });

  test("hears the same of a table that it may not read and of one that there is not", async () => {
    const [one, other] = await Promise.all(
      ["chinook.secret", "chinook.secreu"].map((name) => failure(query()(`select * from ${name}`))),
    );
    expect(one?.message.replace("secret", "…")).toBe(other?.message.replace("secreu", "…"));
    expect((await failure(query()("select * from invoice"))).message).toMatch(
      /write "invoice" with its schema: chinook.invoice/,
    );
  });

  test("leaves its transaction and its connection as they were, also when it is given up", async () => {
    const stop = new AbortController();
    const tool = sqlQuery({ database: "chinook_read", tables: READABLE_TABLES });
    const asked = withTestPorts({ databases: { chinook_read: reading }, signal: stop.signal }, () =>
      tool.call({ sql: BOMBS[0]?.sql ?? "" }),
    );
    stop.abort(new Error("stopped"));
    await expect(asked).rejects.toThrow();
    const { rows } = await reading.query(
      "select current_setting('search_path') as path, current_setting('statement_timeout') as time",
    );
    expect(rows).toEqual([{ path: expect.not.stringContaining("pg_temp"), time: "30s" }]);
  });
});

describe("what is no statement, or too much of one", () => {
  test.each([
    ["nothing", " ", /exactly one select, not 0/],
    ["a comment", "-- select 1", /exactly one select, not 0/],
    ["a comment that never ends", "select 1 /*", /unterminated/],
    ["a text that never ends", "select 'a", /unterminated/],
    [
      "a character that ends it for one and not for the other",
      "select 1\0; delete from chinook.refund",
      /character that is none/,
    ],
    ["half a character", "select '\ud800'", /character that is none/],
    ["too long", `select ${"1,".repeat(10_000)}1`, /more than 20000 characters/],
    ["too many parts", `select ${"1,".repeat(5_000)}1`, /too many parts/],
    ["too deep", `select ${"(select ".repeat(200)}1${")".repeat(200)}`, /too many parts/],
    [
      "too deep for the parser",
      `select ${"(select ".repeat(2_200)}1${")".repeat(2_200)}`,
      /too many parts|cannot be read/,
    ],
  ])("%s is refused", async (_name, sql, why) => {
    expect((await failure(query()(sql))).message).toMatch(why);
  });

  test.each([
    ["no tables", { tables: {} }, /no tables/],
    ["a table without its schema", { tables: { invoice: "*" as const } }, /with its schema/],
    ["a table in capitals", { tables: { "chinook.Invoice": "*" as const } }, /lower case/],
    ["no columns", { tables: { "chinook.invoice": [] } }, /no columns/],
    ["no rows", { max_rows: 0 }, /max_rows 0/],
    ["a cost below nothing", { max_cost: -1 }, /max_cost -1/],
    ["endless time", { timeout_ms: Number.POSITIVE_INFINITY }, /timeout_ms/],
  ])("a tool with %s is refused", (_name, options, why) => {
    expect(() => query(options)).toThrow(why);
  });

  test("a function of the author's own is allowed by its name, and no other", async () => {
    await admin.query(
      "create or replace function chinook.twice(a int) returns int language sql immutable as 'select a * 2'",
    );
    expect(await query({ functions: ["chinook.twice"] })("select chinook.twice(21)")).toMatchObject({ rows: [[42]] });
    await failure(query()("select chinook.twice(21)"));
    await failure(query({ functions: ["chinook.twice"] })("select twice(21)"));
    await failure(query({ functions: ["chinook.twice"] })("select pg_catalog.pg_sleep(1)"));
  });

  test("a query that takes more disk than its login may is told so, and is not asked again", async () => {
    await admin.query(`alter role ${login} in database ${home.name} set temp_file_limit = '1MB'`);
    const careful = openPool({ ...(await seedChinook({ url: home.url })).reading, max: 1 });
    const sql =
      "select a.track_id from chinook.track a, chinook.genre b, chinook.media_type c order by a.name || b.name offset 50000";
    const tool = sqlQuery({ database: "chinook_read", tables: READABLE_TABLES });
    const error = await failure(withTestPorts({ databases: { chinook_read: careful } }, () => tool.call({ sql })));
    expect(error.facts).toMatchObject({ class: "validation", sql_state: "53400" });
    await careful.end();
  });

  test("a text is the same text to the parser and to a database that reads backslashes in it", async () => {
    await admin.query(`alter role ${login} in database ${home.name} set standard_conforming_strings = off`);
    const strange = openPool({ ...(await seedChinook({ url: home.url })).reading, max: 1 });
    const tool = sqlQuery({ database: "chinook_read", tables: READABLE_TABLES });
    const sql = String.raw`select '\' as a, ' from chinook.secret --' as b`;
    const answer = await withTestPorts({ databases: { chinook_read: strange } }, () => tool.call({ sql }));
    expect(answer).toMatchObject({ rows: [["\\", " from chinook.secret --"]] });
    await strange.end();
  });
});
