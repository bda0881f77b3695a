import { expect, it } from "vitest";
import { ask, decide, openReview, sdk } from "../support/client.ts";
import { openRefundHouse } from "../support/refund-house.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

it("a process that was frozen past its leases and goes on changes nothing: others have finished its runs", async () => {
  const house = await openRefundHouse();
  try {
    const first = await startServer({ databaseUrl: house.url });
    const client = sdk(first.url);
    const [plain, paying] = await Promise.all([client.threads.create(), client.threads.create()]);
    await client.runs.create(plain.thread_id, "held-in-the-middle", { input: { amount: 1 } });
    await client.runs.wait(paying.thread_id, "held-after-review", { input: { amount: 5 } });
    await decide(first.url, await openReview(first.url, paying.thread_id), { type: "approve" });
    const under = async (times: number) =>
      (await house.visits(plain.thread_id))["middle"] === times &&
      (await house.visits(paying.thread_id))["hold"] === times;
    await until("both nodes are under way", () => under(1));
    first.freeze();
    await house.leasesRunOut();

    const second = await startServer({ databaseUrl: house.url });
    await until("the other process has both", () => under(2));
    for (const { thread_id } of [plain, paying]) await house.letGo(thread_id);
    for (const { thread_id } of [plain, paying]) {
      const [run] = await sdk(second.url).runs.list(thread_id);
      await sdk(second.url).runs.join(thread_id, run?.run_id as string);
      expect(await sdk(second.url).runs.list(thread_id, { status: "success" })).not.toEqual([]);
    }
    const before = [await house.rowCounts(plain.thread_id), await house.rowCounts(paying.thread_id)];
    first.thaw();
    await until("it has noticed", () => first.log().split("lease_lost").length > 2);
    // What it had in hand when it was frozen has come to its end: it answers again, and runs nothing.
    await until("it runs nothing", async () => {
      const { rows } = await house.pool.query("select 1 from holdpoint.run where status in ('pending', 'running')");
      return rows.length === 0 && (await ask(first.url, "/readyz")).status === 200;
    });
    expect([await house.rowCounts(plain.thread_id), await house.rowCounts(paying.thread_id)]).toEqual(before);
    expect(await house.visits(plain.thread_id)).toEqual({ first: 1, middle: 2, last: 1 });
    expect(await house.payments()).toMatchObject([{ amount: 5 }]);
    expect(await house.brokenChains()).toEqual([]);
    await Promise.all([first.kill9(), second.kill9()]);
  } finally {
    await house.close();
  }
}, 120_000);
