import { expect, it } from "vitest";
import { decide, openReview, sdk } from "../support/client.ts";
import { openRefundHouse } from "../support/refund-house.ts";
import { refundExample } from "../support/refund-shop.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

it("holdpoint serve takes runs and decisions while nobody works, and holdpoint work carries them out", async () => {
  const house = await openRefundHouse();
  try {
    const databaseUrl = house.url;
    const api = await startServer({ databaseUrl, command: "serve" });
    const client = sdk(api.url);
    const { thread_id } = await client.threads.create();
    const input = await refundExample("large");
    const { run_id } = await client.runs.create(thread_id, "counted-refund", { input });
    expect(await client.runs.get(thread_id, run_id)).toMatchObject({ status: "pending" });

    const first = await startServer({ databaseUrl, command: "work" });
    await client.runs.join(thread_id, run_id);
    const review = await openReview(api.url, thread_id);
    expect(await first.stop()).toEqual({ code: 0, signal: null });

    const decided = await decide(api.url, review, { type: "approve" });
    expect(decided).toMatchObject({ status: 200, body: { review: { status: "decided" } } });
    expect(await client.threads.get(thread_id)).toMatchObject({ status: "busy" });
    expect(await house.refunds()).toEqual([]);

    const second = await startServer({ databaseUrl, command: "work" });
    await client.runs.join(thread_id, decided.body.run_id);
    expect(await house.refunds()).toMatchObject([{ invoice_id: 5, amount: "13.86" }]);
    await until("the review is closed", async () => {
      const { rows } = await house.pool.query("select 1 from holdpoint.review where status = 'closed'");
      return rows.length === 1;
    });
    expect([await second.stop(), await api.stop()]).toEqual(Array(2).fill({ code: 0, signal: null }));
  } finally {
    await house.close();
  }
}, 120_000);
