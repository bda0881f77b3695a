import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { type Answer, ask, decide, openReview, sdk } from "../support/client.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let house: RefundHouse;
let server: Server;
beforeAll(async () => {
  house = await openRefundHouse();
  server = await startServer({ databaseUrl: house.url, shared: true });
}, 120_000);
afterAll(async () => {
  await server?.kill9();
  await house?.close();
});

const GRAPH = "open-twice";

/** The one order, and how to stand in the way at each place of it. */
const LEVELS = {
  "thread's lock": "select pg_advisory_xact_lock(hashtextextended('holdpoint:thread:' || $1::text, 0))",
  thread: "select 1 from holdpoint.thread where thread_id = $1 for no key update",
  run: "select 1 from holdpoint.run where thread_id = $1 for no key update",
  review: "select 1 from holdpoint.review where thread_id = $1 for no key update",
};
type Level = keyof typeof LEVELS;
const ORDER = Object.keys(LEVELS) as Level[];

type Act = (review: ReviewTask) => Promise<Answer>;
const runs = (body: object) => (review: ReviewTask) =>
  ask(server.url, `/threads/${review.thread_id}/runs`, { body: { assistant_id: GRAPH, ...body } });

const ACTS: [string, Level[], Act][] = [
  ["a decision", ["thread's lock", "thread", "review"], (review) => decide(server.url, review, { type: "approve" })],
  [
    "a resume",
    ["thread's lock", "thread", "review"],
    runs({ command: { resume: { decisions: [{ type: "approve" }] } } }),
  ],
  ["new input", ["thread's lock", "thread", "review"], runs({ input: { amount: 1 } })],
  [
    "a state edit",
    ["thread's lock", "thread", "review"],
    ({ thread_id }) => ask(server.url, `/threads/${thread_id}/state`, { body: { values: { amount: 1 } } }),
  ],
  [
    "a copy",
    ["thread's lock", "thread", "review"],
    ({ thread_id }) => ask(server.url, `/threads/${thread_id}/copy`, { method: "POST" }),
  ],
  [
    "a cancellation",
    ["thread's lock", "thread", "run", "review"],
    ({ thread_id, run_id }) => ask(server.url, `/threads/${thread_id}/runs/${run_id}/cancel`, { method: "POST" }),
  ],
];

/** Which tables of ours those that wait have locked rows of, or written to. */
const HELD_BY_THE_WAITING = `
  select distinct c.relname as name
  from pg_locks waiting
  join pg_stat_activity a on a.pid = waiting.pid and a.datname = current_database()
  join pg_locks held on held.pid = waiting.pid and held.granted and held.locktype = 'relation'
    and held.mode in ('RowShareLock', 'RowExclusiveLock')
  join pg_class c on c.oid = held.relation and c.relkind = 'r' and c.relnamespace = 'holdpoint'::regnamespace
  where not waiting.granted`;

describe.each(ACTS)("%s that has to wait", (_name, levels, act) => {
  it.each(levels)("for the %s holds nothing that comes after it", async (level) => {
    const { thread_id } = await sdk(server.url).threads.create();
    await sdk(server.url).runs.wait(thread_id, GRAPH, { input: { amount: 5 } });
    const review = await openReview(server.url, thread_id);
    const inTheWay = await house.pool.connect();
    try {
      await inTheWay.query("begin");
      await inTheWay.query(LEVELS[level], [thread_id]);
      const acted = act(review);
      await until("it waits", async () => {
        const text = `select 1 from pg_locks l join pg_stat_activity a using (pid)
          where not l.granted and a.datname = current_database() and a.pid <> pg_backend_pid()`;
        return (await house.pool.query(text)).rowCount;
      });
      const { rows } = await house.pool.query<{ name: string }>(HELD_BY_THE_WAITING);
      const allowed = ORDER.slice(0, ORDER.indexOf(level) + 1) as string[];
      expect(rows.map(({ name }) => name).filter((name) => !allowed.includes(name))).toEqual([]);
      await inTheWay.query("rollback");
      expect((await acted).status).toBeLessThan(300);
    } finally {
      await inTheWay.query("rollback");
      inTheWay.release();
    }
  });
});

it("a worker's batch waits for whoever holds the thread alone, and has written nothing before", async () => {
  const client = sdk(server.url);
  const { thread_id } = await client.threads.create();
  const { run_id } = await client.runs.create(thread_id, "held-in-the-middle", { input: { amount: 1 } });
  await until("the node is under way", async () => (await house.visits(thread_id))["middle"] === 1);
  const hold = await house.holdThread(thread_id);
  // Counted under the lock: events of the step before may still have been on their way.
  const { checkpoints, writes, events } = await house.rowCounts(thread_id);
  await house.letGo(thread_id);
  await until("the batch waits", async () => (await hold.waiting()) > 0);
  const { rows } = await house.pool.query(
    `select l.mode from pg_locks l join pg_stat_activity a using (pid)
     where a.datname = current_database() and l.locktype = 'advisory' and not l.granted`,
  );
  expect(rows).toEqual([{ mode: "ShareLock" }]);
  expect(await house.rowCounts(thread_id)).toMatchObject({ checkpoints, writes, events });
  await hold.release();
  expect(await client.runs.join(thread_id, run_id)).toMatchObject({ log: ["first", "middle", "last"] });
});
