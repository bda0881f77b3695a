import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  countListed,
  countReviews,
  listNewestReviews,
  listOldestReviews,
  listReviews,
  listReviewsOfThread,
  listWaitingReviews,
  MOST_COUNTED,
  REVIEW_SORTS,
  type ReviewWish,
} from "../../src/postgres/review-list.sql.ts";
import { newestReviewsOfThread } from "../../src/postgres/reviews.sql.ts";
import type { Statement } from "../../src/postgres/sql.ts";
import { REVIEW_STATUSES } from "../../src/protocol/review.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

vi.setConfig({ hookTimeout: 120_000 });

const OPEN = 10_000;
const CLOSED = 40_000;

let home: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  home = await createTestDatabase();
  client = new pg.Client({ connectionString: home.url });
  await client.connect();
  await client.query(reviews(CLOSED, "closed"));
  await client.query(reviews(OPEN, "open"));
  await client.query("analyze holdpoint.review");
});
afterAll(async () => {
  await client?.end();
  await home?.drop();
});

// As large as they are: what is shown and the policy are most of a row.
const reviews = (count: number, status: string) => `
  insert into holdpoint.review (id, group_id, thread_id, run_id, graph_id, graph_fingerprint, node, checkpoint_id, task_id,
    flavour, guarded, title, value, actions, value_digest, policy, policy_digest, request_digest, requested_by, status, risk,
    priority, candidate_groups, assignee, opened_at, due_at, snoozed_until)
  select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'graph-' || n % 40, 'f', 'ask',
    gen_random_uuid(), 't', 'review', true, 'Pay ' || n, repeat('x', 300), repeat('y', 300), 'd', repeat('z', 700), 'd', 'd',
    'somebody', '${status}', case n % 10 when 0 then 'high' else 'low' end, n % 101, array['group-' || n % 20],
    case n % 50 when 0 then 'ana' end, holdpoint.now() - n * interval '1 second',
    holdpoint.now() + (n - 1000.5) * interval '1 hour', case n % 100 when 0 then holdpoint.now() + interval '1 day' end
  from generate_series(1, ${count}) n`;

/** What a statement touches, as a long-lived connection has it planned, or planned for these values. */
async function touch(statement: Statement, mode: "generic" | "custom"): Promise<{ buffers: number; rows: unknown[] }> {
  const literals = statement.values.map((value) =>
    pg.escapeLiteral(Array.isArray(value) ? `{${value}}` : String(value)),
  );
  const execute = `execute list(${literals})`;
  await client.query("begin");
  await client.query(`set local plan_cache_mode = force_${mode}_plan`);
  await client.query(`prepare list as ${statement.text}`);
  const { rows } = await client.query(execute);
  const explained = await client.query(`explain (analyze, buffers, format json) ${execute}`);
  await client.query("rollback; deallocate list");
  const [{ Plan: plan }] = explained.rows[0]["QUERY PLAN"];
  return { buffers: plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], rows };
}

async function pagesOf(where: string): Promise<number> {
  const { rows } = await client.query(
    `select count(distinct (ctid::text::point)[0])::int as pages from holdpoint.review where ${where}`,
  );
  return rows[0].pages;
}

const WISHES: [string, ReviewWish][] = [
  ["of everything", {}],
  ["of a graph", { graph_id: "graph-7" }],
  ["of high risk", { risk: "high" }],
  ["of somebody", { assignee: "ana" }],
  ["of mine", { mine: "ana" }],
  ["of a group", { groups: ["group-3"] }],
  ["that nobody has", { unclaimed: true }],
  ["overdue", { overdue: true }],
  ["not snoozed", { snoozed: false }],
  ["by title", { q: "PAY 99" }],
  ["everything at once", { graph_id: "graph-0", risk: "high", unclaimed: false, snoozed: true, q: "pay" }],
];
const MODES = ["generic", "custom"] as const;

test.each(MODES)(
  "a list of what is open reads nothing of what is over, whatever the filter (%s plan)",
  async (mode) => {
    const open = await pagesOf("status = 'open'");
    const all = await pagesOf("true");
    expect(all).toBeGreaterThan(4 * open);
    for (const [at, [name, wish]] of WISHES.entries()) {
      const sort = REVIEW_SORTS[at % REVIEW_SORTS.length];
      const { buffers, rows } = await touch(
        listWaitingReviews("default", ["open"], { ...wish, sort }, { limit: 50, offset: 0 }),
        mode,
      );
      expect(rows.length, name).toBeGreaterThan(0);
      // Each page of the table, the index, and the rows of one page by their ids.
      expect(buffers, `${name} by ${sort}`).toBeLessThan(open + 50 * 6 + 400);
    }
  },
);

const OVER_WISHES: ReviewWish[] = [{}, { risk: "low" }, { unclaimed: true }];

test.each(MODES)(
  "a list of what is over reads no more than it shows, and counts no more than it says (%s plan)",
  async (mode) => {
    for (const statuses of [["closed"], REVIEW_STATUSES]) {
      for (const wish of OVER_WISHES) {
        for (const [list, offset] of [
          [listNewestReviews, 0],
          [listNewestReviews, 300],
          [listOldestReviews, 0],
          [listOldestReviews, 300],
        ] as const) {
          const { buffers, rows } = await touch(list("default", statuses, wish, { limit: 50, offset }), mode);
          expect(rows).toHaveLength(50);
          // Of each status that has any: a row each of what is shown and passed over, and the way to it.
          expect(buffers, JSON.stringify([statuses.length, offset, wish])).toBeLessThan(2 * (offset + 50) * 3 + 400);
        }
        const counted = await touch(countListed("default", statuses, wish), mode);
        expect(counted.rows).toEqual([{ total: String(MOST_COUNTED + 1) }]);
        expect(counted.buffers).toBeLessThan(MOST_COUNTED * 3);
      }
    }
  },
);

test.each(MODES)("the reviews of one thread are found by it (%s plan)", async (mode) => {
  const { rows } = await client.query("select thread_id from holdpoint.review where status = 'closed' limit 1");
  const thread_id = rows[0].thread_id as string;
  const page = { limit: 50, offset: 0 };
  const listed = await touch(listReviewsOfThread("default", thread_id, REVIEW_STATUSES, {}, page), mode);
  expect(listed.rows).toHaveLength(1);
  expect(listed.buffers).toBeLessThan(20);
  expect((await touch(newestReviewsOfThread("default", thread_id), mode)).buffers).toBeLessThan(20);
});

test("the counts read what is not over, once, and add up to what the lists hold", async () => {
  const { buffers, rows } = await touch(countReviews("default", "ana", ["group-3", "group-4"]), "generic");
  expect(buffers).toBeLessThan((await pagesOf("status = 'open'")) + 400);
  const total = async (wish: ReviewWish) => {
    const { text, values } = listWaitingReviews("default", ["open"], wish, { limit: 1, offset: 0 });
    return Number((await client.query(text, values)).rows[0].total);
  };
  expect(rows[0]).toMatchObject({
    open: String(await total({})),
    mine: String(await total({ mine: "ana" })),
    my_groups: String(await total({ groups: ["group-3", "group-4"] })),
    unclaimed: String(await total({ unclaimed: true })),
    overdue: String(await total({ overdue: true })),
    snoozed: String(await total({ snoozed: true })),
    high_risk: String(await total({ risk: "high" })),
    stale: "0",
  });
});

test.each([
  ["newest", listNewestReviews],
  ["opened_at", listOldestReviews],
] as const)(
  "a list of what is over in the order of its index (%s) is the one that reads everything",
  async (sort, list) => {
    for (const wish of [{ q: "pay 99" }, { overdue: true }]) {
      for (const statuses of [["failed", "closed"], REVIEW_STATUSES]) {
        const page = { limit: 40, offset: 37 };
        const whole = listReviews("default", statuses, { ...wish, sort }, page);
        const { rows } = await client.query(whole.text, whole.values);
        const part = list("default", statuses, wish, page);
        const found = await client.query(part.text, part.values);
        expect(found.rows.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
        const { text, values } = countListed("default", statuses, wish);
        const [counted] = (await client.query(text, values)).rows;
        if (rows.length > 0) expect(Number(counted.total)).toBe(Math.min(Number(rows[0].total), MOST_COUNTED + 1));
        else expect(Number(counted.total)).toBeLessThanOrEqual(page.offset);
      }
    }
  },
);

test("a list of everything finds what is open by the same filters", async () => {
  const count = async (list: typeof listReviews) => {
    const { text, values } = list(
      "default",
      ["open"],
      { graph_id: "graph-7", snoozed: false },
      { limit: 1, offset: 0 },
    );
    return (await client.query(text, values)).rows[0].total;
  };
  expect(await count(listReviews)).toBe(await count(listWaitingReviews));
});

test("each order is what it says, and the pages of a list do not overlap", async () => {
  const listed = async (sort: ReviewWish["sort"], offset: number) => {
    const { text, values } = listWaitingReviews("default", ["open"], { sort }, { limit: 20, offset });
    return (await client.query(text, values)).rows as { id: string; opened_at: Date; due_at: Date; priority: number }[];
  };
  const first = (await listed("opened_at", 0)).map(({ opened_at }) => opened_at.getTime());
  expect(first).toEqual(first.toSorted((a, b) => a - b));
  const newest = (await listed("newest", 0)).map(({ opened_at }) => opened_at.getTime());
  expect(newest).toEqual(newest.toSorted((a, b) => b - a));
  const due = (await listed("due_at", 0)).map(({ due_at }) => due_at.getTime());
  expect(due).toEqual(due.toSorted((a, b) => a - b));
  expect(new Set((await listed("priority", 0)).map(({ priority }) => priority))).toEqual(new Set([100]));
  for (const sort of REVIEW_SORTS) {
    const ids = [...(await listed(sort, 0)), ...(await listed(sort, 20))].map(({ id }) => id);
    expect(new Set(ids).size).toBe(40);
  }
});
