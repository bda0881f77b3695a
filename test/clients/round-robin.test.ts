import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../../src/postgres/database.ts";
import { collect } from "../support/collect.ts";
import { type EventProxy, openEventProxy } from "../support/event-proxy.ts";
import { violations } from "../support/invariants.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { SCENARIO, SDKS } from "./scenario.ts";

// Two processes that answer and two that execute, on one database: each request goes to another one than the last.

let test: TestDatabase;
let database: Database;
let servers: Server[];
let proxy: EventProxy;
beforeAll(async () => {
  test = await createTestDatabase();
  database = openDatabase({ url: test.url });
  const common = { databaseUrl: test.url, workflows: "test/fixtures/workflows", shared: true };
  const commands = ["serve", "serve", "work", "work"] as const;
  servers = await Promise.all(commands.map((command) => startServer({ ...common, command })));
  proxy = await openEventProxy(...servers.map(({ url }) => url).filter((url) => url !== ""));
});
afterAll(async () => {
  expect(await violations(database)).toEqual([]);
  await Promise.all(servers.map((server) => server.stop()));
  await proxy.close();
  await database.close();
  await test.drop();
});

describe.each(SDKS)("the client %s", (_version, connectTo) => {
  const connect = connectTo(() => proxy.url);
  it.concurrent.each(SCENARIO)("%s", async (_does, play) => await play(connect));

  it("follows and cancels a run where it was not started", async () => {
    const [here, there] = proxy.targets.map((url) => connectTo(() => url)()) as [
      ReturnType<typeof connect>,
      ReturnType<typeof connect>,
    ];
    const { thread_id } = await here.threads.create();
    const { run_id } = await here.runs.create(thread_id, "http-wait", { input: { text: "a" } });
    await until("it runs", async () => (await there.runs.get(thread_id, run_id)).status === "running");
    const following = [here, there].map((client) => collect(client.runs.joinStream(thread_id, run_id)));
    await there.runs.cancel(thread_id, run_id, true);
    expect(await here.runs.get(thread_id, run_id)).toMatchObject({ status: "interrupted" });
    const [one, other] = await Promise.all(following);
    expect(other).toEqual(one);
    expect(one?.map(({ event }) => event)).toEqual(["metadata", "values"]);
  });
});
