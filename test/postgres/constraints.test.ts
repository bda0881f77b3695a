import { randomUUID } from "node:crypto";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPool } from "../../src/postgres/pool.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

// Every one of these is also prevented by a lock and a check. This is what holds when one of them is wrong.
let home: TestDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  home = await createTestDatabase();
  pool = openPool({ connectionString: home.url, max: 2 });
});
afterAll(async () => {
  await pool?.end();
  await home?.drop();
});

type Row = Record<string, unknown>;

async function insert(table: string, row: Row): Promise<void> {
  const names = Object.keys(row);
  const places = names.map((_, index) => `$${index + 1}`);
  await pool.query(`insert into holdpoint.${table} (${names}) values (${places})`, Object.values(row));
}

/** The first goes in; the second, which differs where it says, does not. */
async function expectOnlyOne(table: string, row: () => Row, second: Row = {}): Promise<void> {
  const first = row();
  await insert(table, first);
  await expect(insert(table, { ...first, ...second })).rejects.toMatchObject({ code: "23505" });
}

const run = (more: Row = {}): Row => ({
  run_id: randomUUID(),
  thread_id: randomUUID(),
  kind: "run",
  graph_id: "g",
  principal_id: "p",
  kwargs: "{}",
  ...more,
});

const review = (): Row => ({
  id: randomUUID(),
  group_id: randomUUID(),
  thread_id: randomUUID(),
  run_id: randomUUID(),
  graph_id: "g",
  graph_fingerprint: "f",
  node: "n",
  checkpoint_id: randomUUID(),
  task_id: "t",
  interrupt_id: "i",
  flavour: "review",
  guarded: true,
  title: "t",
  value: "{}",
  actions: "[]",
  value_digest: "d",
  policy: "{}",
  policy_digest: "d",
  request_digest: "d",
  requested_by: "p",
});

const decision = (review_id: unknown): Row => ({
  id: randomUUID(),
  review_id,
  seq: 1,
  principal_id: "p",
  channel: "api",
  decisions: "[]",
  decisions_digest: "d",
  diff: "[]",
  binding: "digest",
  idempotency_key: "key",
});

const link = (): Row => ({
  kind: "opened",
  at: new Date(),
  principal_id: "p",
  review_id: randomUUID(),
  review_seq: 1,
  body: "{}",
  prev_hash: Buffer.alloc(32),
  hash: Buffer.alloc(32),
});

test("a thread has one running run", async () => {
  await expectOnlyOne("run", () => run({ status: "running" }), { run_id: randomUUID() });
});

test("the answers of a group are carried by one run", async () => {
  const carries = () => run({ kind: "resume", group_id: randomUUID(), group_attempt: 1 });
  await expectOnlyOne("run", carries, { run_id: randomUUID() });
});

test("a pause has one review that lives, also a pause without an interrupt id", async () => {
  await expectOnlyOne("review", review, { id: randomUUID() });
  await expectOnlyOne("review", () => ({ ...review(), interrupt_id: null }), { id: randomUUID() });
});

test("a review has one decision, and a key is used once", async () => {
  const decided = review();
  await insert("review", decided);
  await expectOnlyOne("decision", () => decision(decided["id"]), { id: randomUUID(), idempotency_key: "other" });
  await expect(insert("decision", { ...decision(decided["id"]), seq: 2 })).rejects.toMatchObject({ code: "23505" });
});

test("a call of a task has one effect", async () => {
  const effect = (): Row => ({
    thread_id: randomUUID(),
    effect_id: randomUUID(),
    run_id: randomUUID(),
    checkpoint_ns: "",
    checkpoint_id: randomUUID(),
    task_id: "t",
    call_key: "k",
    name: "n",
    kind: "once",
    args: "{}",
    args_digest: "d",
    not_after: new Date(),
  });
  await expectOnlyOne("effect", effect, { effect_id: randomUUID() });
});

test("a place of a chain has one link", async () => {
  await expectOnlyOne("audit", link);
});

test("what was recorded is neither changed nor removed", async () => {
  await insert("audit", link());
  for (const table of ["audit", "decision"]) {
    for (const text of [
      `update holdpoint.${table} set principal_id = 'other'`,
      `delete from holdpoint.${table}`,
      `truncate holdpoint.${table} cascade`,
    ]) {
      await expect(pool.query(text), text).rejects.toMatchObject({ code: "HP001" });
    }
  }
});
