import { randomBytes, randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { replay } from "../../src/postgres/deliveries.ts";
import type { RunRow } from "../../src/postgres/runs.sql.ts";
import type { Delivery } from "../../src/protocol/delivery.ts";
import { createDeliverer } from "../../src/runtime/deliver.ts";
import { knobs } from "../fixtures/workflows/lib/knobs.ts";
import { isSignedWith, type Received, type Receiver } from "../support/receiver.ts";
import { approve, theOpen } from "../support/reviewer.ts";
import {
  deliveriesOf,
  finished,
  house,
  openDeliveryScene,
  received,
  receiver,
  secrets,
  send,
  settings,
  theDelivery,
} from "./delivery-scene.ts";

const DAY_S = 86_400;
openDeliveryScene();

describe("what a webhook is told", () => {
  test("is the run, when it ran, and the values at its end, signed with every secret", async () => {
    const run = await finished("/success");
    await send(run);
    const { method, headers, body } = received("/success");
    expect(method).toBe("POST");
    expect(headers["content-type"]).toBe("application/json");
    expect(body).toMatchObject({
      run_id: run.run_id,
      thread_id: run.thread_id,
      status: "success",
      values: { amount: 5, log: ["a", "b", "c"] },
      kwargs: { input: { amount: 5 }, webhook: receiver.url("/success") },
      metadata: {},
    });
    expect(body).not.toHaveProperty("error");
    const row = await house.run(run.run_id);
    expect(body).toMatchObject({ run_started_at: row.started_at, run_ended_at: row.ended_at });
    expect(Date.parse(body["webhook_sent_at"] as string)).toBeGreaterThanOrEqual(Date.parse(row.ended_at as string));
    for (const secret of secrets) expect(isSignedWith(secret, received("/success"))).toBe(true);
    expect(isSignedWith(`whsec_${randomBytes(32).toString("base64")}`, received("/success"))).toBe(false);
    expect(await theDelivery(run)).toMatchObject({
      status: "delivered",
      next_at: null,
      attempts: 1,
      answer_status: 204,
    });
    expect(headers["webhook-id"]).toBe((await theDelivery(run)).delivery_id);
  });

  test("of a run that failed is why", async () => {
    knobs.onVisit = (place) => {
      if (place === "steps.b") throw new TypeError("b broke \0 \ud800 “quoted”");
    };
    const run = await finished("/error");
    await send(run);
    expect(received("/error").body).toMatchObject({ status: "error", values: { log: ["a"] } });
    expect(received("/error").body["error"]).toContain("b broke");
    expect(isSignedWith(secrets[0] as string, received("/error"))).toBe(true);
  });

  test("of a run that waits for a person is what it asks, and of the answer's run how it went on", async () => {
    const run = await finished("/pause", "guarded-payment");
    await send(run);
    const paused = received("/pause").body;
    expect(paused).toMatchObject({
      status: "success",
      values: { amount: 5, __interrupt__: [{ value: expect.anything() }] },
    });
    const review = await theOpen(house, run.thread_id);
    const { resume_run } = await approve(house, review);
    await house.settle();
    await send({ run_id: resume_run?.run_id as string });
    const resumed = received("/pause").body;
    expect(resumed).toMatchObject({ run_id: resume_run?.run_id, status: "success", values: { amount: 5 } });
    expect(resumed["values"]).not.toHaveProperty("__interrupt__");
    expect(receiver.at("/pause")).toHaveLength(2);
  });

  test("of a cancelled run is that it was interrupted, whether it was queued, running or waiting", async () => {
    const cancel = ({ tenant_id, thread_id, run_id }: RunRow) =>
      cancelRun(house.database, { tenant_id, thread_id, run_id, principal_id: "user:carl" });
    const queued = await house.start("steps", { input: {}, webhook: receiver.url("/queued") });
    await cancel(queued);
    await send(queued);
    expect(received("/queued").body).toMatchObject({ status: "interrupted", run_started_at: null });

    const waiting = await finished("/waiting", "guarded-payment");
    await cancel(waiting);
    // Paused and then taken back: two ends, told one after the other, each as it was.
    expect(await deliveriesOf(waiting)).toHaveLength(2);
    await send(waiting);
    const told = receiver.at("/waiting").map(({ body }) => body["status"]);
    expect(told.sort()).toEqual(["interrupted", "success"]);
  });

  test("is what was when the run ended, though the thread has gone on", async () => {
    const run = await finished("/then");
    await house.start("steps", { input: { amount: 9 } }, { thread_id: run.thread_id });
    await house.settle();
    await send(run);
    expect(received("/then").body).toMatchObject({ values: { amount: 5, log: ["a", "b", "c"] } });
  });

  test("is nothing of a run without one, and nothing of what is asked and answered on a copy of the thread", async () => {
    const run = await house.start("steps", { input: {} });
    await house.settle();
    expect(await deliveriesOf(run)).toEqual([]);
    const { thread_id } = await finished("/original", "guarded-payment");
    const copy_to = randomUUID();
    await house.start("guarded-payment", { copy_to }, { thread_id, kind: "copy" });
    await house.settle();
    await approve(house, await theOpen(house, copy_to));
    await house.settle();
    const { rows } = await house.database.pool.query("select thread_id from holdpoint.delivery where url = $1", [
      receiver.url("/original"),
    ]);
    expect(rows).toEqual([{ thread_id }]);
  });

  test("without a secret is unsigned, and the log says so once", async () => {
    const warned: string[] = [];
    const warn = (_facts: object, message: string) => void warned.push(message);
    const log = Object.assign(house.parts.log.child({}), { warn });
    const deliver = createDeliverer({ ...house.parts, log }, { ...settings, secrets: [] });
    for (const path of ["/unsigned", "/unsigned"]) {
      const { delivery_id: id } = await theDelivery(await finished(path));
      await deliver({ tenant_id: "default", id }, new AbortController().signal);
    }
    expect(receiver.at("/unsigned")).toHaveLength(2);
    expect(received("/unsigned").headers).not.toHaveProperty("webhook-signature");
    expect(warned).toEqual([expect.stringContaining("HOLDPOINT_WEBHOOK_SECRETS")]);
  });
});

describe("an answer that is none", () => {
  const BAD: [name: string, answer: Parameters<Receiver["answer"]>[1], expected: Partial<Delivery>][] = [
    ["an error", (response) => response.writeHead(500).end("kaputt\0"), { answer_status: 500, error: null }],
    [
      "a redirect",
      (response) => response.writeHead(301, { location: receiver.url("/elsewhere") }).end(),
      { answer_status: 301 },
    ],
    ["a broken connection", (response) => response.socket?.resetAndDestroy(), { answer_status: null }],
    ["silence", () => {}, { answer_status: null, error: "no answer within 0.3 s" }],
    ["no HTTP", (response) => response.socket?.end("SSH-2.0-x\r\n"), { answer_status: null }],
  ];
  test.each(BAD)("%s is tried again, with the same id and a signature of its own", async (name, answer, expected) => {
    const path = `/bad/${encodeURIComponent(name)}`;
    receiver.answer(path, answer);
    const run = await finished(path);
    await send(run, { timeoutMs: name === "silence" ? 300 : 60_000 });
    const failed = await theDelivery(run);
    expect(failed).toMatchObject({ status: "pending", attempts: 1, ...expected });
    if (failed.answer_status === null) expect(failed.error).toMatch(/\w/);
    expect(Date.parse(failed.next_at as string)).toBeGreaterThan(Date.parse(failed.updated_at));
    // Not before its time.
    await send(run);
    expect(receiver.at(path)).toHaveLength(1);
    receiver.answer(path, (response) => response.writeHead(200).end("thanks"));
    await house.pass(60);
    await send(run);
    const [first, second, ...more] = receiver.at(path);
    expect(more).toEqual([]);
    expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
    expect(isSignedWith(secrets[1] as string, second as Received)).toBe(true);
    expect(await theDelivery(run)).toMatchObject({
      status: "delivered",
      history: [{ attempt: 2, answer_status: 200, answer_body: "thanks" }, { attempt: 1 }],
    });
    expect(receiver.at("/elsewhere")).toEqual([]);
  });

  test("that never ends is read for its first bytes only, and counts by its status", async () => {
    receiver.answer("/huge", (response) => {
      response.writeHead(200);
      const pour = () => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
        if (!response.destroyed) response.once("drain", pour);
      };
      pour();
    });
    receiver.answer("/drip", (response) => void response.writeHead(200).write("some"));
    for (const path of ["/huge", "/drip"]) {
      const run = await finished(path);
      // The one that pours would be read until the time is over; that there is no end to it is its status's business.
      await send(run, { timeoutMs: path === "/huge" ? 300_000 : 2_000 });
      const { history, status } = await theDelivery(run);
      expect(status).toBe("delivered");
      expect(history[0]?.answer_body).toHaveLength(path === "/huge" ? 2_048 : 4);
    }
  });

  test("of 410 is the last word", async () => {
    receiver.answer("/gone", (response) => response.writeHead(410).end());
    const run = await finished("/gone");
    await send(run);
    expect(await theDelivery(run)).toMatchObject({ status: "gone", next_at: null, answer_status: 410 });
  });

  test("for three days makes a dead letter, which can be sent again", async () => {
    receiver.answer("/dead", (response) => response.writeHead(503).end());
    const run = await finished("/dead");
    const { created_at } = await theDelivery(run);
    let delivery = await theDelivery(run);
    // Bound: three days have few attempts.
    while (delivery.status === "pending") {
      const next = Date.parse(delivery.next_at as string);
      const { now } = (await house.database.pool.query("select holdpoint.now() as now")).rows[0] as { now: string };
      await house.pass(Math.max(0, (next - Date.parse(now)) / 1_000) + 0.001);
      await send(run);
      delivery = await theDelivery(run);
    }
    expect(delivery.status).toBe("dead");
    expect(delivery.attempts).toBeGreaterThan(12);
    const lastedS = (Date.parse(delivery.history[0]?.started_at as string) - Date.parse(created_at)) / 1_000;
    expect(lastedS).toBeGreaterThanOrEqual(3 * DAY_S);
    expect(lastedS).toBeLessThan(3 * DAY_S + 3_600);
    const { delivery_id } = delivery;
    // Twice at once: sent once.
    const again = { tenant_id: "default", delivery_id, principal_id: "user:ana" };
    expect(await Promise.all([replay(house.database, again), replay(house.database, again)])).toEqual([true, true]);
    // It has three days again.
    await send(run);
    expect(await theDelivery(run)).toMatchObject({ status: "pending", attempts: delivery.attempts + 1 });
    receiver.answer("/dead", (response) => response.writeHead(200).end());
    await house.pass(60);
    await send(run);
    expect(await theDelivery(run)).toMatchObject({ status: "delivered", attempts: delivery.attempts + 2 });
    // And a delivered one too.
    await replay(house.database, again);
    await send(run);
    expect(await theDelivery(run)).toMatchObject({ status: "delivered", attempts: delivery.attempts + 3 });
    expect(new Set(receiver.at("/dead").map(({ headers }) => headers["webhook-id"]))).toEqual(new Set([delivery_id]));
    const { rows } = await house.database.pool.query(
      "select principal_id from holdpoint.audit where kind = 'delivery.replayed' and run_id = $1",
      [run.run_id],
    );
    expect(rows).toEqual(Array.from({ length: 3 }, () => ({ principal_id: "user:ana" })));
  });
});
