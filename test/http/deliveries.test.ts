import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AllowList, parseAllowList } from "../../src/policy/private-address.ts";
import type { Delivery } from "../../src/protocol/delivery.ts";
import { createDeliverer } from "../../src/runtime/deliver.ts";
import { openReceiver, type Receiver } from "../support/receiver.ts";
import { openServer, type TestServer } from "./server.ts";

const allow = parseAllowList(["127.0.0.1"]) as AllowList;

let server: TestServer;
let receiver: Receiver;
let thread_id: string;
beforeAll(async () => {
  receiver = await openReceiver();
  server = await openServer({ webhookAllow: allow });
  thread_id = (await server.client.threads.create()).thread_id;
});
afterAll(async () => {
  await server.close();
  await receiver.close();
});

interface Answered {
  status: number;
  code: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it, the test checks
  body: any;
  headers: Headers;
}

async function ask(path: string, how: Parameters<TestServer["ask"]>[1] = {}): Promise<Answered> {
  const response = await server.ask(path, how);
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  const body = isJson ? JSON.parse(text) : text;
  return { status: response.status, code: response.headers.get("x-holdpoint-error"), body, headers: response.headers };
}

const runs = async () =>
  (await server.house.database.pool.query<{ runs: number }>("select count(*)::int as runs from holdpoint.run")).rows[0]
    ?.runs;

/** A run that has ended and has something to tell. */
async function ended(path: string): Promise<Delivery> {
  const webhook = receiver.url(path);
  const { run_id } = await server.client.runs.create(thread_id, "http-words", { input: { text: "x" }, webhook });
  await server.client.runs.join(thread_id, run_id);
  const { body } = await ask(`/deliveries?run_id=${run_id}`);
  return body[0];
}

const deliver = (id: string) =>
  createDeliverer(server.house.parts, { secrets: [], allow, timeoutMs: 30_000 })(
    { tenant_id: "default", id },
    new AbortController().signal,
  );

describe("a run", () => {
  it.each([
    "http://169.254.169.254/latest/meta-data",
    "http://localhost:1/",
    "http://127.0.0.2/",
    "http://[::1]/",
    "http://2130706434/",
    "http://10.0.0.1/",
    "https://user:pass@example.com/",
    "/hook",
    "mailto:a@b.c",
    "",
    "http://\0/",
    "\ud800",
    7,
    ["https://example.com/"],
    { url: "https://example.com/" },
  ])("with the webhook %j is refused on every road, and none is made", async (webhook) => {
    const before = await runs();
    for (const road of ["runs", "runs/wait", "runs/stream"]) {
      const body = { assistant_id: "http-words", input: { text: "x" }, webhook };
      const { status, code } = await ask(`/threads/${thread_id}/${road}`, { method: "POST", body });
      expect([road, status, code]).toEqual([road, 422, "invalid"]);
    }
    expect(await runs()).toBe(before);
  });

  it("with a good one shows it, and one that answers may name another for its own run", async () => {
    const asking = (await server.client.threads.create()).thread_id;
    const [first, second] = [receiver.url("/first"), receiver.url("/second")];
    await server.client.runs.wait(asking, "http-pay", { input: { amount: 5 }, webhook: `${first}#part` });
    const [paused] = await server.client.runs.list(asking);
    expect((paused as unknown as { kwargs: { webhook: string } }).kwargs.webhook).toBe(first);
    const [review] = (await ask(`/reviews?thread_id=${asking}`)).body;
    const answer = { decisions: [{ type: "approve" }], seen_digest: review.request_digest };
    const body = { assistant_id: "http-pay", command: { resume: answer }, webhook: "http://10.0.0.1/" };
    expect(await ask(`/threads/${asking}/runs`, { method: "POST", body })).toMatchObject({ status: 422 });
    const resumed = await server.client.runs.create(asking, "http-pay", {
      command: { resume: answer },
      webhook: second,
    });
    await server.client.runs.join(asking, resumed.run_id);
    const { body: told } = await ask(`/deliveries?thread_id=${asking}`);
    expect(told.map(({ url }: Delivery) => url)).toEqual([second, first]);
  });
});

describe("deliveries", () => {
  it("are listed newest first, filtered and in pages, and each shows what it was answered", async () => {
    receiver.answer("/sad", (response) => response.writeHead(500).end("no \0 room"));
    const [one, two] = [await ended("/sad"), await ended("/glad")];
    await deliver(one.delivery_id);
    const all = await ask("/deliveries");
    expect(all.body.slice(0, 2).map(({ delivery_id }: Delivery) => delivery_id)).toEqual([
      two.delivery_id,
      one.delivery_id,
    ]);
    expect(Number(all.headers.get("x-pagination-total"))).toBe(all.body.length);
    const page = await ask("/deliveries?limit=1&offset=1");
    expect(page.body).toMatchObject([
      { delivery_id: one.delivery_id, status: "pending", attempts: 1, answer_status: 500 },
    ]);
    expect(page.headers.get("x-pagination-next")).toBe(all.body.length > 2 ? "2" : null);
    await deliver(two.delivery_id);
    expect((await ask("/deliveries?status=delivered")).body.map(({ url }: Delivery) => url)).toEqual([
      receiver.url("/glad"),
    ]);
    expect(await ask(`/deliveries/${one.delivery_id.toUpperCase()}`)).toMatchObject({
      status: 200,
      body: { history: [{ attempt: 1, answer_status: 500, answer_body: "no \ufffd room", error: null }] },
    });
  });

  it("are not found by what is none, and are asked for in the right way only", async () => {
    const missing = crypto.randomUUID();
    for (const [path, method, status, code] of [
      [`/deliveries/${missing}`, "GET", 404, "not_found"],
      [`/deliveries/${missing}/replay`, "POST", 404, "not_found"],
      ["/deliveries/x", "GET", 422, "invalid"],
      ["/deliveries/x/replay", "POST", 422, "invalid"],
      ["/deliveries?status=open", "GET", 422, "invalid"],
      ["/deliveries?status=dead&status=gone", "GET", 422, "invalid"],
      ["/deliveries?run_id=1", "GET", 422, "invalid"],
      ["/deliveries?limit=0", "GET", 422, "invalid"],
      ["/deliveries?limit=-1", "GET", 422, "invalid"],
      ["/deliveries?offset=99999999999", "GET", 422, "invalid"],
      ["/deliveries?thread_id=%00", "GET", 422, "invalid"],
      [`/deliveries/${missing}/replay`, "GET", 405, "method_not_allowed"],
      [`/deliveries/${missing}`, "DELETE", 405, "method_not_allowed"],
    ] as const) {
      expect([path, method, await ask(path, { method })]).toEqual([
        path,
        method,
        expect.objectContaining({ status, code }),
      ]);
    }
  });

  it("are read by who may read runs, and replayed by who may start them", async () => {
    const { delivery_id } = await ended("/mine");
    const reader = await server.key("reader", ["runs:read"]);
    const decider = await server.key("decider", ["review:decide"]);
    const as = (key: string, path: string, method = "GET") => ask(path, { method, headers: { "x-api-key": key } });
    expect((await as(reader, "/deliveries")).status).toBe(200);
    expect((await as(reader, `/deliveries/${delivery_id}`)).status).toBe(200);
    expect(await as(reader, `/deliveries/${delivery_id}/replay`, "POST")).toMatchObject({ status: 403 });
    for (const path of ["/deliveries", `/deliveries/${delivery_id}`])
      expect((await as(decider, path)).status).toBe(403);
    expect((await as("hp_nobody", "/deliveries")).status).toBe(401);
  });

  it("are sent again when they are replayed, once for each time that was answered before the next", async () => {
    const { delivery_id } = await ended("/again");
    await deliver(delivery_id);
    const replayed = await Promise.all(
      Array.from({ length: 5 }, () => ask(`/deliveries/${delivery_id}/replay`, { method: "POST" })),
    );
    for (const answer of replayed) expect(answer).toMatchObject({ status: 200, body: { status: "pending" } });
    for (let time = 0; time < 3; time += 1) await deliver(delivery_id);
    expect(receiver.at("/again")).toHaveLength(2);
    expect((await ask(`/deliveries/${delivery_id}`)).body).toMatchObject({ status: "delivered", attempts: 2 });
  });
});
