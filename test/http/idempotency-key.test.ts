import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sweepIdempotencyKeys } from "../../src/postgres/idempotency.ts";
import { atRest, count, post, runsOf, WORDS } from "./keyed.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterAll(async () => await server.close());

const newThread = async () => (await server.client.threads.create()).thread_id;

describe("the same key", () => {
  it("with another body, path or route is refused and changes nothing", async () => {
    const [thread_id, other] = [await newThread(), await newThread()];
    const key = randomUUID();
    await post(server, `/threads/${thread_id}/runs`, key, WORDS);
    await atRest(server);
    const before = [await count(server, "run"), await count(server, "thread"), await count(server, "idempotency_key")];
    for (const [path, body] of [
      [`/threads/${thread_id}/runs`, { ...WORDS, input: { text: "b" } }],
      [`/threads/${thread_id}/runs`, { ...WORDS, unknown: true }],
      [`/threads/${thread_id}/runs/wait`, WORDS],
      [`/threads/${thread_id}/runs/stream`, WORDS],
      [`/threads/${other}/runs`, WORDS],
      [`/threads/${thread_id}/copy`, undefined],
      [`/threads/${thread_id}/state`, { values: { text: "b" } }],
      ["/threads", {}],
    ] as const) {
      expect(await post(server, path, key, body), path).toMatchObject({
        status: 422,
        code: "idempotency_key_reused",
        text: expect.stringContaining(key),
      });
    }
    expect([await count(server, "run"), await count(server, "thread"), await count(server, "idempotency_key")]).toEqual(
      before,
    );
  });

  it("of somebody else is another key", async () => {
    const thread_id = await newThread();
    const key = randomUUID();
    const runs = new Set<string | undefined>();
    for (const name of ["ana", "ben"]) {
      const headers = { "x-api-key": await server.key(`${name}-${key.slice(0, 8)}`, ["runs:create"]) };
      for (let time = 0; time < 2; time += 1) {
        runs.add((await post(server, `/threads/${thread_id}/runs`, key, WORDS, headers)).run_id);
      }
    }
    expect(runs.size).toBe(2);
    expect(await runsOf(server, thread_id)).toBe(2);
    await atRest(server);
  });

  it("is free again after a refusal", async () => {
    const thread_id = await newThread();
    const key = randomUUID();
    const busy = await server.client.runs.create(thread_id, "http-wait", { input: { text: "a" } });
    const path = `/threads/${thread_id}/runs`;
    const body = { ...WORDS, multitask_strategy: "reject" };
    expect(await post(server, path, key, { input: {} })).toMatchObject({ status: 422, code: "invalid" });
    expect(await post(server, path, key, { ...WORDS, assistant_id: "none" })).toMatchObject({ status: 404 });
    expect(await post(server, `/threads/${randomUUID()}/runs`, key, WORDS)).toMatchObject({ status: 404 });
    expect(await post(server, path, key, body)).toMatchObject({ status: 409, code: "thread_busy" });
    await server.client.runs.cancel(thread_id, busy.run_id, true);
    expect(await post(server, path, key, body)).toMatchObject({ status: 200 });
    expect(await runsOf(server, thread_id)).toBe(2);
    await atRest(server);
  });

  it("is free again after an edit that was queued and failed", async () => {
    const thread_id = await newThread();
    await server.client.runs.wait(thread_id, "http-words", { input: { text: "a" } });
    const key = randomUUID();
    const path = `/threads/${thread_id}/state`;
    const checkpoint_id = randomUUID();
    const failing = { values: { text: "b" }, as_node: "mark", checkpoint: { checkpoint_ns: "none:x", checkpoint_id } };
    const edits = () => count(server, "run", "kind = 'state_update' and thread_id = $1", [thread_id]);
    expect(await post(server, path, key, failing)).toMatchObject({ status: 422, code: "invalid" });
    expect(await post(server, path, key, failing)).toMatchObject({ status: 422, code: "invalid" });
    expect(await edits()).toBe(2);
    expect(await post(server, path, key, { values: { text: "b" }, as_node: "mark" })).toMatchObject({ status: 200 });
    expect(await edits()).toBe(3);
  });

  it.each([
    ["empty", "", /is empty/],
    ["too long", "k".repeat(201), /has 201 characters/],
    ["of several words", "two words", /"two words"/],
    ["not ASCII", "schl\u00fcssel", /visible ASCII/],
  ])("that is %s is refused with a message", async (_what, key, message) => {
    const thread_id = await newThread();
    for (const path of ["/threads", `/threads/${thread_id}/copy`, `/threads/${thread_id}/runs/stream`]) {
      expect(await post(server, path, key, path.endsWith("stream") ? WORDS : undefined)).toMatchObject({
        status: 400,
        code: "bad_request",
        text: expect.stringMatching(message),
      });
    }
    expect(await runsOf(server, thread_id)).toBe(0);
  });

  it("of 200 characters, with every one that is visible, is taken", async () => {
    const visible = Array.from({ length: 94 }, (_, index) => String.fromCharCode(0x21 + index)).join("");
    const key = visible.repeat(3).slice(0, 200);
    const [first, again] = [await post(server, "/threads", key, {}), await post(server, "/threads", key, {})];
    expect(first.status).toBe(200);
    expect(again).toEqual(first);
  });
});

it("does not take a key where the answer could not be given twice", async () => {
  const body = { name: "n", principal: { principal_id: "keyed" } };
  expect(await post(server, "/api-keys", randomUUID(), body)).toMatchObject({ status: 400 });
  const keys = await server.ask("/api-keys");
  expect(await keys.text()).not.toContain("keyed");
});

it("takes the key of a decision from the header too", async () => {
  const thread_id = await newThread();
  await server.client.runs.wait(thread_id, "http-pay", { input: { amount: 5 } });
  const [review] = (await (await server.ask(`/reviews?thread_id=${thread_id}`)).json()) as {
    id: string;
    request_digest: string;
  }[];
  const decide = (type: string) =>
    post(server, `/reviews/${review?.id}/decision`, "decision-1", {
      decisions: [{ type }],
      seen_digest: review?.request_digest,
    });
  expect(await decide("reject")).toMatchObject({ status: 200 });
  expect(await decide("reject")).toMatchObject({ status: 200 });
  expect(await decide("approve")).toMatchObject({ status: 422, code: "idempotency_key_reused" });
  expect(await post(server, `/reviews/${review?.id}/decision`, "", {})).toMatchObject({ status: 400 });
  await atRest(server);
});

it("makes two of two equal requests without a key, and keeps nothing", async () => {
  const thread_id = await newThread();
  const keys = await count(server, "idempotency_key");
  const create = () => server.client.runs.create(thread_id, "http-words", { input: { text: "a" } });
  expect((await create()).run_id).not.toBe((await create()).run_id);
  expect(await runsOf(server, thread_id)).toBe(2);
  expect(await count(server, "idempotency_key")).toBe(keys);
  await atRest(server);
});

it("keeps a key for a day of the database's clock, and sweeps what is older a bounded number at a time", async () => {
  const thread_id = await newThread();
  const key = randomUUID();
  const path = `/threads/${thread_id}/runs`;
  const first = await post(server, path, key, WORDS);
  await atRest(server);
  await server.house.pass(24 * 3600 - 600);
  expect((await post(server, path, key, WORDS)).run_id).toBe(first.run_id);
  const kept = await count(server, "idempotency_key", "idempotency_key = $1", [key]);
  await sweepIdempotencyKeys(server.house.database);
  expect(await count(server, "idempotency_key", "idempotency_key = $1", [key])).toBe(kept);
  await server.house.pass(1_200);
  const second = await post(server, path, key, WORDS);
  expect(second.run_id).not.toBe(first.run_id);
  expect((await post(server, path, key, WORDS)).run_id).toBe(second.run_id);
  await atRest(server);
  await server.house.database.pool.query(
    `insert into holdpoint.idempotency_key (principal_id, idempotency_key, request_digest, thread_id, created_at)
     select 'old', n::text, '', '', holdpoint.now() - interval '25 hours' from generate_series(1, 1500) n`,
  );
  const old = await count(server, "idempotency_key", "created_at <= holdpoint.now() - interval '24 hours'");
  expect(await sweepIdempotencyKeys(server.house.database)).toBe(1_000);
  expect(await sweepIdempotencyKeys(server.house.database)).toBe(old - 1_000);
  expect(await sweepIdempotencyKeys(server.house.database)).toBe(0);
  expect((await post(server, path, key, WORDS)).run_id).toBe(second.run_id);
});
