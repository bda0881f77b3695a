import { afterAll, beforeAll, expect, it } from "vitest";
import { ask, sdk } from "../support/client.ts";
import { openReceiver, type Receiver } from "../support/receiver.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { refundExample } from "../support/refund-shop.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let house: RefundHouse;
let receiver: Receiver;
beforeAll(async () => {
  house = await openRefundHouse();
  receiver = await openReceiver();
});
afterAll(async () => {
  await receiver.close();
  await house.close();
});

const env = { HOLDPOINT_WEBHOOK_ALLOW: "127.0.0.1", HOLDPOINT_WEBHOOK_TIMEOUT_MS: "5000" };

it.each([
  { at: "run.finished", sent: 0, what: "between the end of a run and what its webhook is told" },
  { at: "delivery.answered", sent: 1, what: "between the answer of a webhook and the note of it" },
])(
  "kill -9 $what: it is told by the next process, under the same id",
  async ({ at, sent }) => {
    const path = `/${at}`;
    const first = await startServer({ databaseUrl: house.url, failpoint: at, env });
    const { thread_id } = await sdk(first.url).threads.create();
    const input = await refundExample("small");
    const body = { assistant_id: "counted-refund", input, webhook: receiver.url(path) };
    const created = await ask(first.url, `/threads/${thread_id}/runs`, { body });
    expect(await first.exited).toEqual({ code: null, signal: "SIGKILL" });
    expect(first.marker()).toBe(at);
    expect(receiver.at(path)).toHaveLength(sent);
    // The attempt that was under way is given up for lost by the clock.
    await house.leasesRunOut();
    const second = await startServer({ databaseUrl: house.url, after: first, env });
    await until("it is told", () => receiver.at(path).length > sent);
    const [told] = await until("it is noted", async () => {
      const { body: deliveries } = await ask(second.url, `/deliveries?run_id=${created.body.run_id}&status=delivered`);
      return deliveries.length === 1 ? deliveries : undefined;
    });
    const ids = receiver.at(path).map(({ headers }) => headers["webhook-id"]);
    expect(ids).toEqual(Array.from({ length: sent + 1 }, () => told.delivery_id));
    for (const { body: one } of receiver.at(path))
      expect(one).toMatchObject({ run_id: created.body.run_id, status: "success" });
    const { history } = (await ask(second.url, `/deliveries/${told.delivery_id}`)).body;
    // The first attempt has no end: nobody knows what it was answered.
    expect(history.map(({ answer_status }: { answer_status: number | null }) => answer_status)).toEqual(
      sent === 0 ? [204] : [204, null],
    );
    await second.kill9();
  },
  120_000,
);
