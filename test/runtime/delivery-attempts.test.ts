import { describe, expect, test } from "vitest";
import { type AllowList, parseAllowList } from "../../src/policy/private-address.ts";
import { replay } from "../../src/postgres/deliveries.ts";
import { createDeliverer, type WebhookSettings } from "../../src/runtime/deliver.ts";
import { until } from "../support/until.ts";
import {
  finished,
  house,
  openDeliveryScene,
  received,
  receiver,
  send,
  settings,
  theDelivery,
} from "./delivery-scene.ts";

openDeliveryScene();

describe("an attempt", () => {
  test("is made once, however many want to make it", async () => {
    const run = await finished("/crowd");
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    receiver.answer("/crowd", async (response) => {
      await answered;
      response.writeHead(204).end();
    });
    const errand = { tenant_id: "default", id: (await theDelivery(run)).delivery_id };
    const deliver = createDeliverer(house.parts, settings);
    let returned = 0;
    const sending = Array.from({ length: 10 }, () =>
      deliver(errand, new AbortController().signal).then(() => {
        returned += 1;
      }),
    );
    await until("all but one have found nothing to do", () => returned === 9);
    answer();
    await Promise.all(sending);
    expect(receiver.at("/crowd")).toHaveLength(1);
  });

  test("that is never heard of again is given up for lost, and what it says later is not believed", async () => {
    const run = await finished("/lost");
    const late = Promise.withResolvers<void>();
    receiver.answer("/lost", async (response) => {
      await late.promise;
      response.writeHead(410).end();
    });
    const first = send(run);
    await until("the first is under way", () => receiver.at("/lost").length === 1);
    await send(run);
    const delivery_id = (await theDelivery(run)).delivery_id;
    // Asking for it again does not start a second one beside it.
    await replay(house.database, { tenant_id: "default", delivery_id, principal_id: "user:ana" });
    await send(run);
    expect(receiver.at("/lost")).toHaveLength(1);
    await house.pass(60);
    receiver.answer("/lost", (response) => response.writeHead(500).end());
    await send(run);
    late.resolve();
    await first;
    expect(await theDelivery(run)).toMatchObject({
      status: "pending",
      history: [
        { attempt: 2, answer_status: 500 },
        { attempt: 1, answer_status: 410 },
      ],
    });
    receiver.answer("/lost", (response) => response.writeHead(200).end());
    await house.pass(60);
    await send(run);
    expect(await theDelivery(run)).toMatchObject({ status: "delivered", attempts: 3 });
  });

  test("is not made into the network, and the address that is connected to is the one that was looked at", async () => {
    const run = await finished("/rebound");
    const url = new URL(receiver.url("/rebound"));
    url.hostname = "hooks.example.com";
    await house.database.pool.query("update holdpoint.delivery set url = $1 where run_id = $2", [url.href, run.run_id]);
    const asked: string[] = [];
    // Says an address of the internet first, and this machine's ever after.
    const resolve = ((name: string, _options: object, callback: (error: null, addresses: object[]) => void) => {
      asked.push(name);
      const address = asked.length === 1 ? "127.0.0.1" : "203.0.113.9";
      callback(null, [{ address, family: 4 }]);
    }) as unknown as NonNullable<WebhookSettings["resolve"]>;
    await send(run, { resolve, allow: parseAllowList([]) as AllowList });
    expect(await theDelivery(run)).toMatchObject({
      status: "pending",
      answer_status: null,
      error: expect.stringContaining("hooks.example.com is 127.0.0.1"),
    });
    expect(receiver.at("/rebound")).toEqual([]);
    // Asked once for one connection: there is no second look that could be told something else.
    expect(asked).toEqual(["hooks.example.com"]);
    await house.pass(60);
    await send(run, {
      resolve: ((_n: string, _o: object, done: (e: null, a: object[]) => void) =>
        done(null, [
          { address: "127.0.0.1", family: 4 },
          { address: "10.0.0.1", family: 4 },
        ])) as never,
    });
    expect(receiver.at("/rebound")).toHaveLength(1);
    expect(received("/rebound").headers["host"]).toBe(url.host);
  });

  test.each([
    "http://127.0.0.1:1/x",
    "http://[::1]:1/x",
    "http://[::ffff:127.0.0.1]:1/x",
    "http://169.254.169.254/x",
    "http://localhost:1/x",
  ])("to %s is refused when it is sent, whatever was allowed when the run began", async (url) => {
    const run = await house.start("steps", { input: {}, webhook: url });
    await house.settle();
    await send(run, { allow: parseAllowList([]) as AllowList });
    expect(await theDelivery(run)).toMatchObject({
      status: "pending",
      answer_status: null,
      error: expect.stringContaining("HOLDPOINT_WEBHOOK_ALLOW"),
    });
  });

  test("of a process that stops is broken off and tried again", async () => {
    receiver.answer("/stopped", () => {});
    const run = await finished("/stopped");
    const stop = new AbortController();
    const { delivery_id: id } = await theDelivery(run);
    const sending = createDeliverer(house.parts, settings)({ tenant_id: "default", id }, stop.signal);
    await until("it is under way", () => receiver.at("/stopped").length === 1);
    stop.abort();
    await sending;
    expect(await theDelivery(run)).toMatchObject({ status: "pending", error: expect.stringContaining("stopped") });
  });
});
