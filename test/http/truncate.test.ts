import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { createApp } from "../../src/http/app.ts";
import { truncateRoutes } from "../../src/http/routes/truncate.ts";
import { routes } from "../../src/http/routes.ts";
import { openDatabase } from "../../src/postgres/database.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterAll(async () => await server.close());

const TRUNCATE = "/internal/truncate";
const withTests = (deps = server.deps) => createApp(deps, [...routes, ...truncateRoutes]);

async function truncate(body: unknown, app = withTests()): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return await app.fetch(
    new Request(`http://127.0.0.1${TRUNCATE}`, { method: "POST", headers, body: JSON.stringify(body) }),
  );
}

/** How many threads, assistants, items, crons and open reviews there are. */
async function counts(): Promise<number[]> {
  const count = async (path: string) => (await (await server.ask(path, { method: "POST", body: {} })).json()) as number;
  const { namespaces } = (await (await server.ask("/store/namespaces", { method: "POST", body: {} })).json()) as {
    namespaces: unknown[];
  };
  const { open } = (await (await server.ask("/reviews/counts")).json()) as { open: number };
  const [threads = 0, assistants = 0, crons = 0] = await Promise.all(
    ["/threads/count", "/assistants/count", "/runs/crons/count"].map(count),
  );
  return [threads, assistants, namespaces.length, crons, open];
}

it("is not there unless tests are said to run", async () => {
  const response = await server.ask(TRUNCATE, { method: "POST", body: { threads: true } });
  expect(response.status).toBe(404);
});

it("empties what it is told to, and leaves the graphs' own assistants and who may ask", async () => {
  const [, graphs = 0] = await counts();
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "http-ask", { input: { amount: 5 } });
  await server.client.assistants.create({ graphId: "http-words", name: "made" });
  await server.client.store.putItem(["a"], "k", { x: 1 });
  await server.client.crons.create("http-words", { schedule: "0 0 29 2 *", input: { text: "a" } });
  const key = await server.key("somebody");
  expect(await counts()).toEqual([1, graphs + 1, 1, 1, 1]);

  expect(await (await truncate({})).json()).toEqual({ ok: true });
  expect(await counts()).toEqual([1, graphs + 1, 1, 1, 1]);
  await truncate({ store: true });
  expect(await counts()).toEqual([1, graphs + 1, 0, 1, 1]);
  await truncate({ assistants: true });
  expect(await counts()).toEqual([1, graphs, 0, 0, 1]);
  await truncate({ runs: true, threads: true, checkpointer: true, unknown: 1 });
  expect(await counts()).toEqual([0, graphs, 0, 0, 0]);
  expect((await server.ask("/whoami", { headers: { "x-api-key": key } })).status).toBe(200);
  expect((await server.ask(`/threads/${thread_id}`)).status).toBe(404);
  // It is as good as new.
  const again = await server.client.threads.create();
  expect(await server.client.runs.wait(again.thread_id, "http-words", { input: { text: "a b" } })).toBeTruthy();
});

it.each([[{ threads: "yes" }], [{ store: 1 }], [[]], ["all"], [null]])("refuses %j", async (body) => {
  expect((await truncate(body)).status).toBe(422);
});

it("refuses a database whose name does not say that it is there for tests", async () => {
  const database = openDatabase({ url: inject("postgresUrl"), max: 1 });
  try {
    const response = await truncate({ threads: true, store: true }, withTests({ ...server.deps, database }));
    expect([response.status, await response.text()]).toEqual([404, expect.stringContaining("does not end in _test")]);
  } finally {
    await database.close();
  }
});
