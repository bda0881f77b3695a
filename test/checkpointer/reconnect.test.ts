import { afterAll, beforeAll, expect, it } from "vitest";
import { openWakeups } from "../../src/postgres/notify.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { knobs, resetKnobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { ask, decide, openReview, sdk } from "../support/client.ts";
import { openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { type OwnPostgres, openOwnPostgres } from "../support/own-postgres.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, SHORT_LEASE, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let postgres: OwnPostgres;
let house: RefundHouse;
let server: Server;
beforeAll(async () => {
  postgres = await openOwnPostgres();
  house = await openRefundHouse(postgres.database);
  server = await startServer({
    databaseUrl: house.url,
    shared: true,
    env: { ...SHORT_LEASE, HOLDPOINT_DRAIN_MS: "100" },
  });
});
afterAll(async () => {
  await server.kill9();
  await house.close();
  await postgres.end();
});

/** One run that is in the middle of a node, and one that has been approved and will pay when its node goes on. */
async function underWay(): Promise<{ plain: string; paying: string }> {
  const client = sdk(server.url);
  const [plain, paying] = await Promise.all([client.threads.create(), client.threads.create()]);
  await client.runs.create(plain.thread_id, "held-in-the-middle", { input: { amount: 1 } });
  await client.runs.wait(paying.thread_id, "held-after-review", { input: { amount: 5 } });
  await decide(server.url, await openReview(server.url, paying.thread_id), { type: "approve" });
  await until("both nodes are under way", async () => {
    const [held, hold] = await Promise.all([house.visits(plain.thread_id), house.visits(paying.thread_id)]);
    return held["middle"] === 1 && hold["hold"] === 1;
  });
  return { plain: plain.thread_id, paying: paying.thread_id };
}

async function endedWell(thread_id: string): Promise<boolean> {
  const runs = await sdk(server.url).runs.list(thread_id);
  return runs.length > 0 && runs.every(({ status }) => status !== "pending" && status !== "running");
}

/** What everybody is told while there is no database. */
async function expectRefusals(thread_id: string): Promise<void> {
  const refusal = { status: 503, code: "database_unreachable" };
  const asked = [
    ask(server.url, `/threads/${thread_id}`),
    ask(server.url, `/threads/${thread_id}/state`),
    ask(server.url, `/threads/${thread_id}/runs`, { body: { assistant_id: "held-in-the-middle", input: {} } }),
    ask(server.url, "/reviews"),
    ask(server.url, "/threads", { body: {} }),
  ];
  for (const answer of await Promise.all(asked)) {
    expect(answer).toMatchObject(refusal);
    expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  }
  const { body } = await ask(server.url, "/reviews");
  expect(body).toMatchObject({ error: { code: "database_unreachable", retryable: true } });
  expect(await ask(server.url, "/readyz")).toMatchObject({
    status: 503,
    body: { ready: false, reasons: ["the database does not answer"] },
  });
  expect(await ask(server.url, "/ok?check_db=1")).toMatchObject({ status: 503, body: { ok: false } });
  expect(await ask(server.url, "/ok")).toMatchObject({ status: 200, body: { ok: true } });
}

it.each(["fast", "immediate"] as const)(
  "a server goes on by itself after its Postgres was stopped (%s) in the middle of runs",
  async (mode) => {
    const { plain, paying } = await underWay();
    const paidBefore = (await house.payments()).length;
    const watched = await watch(plain);
    const asked = await askBehindLock();
    await postgres.stop(mode);
    expect(await asked.answer).toMatchObject({ status: 503, code: "database_unreachable" });
    await asked.end();
    await expectRefusals(plain);
    await until("who watches the run hears that the stream broke off", () => watched.isOver());
    await postgres.start();
    for (const thread_id of [plain, paying]) await until("its thread can be let go", () => letGo(thread_id));
    for (const thread_id of [plain, paying]) await until("its run ends", () => endedWell(thread_id).catch(() => false));

    const client = sdk(server.url);
    expect(await client.runs.list(plain)).toMatchObject([{ status: "success" }]);
    expect(await client.runs.list(paying)).toMatchObject([{ status: "success" }, { status: "success" }]);
    expect((await client.threads.getState(plain)).values).toEqual({ amount: 1, log: ["first", "middle", "last"] });
    expect(await house.visits(plain)).toEqual({ first: 1, middle: 2, last: 1 });
    expect((await house.payments()).length - paidBefore).toBe(1);
    expect(await house.brokenChains()).toEqual([]);
    expect(await ask(server.url, "/readyz")).toMatchObject({ status: 200 });
    expect(server.log()).not.toMatch(/uncaught|unhandled/i);
  },
  120_000,
);

/** A request whose statement is under way, and waits for a lock that nobody gives up. */
async function askBehindLock() {
  const { thread_id } = await sdk(server.url).threads.create();
  const pool = openPool({ connectionString: house.url, max: 2 });
  const holder = await pool.connect();
  await holder.query("begin");
  await holder.query("select pg_advisory_xact_lock(hashtextextended('holdpoint:thread:' || $1, 0))", [thread_id]);
  const body = { assistant_id: "held-in-the-middle", input: { amount: 1 } };
  const answer = ask(server.url, `/threads/${thread_id}/runs`, { body });
  const waiting = "select 1 from pg_locks where locktype = 'advisory' and not granted";
  await until("the request waits for the lock", async () => (await pool.query(waiting)).rowCount);
  const end = async () => {
    holder.release(true);
    await pool.end();
  };
  return { answer, end };
}

/** Reads the stream of the thread's run to its end, whatever that is. */
async function watch(thread_id: string): Promise<{ isOver(): boolean }> {
  const [run] = await sdk(server.url).runs.list(thread_id);
  const stream = await fetch(`${server.url}/threads/${thread_id}/runs/${run?.run_id}/stream`);
  let isOver = false;
  const end = () => (isOver = true);
  stream.text().then(end, end);
  return { isOver: () => isOver };
}

async function letGo(thread_id: string): Promise<boolean> {
  return await house.letGo(thread_id).then(
    () => true,
    () => false,
  );
}

it("wake-ups of other processes arrive again after Postgres was stopped", async () => {
  const [near, far] = [openWakeups({ url: house.url }), openWakeups({ url: house.url })];
  try {
    let heard = 0;
    near.subscribe("runs", (thread_id) => (heard += thread_id === undefined ? 1 : 0));
    for (const mode of ["fast", "immediate", undefined] as const) {
      const before = heard;
      await until("a wake-up arrives", () => {
        far.wake("runs");
        return heard > before;
      });
      if (mode === undefined) break;
      await postgres.stop(mode);
      await postgres.start();
    }
  } finally {
    await Promise.all([near.close(), far.close()]);
  }
});

it("a server can be stopped while there is no Postgres to tell, and its runs are taken over by the next one", async () => {
  const { thread_id } = await sdk(server.url).threads.create();
  await sdk(server.url).runs.create(thread_id, "held-in-the-middle", { input: { amount: 1 } });
  await until("the node is under way", async () => (await house.visits(thread_id))["middle"] === 1);
  await postgres.stop("fast");
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  await postgres.start();
  server = await startServer({ databaseUrl: house.url, shared: true, env: SHORT_LEASE });
  await until("its thread can be let go", () => letGo(thread_id));
  await until("its run ends", () => endedWell(thread_id).catch(() => false));
  expect(await sdk(server.url).runs.list(thread_id)).toMatchObject([{ status: "success" }]);
});

/** What makes a run wait: its node's commit for a lock, or its first look at the checkpoints for their table. */
const CUTS = {
  commit: "select pg_advisory_xact_lock(hashtextextended('holdpoint:thread:' || $1, 0))",
  read: "lock table holdpoint.checkpoint in access exclusive mode",
};

it.each(["commit", "read"] as const)(
  "a run whose connections are cut in the middle of a %s is repeated from its last checkpoint, though Postgres stays",
  async (cut) => {
    resetKnobs();
    const home = await openHouse();
    const admin = openPool({ connectionString: home.url, max: 2 });
    const holder = await admin.connect();
    try {
      await holder.query("begin");
      knobs.onVisit = async (place) => {
        const isDue = cut === "commit" && place === "steps.b" && visitsOf(place) === 1;
        if (isDue) await holder.query(CUTS.commit, [run.thread_id]);
      };
      const run = await home.start("steps", { input: { amount: 1 } });
      if (cut === "read") await holder.query(CUTS.read);
      const settling = home.settle();
      const end = `select count(pg_terminate_backend(pid, 5000))::int as ended from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      await until("it waits, and is cut off", async () => (await admin.query(end)).rows[0].ended);
      await holder.query("commit");
      await settling;
      expect(await home.run(run.run_id)).toMatchObject({ status: "success", attempt: 2, error: null });
      expect(JSON.parse((await home.thread(run.thread_id)).values ?? "null")).toMatchObject({ log: ["a", "b", "c"] });
      expect([visitsOf("steps.a"), visitsOf("steps.c")]).toEqual([1, 1]);
      expect(await violations(home.database)).toEqual([]);
    } finally {
      holder.release(true);
      await admin.end();
      await home.close();
    }
  },
);
