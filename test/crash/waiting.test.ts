import { expect, it } from "vitest";
import { ask, decide, openReview, sdk } from "../support/client.ts";
import { openRefundHouse } from "../support/refund-house.ts";
import { refundExample } from "../support/refund-shop.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { expectPaidOnce } from "./refund.ts";

it("kill -9 loses neither the review that waits for a person nor the run that a client waits for", async () => {
  const house = await openRefundHouse();
  try {
    const first = await startServer({ databaseUrl: house.url });
    const [asking, held] = await Promise.all([sdk(first.url).threads.create(), sdk(first.url).threads.create()]);
    await sdk(first.url).runs.wait(asking.thread_id, "counted-refund", { input: await refundExample("large") });
    const review = await openReview(first.url, asking.thread_id);
    const waiting = sdk(first.url).runs.wait(held.thread_id, "held-in-the-middle", { input: { amount: 1 } });
    const broken = expect(waiting).rejects.toThrow();
    await until("the node is under way", async () => (await house.visits(held.thread_id))["middle"] === 1);
    // At work already when the first one dies: it takes over without being started for it.
    const second = await startServer({ databaseUrl: house.url });
    await first.kill9();
    await house.leasesRunOut();
    await broken;
    const client = sdk(second.url);
    // The thread is free again: the run was claimed anew without anybody's doing, and went on where it was.
    await until("the run goes on", async () => (await house.visits(held.thread_id))["middle"] === 2);
    await house.letGo(held.thread_id);
    const [run] = await client.runs.list(held.thread_id);
    expect(await client.runs.join(held.thread_id, run?.run_id as string)).toEqual({
      amount: 1,
      log: ["first", "middle", "last"],
    });
    expect(await house.visits(held.thread_id)).toEqual({ first: 1, middle: 2, last: 1 });
    expect(await client.runs.list(held.thread_id)).toMatchObject([{ status: "success" }]);
    expect(await client.threads.get(held.thread_id)).toMatchObject({ status: "idle" });
    await client.runs.wait(held.thread_id, "held-in-the-middle", { input: { amount: 2 } });

    expect((await ask(second.url, `/reviews/${review.id}`)).body).toEqual(review);
    const decided = await decide(second.url, review, { type: "approve" });
    await client.runs.join(asking.thread_id, decided.body.run_id);
    await expectPaidOnce(house, second, asking.thread_id);
    await second.kill9();
  } finally {
    await house.close();
  }
}, 120_000);
