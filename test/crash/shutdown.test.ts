import { expect, it } from "vitest";
import { sdk } from "../support/client.ts";
import { openProxy } from "../support/proxy.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, SHORT_LEASE, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

// No lease runs out while these tests run: who takes over does so because it was handed over.
const LONG_LEASE = { HOLDPOINT_LEASE_MS: "600000" };

async function holding(house: RefundHouse, server: Server): Promise<{ thread_id: string; run_id: string }> {
  const { thread_id } = await sdk(server.url).threads.create();
  const { run_id } = await sdk(server.url).runs.create(thread_id, "held-in-the-middle", { input: { amount: 1 } });
  await until("the node is under way", async () => (await house.visits(thread_id))["middle"] === 1);
  return { thread_id, run_id };
}

it("a process that is told to stop waits a while, and hands the rest to another that goes on at once", async () => {
  const house = await openRefundHouse();
  try {
    const env = { ...LONG_LEASE, HOLDPOINT_DRAIN_MS: "300" };
    const first = await startServer({ databaseUrl: house.url, env });
    const { thread_id, run_id } = await holding(house, first);
    const second = await startServer({ databaseUrl: house.url, env });
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    await until("the other has it", async () => (await house.visits(thread_id))["middle"] === 2);
    await house.letGo(thread_id);
    await sdk(second.url).runs.join(thread_id, run_id);
    expect(await house.visits(thread_id)).toEqual({ first: 1, middle: 2, last: 1 });
    const { rows } = await house.pool.query(
      "select outcome from holdpoint.run_attempt where run_id = $1 order by attempt",
      [run_id],
    );
    expect(rows).toEqual([{ outcome: "drained" }, { outcome: "success" }]);
    expect(await second.stop()).toEqual({ code: 0, signal: null });
  } finally {
    await house.close();
  }
}, 120_000);

it("a process that is told twice to stop does so at once", async () => {
  const house = await openRefundHouse();
  try {
    const server = await startServer({ databaseUrl: house.url, env: { ...LONG_LEASE, HOLDPOINT_DRAIN_MS: "3600000" } });
    await holding(house, server);
    let exit: unknown;
    void server.exited.then((how) => (exit = how));
    void server.stop();
    await until("it has heard", () => server.log().includes("Ctrl-C again stops at once"));
    await until("it has ended", () => {
      if (exit === undefined) void server.stop();
      return exit !== undefined;
    });
    expect(exit).toEqual({ code: 143, signal: null });
  } finally {
    await house.close();
  }
}, 120_000);

it.each(["gone", "silent"] as const)(
  "a process stops although its database is %s",
  async (how) => {
    const house = await openRefundHouse();
    const proxy = await openProxy(house.url);
    try {
      const env = { ...SHORT_LEASE, HOLDPOINT_DRAIN_MS: "300" };
      const server = await startServer({ databaseUrl: proxy.url, env });
      const { run_id } = await holding(house, server);
      if (how === "gone") await proxy.close();
      else proxy.hold("all");
      const exit = await server.stop();
      expect(exit.signal, server.log()).toBeNull();
      // Nobody could hand it back: its lease runs out, and the next process goes on.
      const next = await startServer({ databaseUrl: house.url });
      const attempts = "select outcome from holdpoint.run_attempt where run_id = $1 and ended_at is not null";
      await until("it was taken back", async () => (await house.pool.query(attempts, [run_id])).rows.length > 0);
      expect((await house.pool.query(attempts, [run_id])).rows).toEqual([{ outcome: "lease_lost" }]);
      await next.kill9();
    } finally {
      if (how === "silent") await proxy.close();
      await house.close();
    }
  },
  120_000,
);
