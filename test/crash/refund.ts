import { expect } from "vitest";
import { ask, decide, reviewsOf, sdk } from "../support/client.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { refundExample } from "../support/refund-shop.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const GRAPH = "counted-refund";

/** How often each node runs when nobody is killed: the one that asks runs again for its answer. */
const ONCE = { analyze: 1, validate: 1, propose: 1, review: 2, execute: 1, finalize: 1 };

/** A place to be killed at. */
export interface Kill {
  /** The failpoint, or name:n. */
  at: string;
  /** The node under way, which the next process may run again; all others may not. */
  under_way?: keyof typeof ONCE;
  /** True when no decision had been kept, so that a person decides after the kill. */
  undecided?: boolean;
}

/**
 * One refund over two processes: the first is killed where it says, the second does what is left. Nobody repairs
 * anything; a person only decides, again if the first decision was not kept.
 */
export async function survive({ at, under_way, undecided = false }: Kill): Promise<void> {
  const house = await openRefundHouse();
  try {
    const first = await startServer({ databaseUrl: house.url, failpoint: at });
    const { thread_id } = await sdk(first.url).threads.create();
    await untilKilled(first, thread_id);
    expect(first.marker()).toBe(at.split(":")[0]);
    await house.leasesRunOut();
    const second = await startServer({ databaseUrl: house.url, after: first });
    const answered = await finish(second, thread_id);
    await expectPaidOnce(house, second, thread_id);
    const visits = await house.visits(thread_id);
    const times =
      under_way === undefined ? {} : { [under_way]: expect.toBeOneOf([ONCE[under_way], ONCE[under_way] + 1]) };
    expect(visits).toEqual({ ...ONCE, ...times });
    expect(answered, "how often a person had to decide after the kill").toBe(undecided ? 1 : 0);
    await second.kill9();
  } finally {
    await house.close();
  }
}

/** Starts the refund and decides it, until the server dies of it. */
async function untilKilled(server: Server, thread_id: string): Promise<void> {
  let dead = false;
  const died = server.exited.then((exit) => {
    dead = true;
    expect(exit).toEqual({ code: null, signal: "SIGKILL" });
  });
  const body = { assistant_id: GRAPH, input: await refundExample("large") };
  const drive = async () => {
    await ask(server.url, `/threads/${thread_id}/runs`, { body });
    const review = await until("the review is open", async () => {
      if (dead) throw new Error("killed");
      return (await reviewsOf(server.url, thread_id, "open"))[0];
    });
    await decide(server.url, review, { type: "approve" });
  };
  // Whatever request was under way breaks off with the server.
  await Promise.all([died, drive().catch(() => {})]);
}

/** Waits for what the second process does by itself, and decides what is open. Gives how often that was. */
async function finish(server: Server, thread_id: string): Promise<number> {
  let answered = 0;
  await until("the refund is done", async () => {
    const [open] = await reviewsOf(server.url, thread_id, "open");
    if (open !== undefined) {
      expect(await decide(server.url, open, { type: "approve" })).toMatchObject({ status: 200 });
      answered += 1;
    }
    const runs = await sdk(server.url).runs.list(thread_id);
    return runs.length === 2 && runs.every(({ status }) => status !== "pending" && status !== "running");
  });
  return answered;
}

/** The one refund, and everything that was begun is over. */
export async function expectPaidOnce(house: RefundHouse, server: Server, thread_id: string): Promise<void> {
  const client = sdk(server.url);
  expect(await house.refunds(5)).toMatchObject([{ amount: "13.86" }]);
  expect((await client.runs.list(thread_id)).map(({ status }) => status)).toEqual(["success", "success"]);
  expect(await client.threads.get(thread_id)).toMatchObject({ status: "idle", interrupts: {} });
  expect(await client.threads.getState(thread_id)).toMatchObject({ next: [], values: { outcome: "paid" } });
  const reviews = await reviewsOf(server.url, thread_id);
  expect(reviews).toMatchObject([{ status: "closed", outcome: "approved" }]);
  const { rows } = await house.pool.query(
    `select (select count(*)::int from holdpoint.decision) as decisions,
       (select json_agg(e.status) from holdpoint.effect e) as effects,
       (select count(*)::int from holdpoint.thread where lease_until is not null) as leases`,
  );
  expect(rows).toEqual([{ decisions: 1, effects: ["receipt"], leases: 0 }]);
  expect(await house.brokenChains()).toEqual([]);
}
