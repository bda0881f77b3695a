import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Statement } from "../../src/postgres/sql.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { codeOf, listFiles, ROOT } from "./source.ts";

type StatementFunction = (...args: unknown[]) => Statement;

// Stands in for any argument: the text of a statement never depends on its values.
const anyArgument: unknown = new Proxy(() => undefined, {
  get: (_target, key) => {
    if (key === Symbol.iterator) return [][Symbol.iterator];
    if (key === Symbol.toPrimitive) return () => "1";
    return key === "length" ? 0 : anyArgument;
  },
  apply: () => anyArgument,
});

const statements: { label: string; make: StatementFunction }[] = [];
for (const file of listFiles("src/postgres", ".sql.ts")) {
  const module = (await import(join(ROOT, file))) as Record<string, unknown>;
  for (const [name, value] of Object.entries(module)) {
    if (typeof value === "function") statements.push({ label: `${file}: ${name}`, make: value as StatementFunction });
  }
}
const textOf = (make: StatementFunction) => make(...Array.from({ length: 12 }, () => anyArgument)).text;

// What a process does for every tenant at once: its own leases and cancellations, its own row, the figures of /metrics.
const SERVES_ALL_TENANTS = [
  "src/postgres/claim.sql.ts: renewLeases",
  "src/postgres/operations.sql.ts: figures",
  "src/postgres/runs.sql.ts: selectCancelled",
  "src/postgres/runs.sql.ts: stopWorker",
];

let database: TestDatabase;
let client: pg.Client;
let tenantTables: string[];

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query<{ table_name: string }>(
    "select table_name from information_schema.columns where table_schema = 'holdpoint' and column_name = 'tenant_id'",
  );
  tenantTables = rows.map(({ table_name }) => table_name);
  // Whoever forgets the schema finds no table.
  await client.query("set search_path to pg_catalog");
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

/** Lets the server parse and check a statement without running it, utility statements included. */
function check(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query({
      submit(connection: pg.Connection) {
        connection.parse({ name: "", text, types: [] }, true);
        connection.sync();
      },
      handleError: reject,
      handleReadyForQuery: () => resolve(),
      handleParseComplete() {},
    } as unknown as pg.Submittable);
  });
}

test("there are statements to check, and the exceptions among them exist", () => {
  expect(statements.length).toBeGreaterThan(20);
  const labels = statements.map(({ label }) => label);
  expect(SERVES_ALL_TENANTS.filter((label) => !labels.includes(label))).toEqual([]);
});

test.each(statements)("$label is accepted by the migrated database", async ({ make }) => {
  await expect(check(textOf(make)), textOf(make)).resolves.toBeUndefined();
});

test.each(statements)("$label has the same text whatever its arguments are", ({ make }) => {
  // An empty array has no property, and everything a list can be asked for.
  expect(make(...Array.from({ length: 12 }, () => [])).text).toBe(textOf(make));
});

test.each(statements)("$label names the tenant of every table that has one", ({ label, make }) => {
  const text = textOf(make);
  const touched = [...text.matchAll(/\b(?:from|join|into|update|using)\s+holdpoint\.(\w+)/g)].map(
    ([, table]) => table ?? "",
  );
  const mustName = touched.some((table) => tenantTables.includes(table)) && !SERVES_ALL_TENANTS.includes(label);
  if (mustName) expect(text).toContain("tenant_id");
});

test("statements are written in files of statements only", () => {
  // These two speak to a connection of their own, about the connection itself and about another schema.
  const exempt = ["src/postgres/notify.ts", "src/postgres/seed-chinook.ts", "src/postgres/sql.ts"];
  const others = listFiles("src").filter((file) => !file.endsWith(".sql.ts") && !exempt.includes(file));
  const marks =
    /\bsql(<[^`]*>)?`|["'`]\s*(select|insert\s+into|update\s+\S+\s+set|delete\s+from|with\s+\w+\s+as|create\s+(table|schema|role))\s/i;
  expect(others.filter((file) => marks.test(codeOf(file)))).toEqual([]);
});

test("NOTIFY is sent by its own statement only, never beside data", () => {
  const marks = /pg_notify\s*\(|["'`]\s*notify\s/i;
  const senders = listFiles("src").filter((file) => marks.test(codeOf(file)));
  expect(senders.filter((file) => !/^src\/postgres\/notify[^/]*\.ts$/.test(file))).toEqual([]);
  for (const { label, make } of statements) {
    const text = textOf(make);
    if (/pg_notify|\bnotify\s/i.test(text)) expect(text, label).not.toMatch(/\b(insert|update|delete)\b/i);
  }
});
