import { Client } from "@langchain/langgraph-sdk/client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { knobs, resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { type EventProxy, openEventProxy, READER } from "../support/event-proxy.ts";
import { violations } from "../support/invariants.ts";
import { storedEvents } from "../support/stored-events.ts";
import { until } from "../support/until.ts";
import { openServer, type TestServer } from "./server.ts";

// What the official client makes of a stream that is cut off, at every event and inside of every event.

let server: TestServer;
let proxy: EventProxy;
beforeAll(async () => {
  server = await openServer();
  proxy = await openEventProxy(server.listening.url);
});
beforeEach(resetKnobs);
afterEach(async () => expect(await violations(server.house.database)).toEqual([]));
afterAll(async () => {
  await proxy.close();
  await server.close();
});

const STORY = {
  input: { pause_ms: 1 },
  streamMode: ["values", "updates", "custom"] as ("values" | "updates" | "custom")[],
  streamSubgraphs: true,
};
/** The events of the story, with what announces it and without the end; a check below. */
const EVENTS = 54;

interface Run {
  thread_id: string;
  run_id: string;
}

type Part = { id?: string | undefined; event: string; data: unknown };

/** The client as it comes, by way of the proxy. */
const clientOf = (reader: string) =>
  new Client({ apiUrl: proxy.url, apiKey: null as never, defaultHeaders: { [READER]: reader } });

/** Reads a stream to its end, and is cut off when it has so many events. */
async function readCut(reader: string, parts: AsyncIterable<Part>, events: number): Promise<Part[]> {
  const read: Part[] = [];
  for await (const part of parts) {
    read.push(part);
    if (read.length === events) proxy.cut(reader);
  }
  return read;
}

/** One reader for each place where it can be cut off. */
function readers(name: string, { thread_id, run_id }: Run): { reader: string; parts: Promise<Part[]> }[] {
  const places = Array.from({ length: EVENTS }, (_, index) => index + 1);
  return [false, true].flatMap((isInside) =>
    places.map((events) => {
      const reader = `${name}-${events}${isInside ? "-inside" : ""}`;
      proxy.breakAt(reader, { events, isInside });
      const parts = clientOf(reader).runs.joinStream(thread_id, run_id, { lastEventId: "-1" });
      return { reader, parts: readCut(reader, parts as AsyncIterable<Part>, events) };
    }),
  );
}

/** What a client must have been given, from what is stored. */
async function stored(run: Run): Promise<Part[]> {
  const events = await storedEvents(server.house.database, run);
  expect(events).toHaveLength(EVENTS);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => (events[0]?.seq ?? 0) + index));
  expect(events[0]).toMatchObject({ event: "metadata" });
  // Counted from the announcement on.
  return events.map(({ event, data }, place) => ({ id: String(place), event, data }));
}

async function expectEachOnce(run: Run, read: ReturnType<typeof readers>): Promise<void> {
  await Promise.all(read.map(({ parts }) => parts));
  const all = await stored(run);
  for (const { reader, parts } of read) {
    const got = await parts;
    expect(got, reader).toEqual(all);
    expect(proxy.asked(reader).length, reader).toBeGreaterThan(1);
  }
}

async function startStory(): Promise<Run> {
  const { thread_id } = await server.client.threads.create();
  const { run_id } = await server.client.runs.create(thread_id, "http-story", STORY);
  return { thread_id, run_id };
}

it("gives a client that is cut off anywhere each event once and in order, while the run goes on", async () => {
  const { promise: gate, resolve: goOn } = Promise.withResolvers<void>();
  knobs.onVisit = (place) => (place === "story.middle" ? gate : undefined);
  const run = await startStory();
  const read = readers("live", run);
  // Cut off before the middle, and back before it goes on.
  await until("those who were cut off are back", () => {
    return read.filter(({ reader }) => proxy.asked(reader).length > 1).length >= EVENTS;
  });
  goOn();
  await expectEachOnce(run, read);
  const batches = "select from holdpoint.event where run_id = $1";
  expect((await server.house.database.pool.query(batches, [run.run_id])).rows.length).toBeGreaterThan(5);
});

it("gives a client that is cut off anywhere each event once and in order, after the end", async () => {
  const run = await startStory();
  await server.client.runs.join(run.thread_id, run.run_id);
  await expectEachOnce(run, readers("later", run));
});

it("tells a client that is cut off behind the error of a run nothing of it again", async () => {
  const { thread_id } = await server.client.threads.create();
  const reader = "error-3";
  proxy.breakAt(reader, { events: 3, isInside: false });
  const stream = clientOf(reader).runs.stream(thread_id, "http-fail", { input: { text: "x" } });
  const parts = await readCut(reader, stream as AsyncIterable<Part>, 3);
  expect(parts.map(({ event }) => event)).toEqual(["metadata", "values", "error"]);
  expect(proxy.asked(reader)).toEqual([undefined, parts[2]?.id]);
});

it("shows a client that comes back what it had asked for, and nothing else that is stored", async () => {
  const { thread_id } = await server.client.threads.create();
  const reader = "custom-4";
  proxy.breakAt(reader, { events: 4, isInside: false });
  const stream = clientOf(reader).runs.stream(thread_id, "http-story", { ...STORY, streamMode: "custom" });
  const parts = await readCut(reader, stream as AsyncIterable<Part>, 4);
  const names = parts.map(({ event }) => event.split("|")[0]);
  expect(names).toEqual(["metadata", ...Array(37).fill("custom")]);
  // Last, whether the run is over.
  expect(proxy.asked(reader)).toEqual([undefined, parts[3]?.id, undefined]);
});
