import { randomUUID } from "node:crypto";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createSdkClient } from "../../src/cli/sdk.ts";
import { openServer, type TestServer } from "../http/server.ts";

let server: TestServer;
/** What came by, and how many of the next answers get lost on their way back. */
const passed: { method: string; key: string | undefined }[] = [];
let toLose = 0;

const proxy = createServer((incoming, answer) => {
  const { method = "", url: path, headers } = incoming;
  passed.push({ method, key: headers["idempotency-key"] as string | undefined });
  const { hostname, port } = new URL(server.listening.url);
  const outgoing = request({ hostname, port, path, method, headers: { ...headers, host: `${hostname}:${port}` } });
  outgoing.on("response", (response) => {
    // The server has done what it was asked for.
    if (toLose > 0) {
      toLose -= 1;
      answer.destroy();
      response.resume();
      return;
    }
    answer.writeHead(response.statusCode ?? 500, response.headers);
    response.pipe(answer);
  });
  outgoing.on("error", () => answer.destroy());
  incoming.pipe(outgoing);
});

beforeAll(async () => {
  server = await openServer({}, { works: false });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
  await server.close();
});

const open = () =>
  createSdkClient({ url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, apiKey: undefined });

test("a run whose answer was lost is asked for again and made once; the next call makes another", async () => {
  const client = await open();
  const thread_id = randomUUID();
  const start = () => client.runs.create(thread_id, "steps", { input: {}, ifNotExists: "create" });
  passed.length = 0;
  toLose = 2;
  const first = await start();
  expect(passed).toHaveLength(3);
  expect(new Set(passed.map(({ key }) => key)).size).toBe(1);
  expect((await client.runs.list(thread_id)).map(({ run_id }) => run_id)).toEqual([first.run_id]);
  const second = await start();
  expect(second.run_id).not.toBe(first.run_id);
  expect(await client.runs.list(thread_id)).toHaveLength(2);
  expect(passed.filter(({ method }) => method === "GET").map(({ key }) => key)).toEqual([undefined, undefined]);
});

test("a call whose answers are all lost fails; one that nobody takes is not sent again", async () => {
  const client = await open();
  passed.length = 0;
  toLose = 3;
  await expect(client.threads.create()).rejects.toThrow();
  expect(passed).toHaveLength(3);
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const nowhere = await createSdkClient({ url: `http://127.0.0.1:${port}`, apiKey: undefined });
  const fetched = vi.spyOn(globalThis, "fetch");
  await expect(nowhere.threads.create()).rejects.toThrow(/Unable to connect/);
  expect(fetched).toHaveBeenCalledTimes(1);
});
