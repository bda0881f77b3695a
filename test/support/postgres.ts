import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";

/** A database of its own, cloned from the migrated template. */
export interface TestDatabase {
  url: string;
  name: string;
  drop(): Promise<void>;
}

/** Clones the migrated template. The name ends in `_test`, without which failpoints stay off. */
export function createTestDatabase(): Promise<TestDatabase> {
  return createDatabase(inject("templateDatabase"));
}

/** The same with the books of the shop that refunds are made from. */
export function createShopDatabase(): Promise<TestDatabase> {
  return createDatabase(inject("shopDatabase"));
}

/** A database with nothing in it, for tests of what fills it. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return createDatabase("template0");
}

async function createDatabase(template: string): Promise<TestDatabase> {
  const name = `hp_${randomBytes(6).toString("hex")}_test`;
  await asAdmin(`create database ${name} template ${template}`);
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  return { url: url.href, name, drop: () => asAdmin(`drop database if exists ${name} with (force)`) };
}

async function asAdmin(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject("postgresUrl") });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
