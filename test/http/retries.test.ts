import { randomUUID } from "node:crypto";
import { Client, type RequestHook } from "@langchain/langgraph-sdk/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collect } from "../support/collect.ts";
import { type CuttingProxy, openCuttingProxy } from "../support/cutting-proxy.ts";
import { openServer, type TestServer } from "./server.ts";

// What the official client does when a connection is cut behind a request that was accepted, and what a key does then.

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterAll(async () => await server.close());

type Config = ConstructorParameters<typeof Client>[0];
type Clean = (work: () => Promise<void>) => void;

/** A line that loses the first answer, and clients at its end as they come, with their own retries. */
async function lossyLine(onTestFinished: Clean): Promise<CuttingProxy & { client(config?: Config): Client }> {
  const proxy = await openCuttingProxy(server.listening.url);
  onTestFinished(() => proxy.close());
  proxy.cut(1);
  return { ...proxy, client: (config) => new Client({ apiUrl: proxy.url, apiKey: null as never, ...config }) };
}

/** One key for each call, whatever the client makes of it. */
const keyPerCall: RequestHook = (_url, init) => ({
  ...init,
  headers: { ...(init.headers as Record<string, string>), "idempotency-key": randomUUID() },
});

/** What fetch fails with when the route to the server is lost in the middle of a request: the client sends it again. */
const routeIsLost: typeof fetch = async (input, init) => {
  try {
    return await fetch(input, init);
  } catch {
    const cause = Object.assign(new Error("read EHOSTUNREACH"), { code: "EHOSTUNREACH", syscall: "read" });
    throw new TypeError("fetch failed", { cause });
  }
};

type Act = (by: Client, thread_id: string) => Promise<unknown>;
const INPUT = { input: { text: "a" } };
const ACTS: [string, Act, object][] = [
  ["runs.create", (by, id) => by.runs.create(id, "http-words", INPUT), { run_id: expect.any(String) }],
  ["runs.wait", (by, id) => by.runs.wait(id, "http-words", INPUT), { text: "A!" }],
  [
    "runs.stream",
    async (by, id) =>
      (await collect(by.runs.stream(id, "http-words", INPUT))).findLast(({ event }) => event === "values"),
    { event: "values", data: { text: "A!" } },
  ],
  ["threads.create", (by, id) => by.threads.create({ metadata: { beside: id } }), { thread_id: expect.any(String) }],
];

/** How often what was asked for was made. */
async function made(thread_id: string): Promise<number> {
  const text = `select (select count(*) from holdpoint.run where thread_id = $1)
    + (select count(*) from holdpoint.thread where metadata->>'beside' = $1) as made`;
  return Number((await server.house.database.pool.query(text, [thread_id])).rows[0].made);
}

const newThread = async () => (await server.client.threads.create()).thread_id;

// The client waits a second or two before it tries again: all of them wait at the same time.
describe.concurrent.each(ACTS)("%s whose answer is lost", (_name, act, expected) => {
  it("is sent once by the client as it comes, and the caller is told", async ({ onTestFinished }) => {
    const [thread_id, { client, posts }] = [await newThread(), await lossyLine(onTestFinished)];
    await expect(act(client(), thread_id)).rejects.toThrow(/Unable to connect to LangGraph server/);
    expect(posts()).toHaveLength(1);
    expect(await made(thread_id)).toBe(1);
  });

  it("is made twice when it is sent twice without a key: nothing tells it from a second wish", async ({
    onTestFinished,
  }) => {
    const [thread_id, { client, posts }] = [await newThread(), await lossyLine(onTestFinished)];
    expect(await act(client({ callerOptions: { fetch: routeIsLost } }), thread_id)).toMatchObject(expected);
    await act(client(), thread_id);
    // Behind a stream the client asks on the same connection how the run has ended.
    const [lost, sentAgain, meantAgain] = posts().map((text) => text.split("GET /threads/")[0]);
    expect(sentAgain).toBe(lost);
    expect(meantAgain).toBe(lost);
    expect(await made(thread_id)).toBe(3);
  });

  it("is made once when the client sends it again with the key of the call", async ({ onTestFinished }) => {
    const [thread_id, { client, posts }] = [await newThread(), await lossyLine(onTestFinished)];
    const keyed = client({ onRequest: keyPerCall, callerOptions: { fetch: routeIsLost } });
    expect(await act(keyed, thread_id)).toMatchObject(expected);
    expect(posts()).toHaveLength(2);
    expect(await made(thread_id)).toBe(1);
    // Meant a second time, it is done a second time.
    await act(keyed, thread_id);
    expect(await made(thread_id)).toBe(2);
  });

  it("is made once when the caller calls again with a key of its own", async ({ onTestFinished }) => {
    const [thread_id, { client }] = [await newThread(), await lossyLine(onTestFinished)];
    const keyed = client({ defaultHeaders: { "idempotency-key": `order-${thread_id}` } });
    await expect(act(keyed, thread_id)).rejects.toThrow();
    expect(await act(keyed, thread_id)).toMatchObject(expected);
    expect(await made(thread_id)).toBe(1);
  });
});
