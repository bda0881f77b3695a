import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createWriteBatcher, type WriteBatcher } from "../../src/postgres/batch.ts";
import { type CheckpointRow, insertCheckpoint } from "../../src/postgres/checkpointer/write.sql.ts";
import { type Statement, sql } from "../../src/postgres/sql.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type CountedSaver, createThread, openCounted } from "./support.ts";

let database: TestDatabase;
let counted: CountedSaver;

beforeAll(async () => {
  database = await createTestDatabase();
  counted = openCounted(database.url);
  await counted.rows(`
    create table public.note (thread_id text, id integer, text text, unique (thread_id, id));
    create sequence public.attempt;
    create function public.conflict(times bigint, code text) returns bigint language plpgsql as $$
      declare attempt bigint := nextval('public.attempt');
      begin
        if attempt <= times then raise exception 'conflict %', attempt using errcode = code; end if;
        return attempt;
      end $$;`);
});
beforeEach(async () => {
  await counted.rows("truncate public.note");
  await counted.rows("alter sequence public.attempt restart");
});
afterAll(async () => {
  await counted.end();
  await database.drop();
});

const note = (thread_id: string, id: number, text = "fine") =>
  sql`insert into public.note (thread_id, id, text) values (${thread_id}::text, ${id}::integer, ${text}::text)`;

const checkpointRow = (metadata: string): CheckpointRow => ({
  tenant_id: "default",
  thread_id: "poisoned",
  checkpoint_ns: "",
  checkpoint_id: randomUUID(),
  parent_checkpoint_id: null,
  run_id: null,
  metadata,
  metadata_exact: null,
  channels: [],
  chains: null,
  seqs: null,
  copied: null,
  body: "{}",
});

const lease = (thread_id: string) => ({
  tenant_id: "default",
  thread_id,
  lease_epoch: 1,
  run_id: "7f2c1b1e-6f0e-4a49-9c1e-0d6c6f3f4a11",
});

const poison: [string, string, (thread_id: string) => Statement][] = [
  ["a row that is there already", "23505", (thread_id) => note(thread_id, 1)],
  ["NUL in a text", "22021", (thread_id) => note(thread_id, 2, "a\0b")],
  ["a number that jsonb cannot hold", "22003", () => insertCheckpoint(checkpointRow('{"n":1e200000}'))],
  [
    "nesting that jsonb cannot hold",
    "54001",
    () => insertCheckpoint(checkpointRow(`{"n":${"[".repeat(50_000)}${"]".repeat(50_000)}}`)),
  ],
  ["a row too wide for its index", "54000", (thread_id) => wideKey(thread_id)],
  ["a table that the server does not know", "42P01", () => sql`insert into public.nowhere values (${1}::integer)`],
  ["a column that the server does not know", "42703", () => sql`update public.note set nothing = ${1}::integer`],
  ["an expression that fails", "22012", () => sql`select 1 / ${0}::integer`],
];

/** Random, because Postgres compresses a key before it says that it is too long. */
function wideKey(thread_id: string): Statement {
  const random = Array.from({ length: 300 }, () => randomUUID()).join("");
  return note(`${thread_id}${random}`, 1);
}

describe.each([
  ["named statements", true],
  ["unnamed statements", false],
] as const)("with %s", (_, prepare) => {
  let batcher: WriteBatcher;
  beforeAll(() => {
    batcher = createWriteBatcher(counted.pool, { prepare });
  });

  test.each(poison)("%s fails the write that has it, and nobody else's, leased or not", async (_name, code, bad) => {
    const threads = Array.from({ length: 6 }, () => randomUUID());
    const [free, leased, guilty, guiltyLeased, zombie, last] = threads as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    for (const thread_id of [leased, guiltyLeased]) await createThread(counted, thread_id);
    await createThread(counted, zombie, 2);
    const guarded = (thread_id: string) => sql`
      insert into public.note (thread_id, id, text) select ${thread_id}::text, 1, 'fine'
      where exists (select 1 from holdpoint.thread t where t.thread_id = ${thread_id}::text and t.lease_epoch = 1)`;
    const writes = [
      { thread_id: free, statements: [note(free, 1), note(free, 2)] },
      { thread_id: guilty, statements: [note(guilty, 1), bad(guilty), note(guilty, 3)] },
      { thread_id: leased, lease: lease(leased), statements: [guarded(leased)] },
      {
        thread_id: guiltyLeased,
        lease: lease(guiltyLeased),
        statements: [guarded(guiltyLeased), bad(guiltyLeased)],
      },
      { thread_id: zombie, lease: lease(zombie), statements: [guarded(zombie)] },
      { thread_id: last, statements: [note(last, 1)] },
    ].map((write) => batcher.submit(write));
    const results = await Promise.allSettled(writes);
    expect(results.map((result) => (result.status === "fulfilled" ? "stored" : result.reason.code))).toEqual([
      "stored",
      code,
      "stored",
      code,
      "lease_lost",
      "stored",
    ]);
    const rows = await counted.rows<{ thread_id: string; id: number }>("select thread_id, id from public.note");
    const expected = [`${free} 1`, `${free} 2`, `${leased} 1`, `${last} 1`];
    expect(rows.map(({ thread_id, id }) => `${thread_id} ${id}`).sort()).toEqual(expected.sort());
    expect(await counted.rows("select 1 from holdpoint.checkpoint where thread_id = 'poisoned'")).toEqual([]);
  });

  test.each([
    ["a deadlock", "40P01"],
    ["a serialisation conflict", "40001"],
  ])("a write that loses %s is sent again, and nobody is told", async (_name, code) => {
    const [loser, innocent] = [randomUUID(), randomUUID()];
    const writes = [
      { thread_id: loser, statements: [note(loser, 1), sql`select public.conflict(${3}::bigint, ${code}::text)`] },
      { thread_id: innocent, statements: [note(innocent, 1)] },
    ].map((write) => batcher.submit(write));
    expect((await Promise.allSettled(writes)).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
    expect(await counted.rows("select 1 from public.note")).toHaveLength(2);
  });

  test("a write that loses every time is refused in the end, alone", async () => {
    const [loser, innocent] = [randomUUID(), randomUUID()];
    const writes = [
      { thread_id: loser, statements: [note(loser, 1), sql`select public.conflict(${1e9}::bigint, ${"40P01"}::text)`] },
      { thread_id: innocent, statements: [note(innocent, 1)] },
    ].map((write) => batcher.submit(write));
    expect(await Promise.allSettled(writes)).toMatchObject([
      { status: "rejected", reason: { code: "40P01" } },
      { status: "fulfilled" },
    ]);
    expect(await counted.rows("select thread_id from public.note")).toEqual([{ thread_id: innocent }]);
  });
});
