import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { claimCandidates, claimNext, nextRunForUpdate, threadForClaim } from "../../src/postgres/claim.sql.ts";
import { liveReviewsForUpdate } from "../../src/postgres/reviews.sql.ts";
import type { Statement } from "../../src/postgres/sql.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

vi.setConfig({ hookTimeout: 120_000 });

let home: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  home = await createTestDatabase();
  client = new pg.Client({ connectionString: home.url });
  await client.connect();
  for (const statement of HISTORY) await client.query(statement);
});
afterAll(async () => {
  await client?.end();
  await home?.drop();
});

const runs = (count: number, columns: string, values: string) => `
  with thread as (
    insert into holdpoint.thread (thread_id) select gen_random_uuid() from generate_series(1, ${count}) returning thread_id
  ), numbered as (select thread_id, row_number() over () as n from thread)
  insert into holdpoint.run (run_id, thread_id, kind, principal_id, kwargs, ${columns})
  select gen_random_uuid(), thread_id, 'run', 'somebody', '{"input":{"amount":5}}', ${values} from numbered`;

const since = "holdpoint.now() - n * interval '1 second'";
const placed = "holdpoint.place('run', (n * 37 % 101)::smallint,";

// What a house looks like that has worked for a while: most is done, some waits for people, and more is queued than runs.
const HISTORY = [
  runs(100_000, "graph_id, status", "'loaded-' || n % 4, 'success'"),
  runs(10_000, "graph_id, status", "'loaded-' || n % 4, 'success'"),
  `insert into holdpoint.review (id, group_id, thread_id, run_id, graph_id, graph_fingerprint, node, checkpoint_id, task_id,
     flavour, guarded, title, value, actions, value_digest, policy, policy_digest, request_digest, requested_by)
   select gen_random_uuid(), gen_random_uuid(), thread_id, run_id, graph_id, 'f', 'ask', gen_random_uuid(), 't',
     'review', true, 'Pay', '{}', '[]', 'd', '{}', 'd', 'd', 'somebody'
   from (select * from holdpoint.run order by queue_seq desc limit 10000) paused`,
  runs(
    1_000,
    "graph_id, priority, not_before, place",
    `'loaded-' || n % 4, n * 37 % 101, ${since}, ${placed} ${since})`,
  ),
  // One thread with a long queue, of which only the first has a place.
  `insert into holdpoint.run (run_id, thread_id, kind, principal_id, kwargs, graph_id)
   select gen_random_uuid(), (select thread_id from holdpoint.run where place is not null limit 1), 'run', 'somebody', '{}', 'loaded-0'
   from generate_series(1, 1000)`,
  // Older and more urgent than everything: graphs that nobody here has loaded, and one that is full.
  runs(5_000, "graph_id, priority, not_before, place", `'elsewhere', 100, ${since}, ${placed} '2020-01-01')`),
  runs(2_000, "graph_id, priority, not_before, place", `'full', 100, ${since}, ${placed} '2020-01-01')`),
  runs(2, "graph_id, status", "'full', 'running'"),
  // Later today.
  runs(
    3_000,
    "graph_id, not_before, place",
    "'loaded-1', holdpoint.now() + interval '1 hour' + n * interval '10 seconds', 'infinity'",
  ),
  "analyze holdpoint.run, holdpoint.thread, holdpoint.review",
];

const GRAPHS = ["loaded-0", "loaded-1", "loaded-2", "full"];
const LIMITS = [null, null, 50, 2];
const MODES = ["generic", "custom"] as const;

interface Touched {
  buffers: number;
  rows: unknown[];
}

/** Runs a statement as a long-lived connection has it planned, or planned for these values, and takes it back. */
async function touch({ text, values }: Statement, mode: (typeof MODES)[number]): Promise<Touched> {
  const literals = values.map((value) => (value === null ? "null" : pg.escapeLiteral(textOf(value))));
  const execute = `execute claim${literals.length === 0 ? "" : `(${literals})`}`;
  await client.query("begin");
  await client.query(`set local plan_cache_mode = force_${mode}_plan`);
  await client.query(`prepare claim as ${text}`);
  await client.query("savepoint before");
  const { rows } = await client.query(execute);
  await client.query("rollback to before");
  const explained = await client.query(`explain (analyze, buffers, format json) ${execute}`);
  await client.query("rollback; deallocate claim");
  const [{ Plan: plan }] = explained.rows[0]["QUERY PLAN"];
  return { buffers: plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], rows };
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? `{${value.map((item) => item ?? "null")}}` : String(value);
}

async function bestPlaced(count: number): Promise<unknown[]> {
  const { rows } = await client.query(
    `select tenant_id, thread_id, graph_id from holdpoint.run
     where status = 'pending' and place < 'infinity' and graph_id like 'loaded-%' and graph_id <> 'loaded-3'
     order by place limit $1`,
    [count],
  );
  return rows;
}

test.each(MODES)(
  "a look through the queue touches 20 buffers at most, whatever waits there (%s plan)",
  async (mode) => {
    const { buffers, rows } = await touch(claimCandidates(GRAPHS, LIMITS, [], 1), mode);
    expect(rows).toEqual(await bestPlaced(1));
    expect(buffers).toBeLessThanOrEqual(20);
  },
);

test.each(MODES)("a look for ten runs at once touches fewer than eight buffers for each (%s plan)", async (mode) => {
  const { buffers, rows } = await touch(claimCandidates(GRAPHS, LIMITS, [], 10), mode);
  expect(rows).toEqual(await bestPlaced(10));
  expect(buffers).toBeLessThan(80);
});

test.each(MODES)("what a claim reads of its thread is 20 buffers at most (%s plan)", async (mode) => {
  const [{ tenant_id, thread_id }] = (await bestPlaced(1)) as [{ tenant_id: string; thread_id: string }];
  let buffers = 0;
  for (const read of [threadForClaim, nextRunForUpdate, liveReviewsForUpdate]) {
    buffers += (await touch(read(tenant_id, thread_id), mode)).buffers;
  }
  expect(buffers).toBeLessThanOrEqual(20);
});

test.each(MODES)(
  "a claim in one trip touches as much however many runs wait, have ended or ask (%s plan)",
  async (mode) => {
    const [thread] = (await bestPlaced(1)) as [{ tenant_id: string; thread_id: string }];
    const claim = claimNext(thread, GRAPHS, LIMITS, "00000000-0000-4000-8000-000000000000", 10_000);
    const { buffers, rows } = await touch(claim, mode);
    expect(rows).toMatchObject([{ thread_id: thread.thread_id, status: "running", attempt: 1 }]);
    expect(buffers).toBeLessThanOrEqual(60);
  },
);

test("a run whose time has come is found by the look that comes first then, and has its place from then on", async () => {
  const { rows: later } = await client.query(
    "select thread_id, not_before::text from holdpoint.run where place = 'infinity' order by not_before limit 2",
  );
  await client.query("begin");
  await client.query("update holdpoint.clock set shift = shift + ($1::timestamptz - holdpoint.now())", [
    later[1].not_before,
  ]);
  const { text, values } = claimCandidates(GRAPHS, LIMITS, [], 10_000);
  const { rows } = await client.query(text, values);
  const found = new Set(rows.map(({ thread_id }) => thread_id));
  expect(later.map(({ thread_id }) => found.has(thread_id))).toEqual([true, true]);
  const left = await client.query("select count(*)::int as left from holdpoint.run where place = 'infinity'");
  expect(left.rows[0].left).toBe(2_998);
  await client.query("rollback");
});
