import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openPool } from "../../src/postgres/pool.ts";
import { type ChinookSeed, seedChinook } from "../../src/postgres/seed-chinook.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

const opened: TestDatabase[] = [];

async function database(): Promise<TestDatabase> {
  const created = await createTestDatabase();
  opened.push(created);
  return created;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((created) => created.drop()));
});

async function asAdmin<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

async function countsInvoices(connection: ChinookSeed["reading"]): Promise<void> {
  const pool = openPool(connection);
  expect((await pool.query("select count(*)::int as n from chinook.invoice")).rows).toEqual([{ n: 412 }]);
  await pool.end();
}

describe("seeding the example's database", () => {
  test("loads all of Chinook, once, however many start at the same time", async () => {
    const { url } = await database();
    const seeds = await Promise.all([1, 2, 3, 4].map(() => seedChinook({ url })));
    expect(seeds.filter(({ seeded }) => seeded)).toHaveLength(1);
    expect(new Set(seeds.map(({ connection }) => connection.password)).size).toBe(1);
    const again = await seedChinook({ url });
    expect(again).toEqual({ ...seeds[0]!, seeded: false });
    const counts = await asAdmin(
      url,
      `select (select count(*)::int from chinook.customer) as customers, (select count(*)::int from chinook.invoice) as invoices,
        (select count(*)::int from chinook.invoice_line) as lines, (select sum(total)::text from chinook.invoice) as total,
        (select count(*)::int from chinook.playlist_track) as tracks, (select count(*)::int from chinook.refund) as refunds`,
    );
    expect(counts).toEqual([{ customers: 59, invoices: 412, lines: 2240, total: "2328.60", tracks: 8715, refunds: 0 }]);
  });

  test("keeps nothing of a seeding that failed, and the next one succeeds", async () => {
    const { url } = await database();
    const folder = await mkdtemp(join(tmpdir(), "chinook-"));
    await writeFile(
      join(folder, "chinook.sql"),
      "create table album (album_id int);\n/*\n   Create Foreign Keys\n*/\n/*\n   Populate Tables\n*/ select 1 / 0;",
    );
    await writeFile(join(folder, "refund.sql"), "");
    await expect(seedChinook({ url, folder })).rejects.toThrow(/division by zero/);
    await writeFile(join(folder, "chinook.sql"), "create table album (album_id int);");
    await expect(seedChinook({ url, folder })).rejects.toThrow(/no heading "Create Foreign Keys"/);
    await rm(folder, { recursive: true });
    await expect(seedChinook({ url, folder })).rejects.toThrow(/chinook\.sql is not in .*restore it/);
    expect((await seedChinook({ url })).seeded).toBe(true);
  });

  test("leaves a schema of that name alone that somebody else made", async () => {
    const { url } = await database();
    await asAdmin(url, "create schema chinook; create table chinook.mine (a int)");
    await expect(seedChinook({ url })).rejects.toThrow(/did not make; set HOLDPOINT_DATABASE_CHINOOK_URL/);
    expect(await asAdmin(url, "select count(*)::int as n from chinook.mine")).toEqual([{ n: 0 }]);
  });

  test("makes the login role again where a restored dump misses it", async () => {
    const { url } = await database();
    const seed = await seedChinook({ url });
    const users = `${seed.connection.user}, ${seed.reading.user}`;
    await asAdmin(url, `drop owned by ${users}; drop role ${users}`);
    expect(await seedChinook({ url })).toEqual({ ...seed, seeded: true });
    await Promise.all([countsInvoices(seed.connection), countsInvoices(seed.reading)]);
  });

  test("adds the role that only reads to a database of a time before it, and touches nothing else", async () => {
    const { url } = await database();
    const seed = await seedChinook({ url });
    const { user } = seed.reading;
    await asAdmin(url, `drop owned by ${user}; drop role ${user}`);
    await asAdmin(url, "delete from holdpoint.setting where name like 'port.chinook\\_read.%'");
    await asAdmin(url, "update chinook.invoice set billing_city = 'here' where invoice_id = 5");
    const later = await seedChinook({ url });
    expect(later.connection).toEqual(seed.connection);
    expect(later.reading.user).toBe(user);
    await countsInvoices(later.reading);
    expect(await asAdmin(url, "select billing_city from chinook.invoice where invoice_id = 5")).toEqual([
      { billing_city: "here" },
    ]);
  });

  test("says what to do when the database user may not create roles", async () => {
    const { url, name } = await database();
    const user = `weak_${name}`;
    await asAdmin(
      url,
      `create role ${user} login password 'weak'; grant create on database ${name} to ${user};
       grant usage on schema holdpoint to ${user}; grant select, insert, update on holdpoint.setting to ${user}`,
    );
    const { host, port, database: path } = new pg.Client({ connectionString: url });
    const query = new URLSearchParams({ host, port: String(port), sslmode: "disable" });
    const weak = `postgresql://${user}:weak@localhost/${path}?${query}`;
    await expect(seedChinook({ url: weak })).rejects.toThrow(
      /permission denied to create role.*HOLDPOINT_DATABASE_CHINOOK_URL/,
    );
    expect(await asAdmin(url, "select to_regnamespace('chinook')::text as schema")).toEqual([{ schema: null }]);
    await asAdmin(url, `drop owned by ${user}; drop role ${user}`);
  });
});

describe("the login role of the example's database", () => {
  let seed: ChinookSeed;
  let home: TestDatabase;
  let pool: pg.Pool;

  beforeAll(async () => {
    home = await createTestDatabase();
    seed = await seedChinook({ url: home.url });
    pool = openPool(seed.connection);
  });
  afterAll(async () => {
    await pool.end();
    await home.drop();
  });

  test("is another one for every database of a server", async () => {
    const other = await seedChinook({ url: (await database()).url });
    expect(other.connection.user).not.toBe(seed.connection.user);
    expect(seed.connection.user).toMatch(/^holdpoint_chinook_/);
  });

  test.each([
    ["reads an invoice", "select total from invoice where invoice_id = 5"],
    ["reads a customer", "select email from chinook.customer limit 1"],
    ["locks an invoice", "select total from invoice where invoice_id = 5 for update"],
    ["writes a refund", "insert into refund (effect_id, invoice_id, amount, reason) values ('e1', 5, 0.99, 'test')"],
  ])("%s", async (_name, text) => {
    expect((await pool.query(text)).rowCount).toBe(1);
  });

  test.each([
    ["read Holdpoint's settings, where its password is", "select * from holdpoint.setting", "42501"],
    ["read Holdpoint's audit", "select * from holdpoint.audit", "42501"],
    ["change an invoice's total", "update invoice set total = 0", "42501"],
    ["change whose an invoice is", "update invoice set customer_id = 1", "42501"],
    ["change a customer", "update customer set email = ''", "42501"],
    ["change a refund", "update refund set amount = 1", "42501"],
    ["delete a refund", "delete from refund", "42501"],
    ["empty a table", "truncate refund", "42501"],
    ["make a table", "create table chinook.mine (a int)", "42501"],
    ["make a role", "create role other", "42501"],
    ["become somebody else", "set role postgres", /^(42501|22023|42704)$/],
    ["refund nothing", "insert into refund (effect_id, invoice_id, amount, reason) values ('e2', 5, 0, '')", "23514"],
    [
      "refund an invoice that is not there",
      "insert into refund (effect_id, invoice_id, amount, reason) values ('e3', 0, 1, '')",
      "23503",
    ],
    [
      "refund twice for one effect",
      "insert into refund (effect_id, invoice_id, amount, reason) values ('e1', 5, 1, '')",
      "23505",
    ],
  ])("cannot %s", async (_name, text, code) => {
    const error: unknown = await pool.query(text).catch((thrown: unknown) => thrown);
    expect((error as { code: string }).code).toMatch(code);
  });
});
