import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openServer, type TestServer } from "../http/server.ts";
import { violations } from "../support/invariants.ts";
import { SCENARIO, SDKS } from "./scenario.ts";

// The official clients as they come, over a socket.

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterAll(async () => {
  expect(await violations(server.house.database)).toEqual([]);
  await server.close();
});

describe.each(SDKS)("the client %s", (_version, connectTo) => {
  const connect = connectTo(() => server.listening.url);
  it.each(SCENARIO)("%s", async (_does, play) => await play(connect));
});
