import { Client } from "@langchain/langgraph-sdk/client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Database, openDatabase } from "../../src/postgres/database.ts";
import { type EventProxy, openEventProxy, READER } from "../support/event-proxy.ts";
import { violations } from "../support/invariants.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { startServer } from "../support/server.ts";
import { storedEvents } from "../support/stored-events.ts";
import { until } from "../support/until.ts";

// Streams over processes that die: one executes and answers, another only answers, and clients go from one to the other.

let test: TestDatabase;
let database: Database;
let proxy: EventProxy;
beforeAll(async () => {
  test = await createTestDatabase();
  database = openDatabase({ url: test.url });
  proxy = await openEventProxy();
});
afterAll(async () => {
  await proxy.close();
  await database.close();
  await test.drop();
});

type Part = { id?: string | undefined; event: string; data: unknown };

const clientOf = (reader: string) =>
  new Client({ apiUrl: proxy.url, apiKey: null as never, defaultHeaders: { [READER]: reader } });

/** Reads a stream to its end by whatever server there is, and tells of every event. */
async function read(
  reader: string,
  run: { thread_id: string; run_id: string },
  onEvent: (events: number) => void,
): Promise<Part[]> {
  const parts: Part[] = [];
  const options = { lastEventId: "-1" };
  for await (const part of clientOf(reader).runs.joinStream(run.thread_id, run.run_id, options)) {
    parts.push(part as Part);
    onEvent(parts.length);
  }
  return parts;
}

it("gives each event once and in order while servers are killed between storing and showing, and come back", async () => {
  const common = { databaseUrl: test.url, workflows: "test/fixtures/workflows" };
  const leasesRunOut = () => database.pool.query("update holdpoint.clock set shift = shift + interval '10 minutes'");
  const [dying, other] = await Promise.all([
    // Each commit of a worker counts: this is in the middle of the story, and nobody has been shown what it committed.
    startServer({ ...common, failpoint: "batch.committed:25" }),
    startServer({ ...common, command: "serve" }),
  ]);
  proxy.targets = [dying.url, other.url];
  const starter = clientOf("starter");
  const { thread_id } = await starter.threads.create();
  const { run_id } = await starter.runs.create(thread_id, "http-story", {
    input: { pause_ms: 30 },
    streamMode: ["values", "updates", "custom"],
    streamSubgraphs: true,
  });
  const run = { thread_id, run_id };
  let furthest = 0;
  const reading = Array.from({ length: 12 }, (_, place) => {
    const reader = `reader-${place}`;
    // Cut off by the proxy too, each somewhere else: those that the dying server does not serve have no other reason.
    const events = 4 * place + 2;
    proxy.breakAt(reader, { events, isInside: place % 2 === 0 });
    return read(reader, run, (count) => {
      furthest = Math.max(furthest, count);
      if (count === events) proxy.cut(reader);
    });
  });
  await dying.exited;
  expect(dying.marker()).toBe("batch.committed");
  proxy.targets = [other.url];
  await leasesRunOut();
  const second = await startServer({ ...common, after: dying });
  proxy.targets = [second.url, other.url];
  // And killed while it is at work, wherever that is; or behind its end, where this process is that slow.
  const wasAt = furthest;
  await until("the second attempt has shown something", () => furthest > wasAt + 5);
  await second.kill9();
  proxy.targets = [other.url];
  await leasesRunOut();
  const third = await startServer({ ...common, after: second });
  proxy.targets = [third.url, other.url];
  const got = await Promise.all(reading);

  const stored = await storedEvents(database, run);
  expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, index) => index + 1));
  const attempts = stored.filter(({ event }) => event === "metadata").map(({ data }) => data);
  expect(attempts).toEqual([1, 2, 3].slice(0, attempts.length).map((attempt) => ({ run_id, attempt })));
  expect(attempts.length).toBeGreaterThan(1);
  const all = stored.map(({ event, data }, place) => ({ id: String(place), event, data }));
  for (const [place, parts] of got.entries()) {
    const withIds = parts.filter(({ id }) => id !== undefined);
    expect(withIds, `reader-${place}`).toEqual(all);
    expect(proxy.asked(`reader-${place}`).length).toBeGreaterThan(1);
  }
  expect(await violations(database)).toEqual([]);
  // What tests from outside empty a server by, before their next group.
  const emptying = { method: "POST", headers: { "content-type": "application/json" }, body: '{"threads":true}' };
  expect((await fetch(`${third.url}/internal/truncate`, emptying)).status).toBe(200);
  expect(await violations(database)).toEqual([]);
  await Promise.all([third.stop(), other.stop()]);
}, 120_000);
