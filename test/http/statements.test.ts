import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { openServer, type TestServer } from "./server.ts";

// What one run costs the database, from the thread that is made for it to the answer: the graph that the benches measure.

const FOUR_NODES = fileURLToPath(new URL("../../bench/engine-workflows", import.meta.url));
// Some of what is sent together may not be; the cheapest of several runs was not disturbed.
const RUNS = 10;

let server: TestServer;
beforeAll(async () => {
  // What the clock makes a worker look at every second is no part of a run, and on a busy machine a run takes seconds.
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  server = await openServer({}, { directory: FOUR_NODES });
});
afterAll(async () => {
  await server.close();
  vi.useRealTimers();
});

it("makes a thread, runs four nodes and answers in few statements and fewer round trips", async () => {
  const sent = vi.spyOn(pg.Client.prototype, "query");
  const told = vi.spyOn(pg.Connection.prototype, "emit");
  const cost = { statements: Number.POSITIVE_INFINITY, trips: Number.POSITIVE_INFINITY };
  try {
    for (let run = 0; run < RUNS; run += 1) {
      sent.mockClear();
      told.mockClear();
      const { thread_id } = await server.client.threads.create();
      const values = await server.client.runs.wait(thread_id, "four-steps", { input: { text: "", count: 0 } });
      expect(values).toEqual({ text: "abcd", count: 4 });
      const statements = told.mock.calls.filter(([event]) => event === "commandComplete").length;
      cost.statements = Math.min(cost.statements, statements);
      cost.trips = Math.min(cost.trips, sent.mock.calls.length);
    }
  } finally {
    sent.mockRestore();
    told.mockRestore();
  }
  expect(cost.statements).toBeLessThanOrEqual(72);
  expect(cost.trips).toBeLessThanOrEqual(26);
});
