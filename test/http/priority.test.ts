import { Client } from "@langchain/langgraph-sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
let path: string;
beforeAll(async () => {
  server = await openServer({}, { works: false });
  path = `/threads/${(await server.client.threads.create()).thread_id}/runs`;
});
afterAll(async () => await server.close());

const INPUT = { assistant_id: "http-words", input: { text: "x" } };
const start = (priority: object, headers: Record<string, string> = {}) =>
  server.ask(path, { method: "POST", body: { ...INPUT, ...priority }, headers });
const priorityOf = async (run_id: string) => (await server.house.run(run_id)).priority;

it.each([
  ["50 without a word", {}, {}, 50],
  ["what its body says", { priority: 90 }, {}, 90],
  ["what a header says, as clients send it that know no such member", {}, { "holdpoint-priority": "7" }, 7],
  ["what its body says, whatever the header does", { priority: 0 }, { "holdpoint-priority": "7" }, 0],
  ["50 where the body says nothing", { priority: null }, {}, 50],
])("gives a run the priority of %s", async (_what, body, headers, priority) => {
  const response = await start(body, headers);
  expect(response.status).toBe(200);
  const { run_id } = (await response.json()) as { run_id: string };
  expect(await priorityOf(run_id)).toBe(priority);
});

it("takes it from the official client, whose headers go with every run", async () => {
  const urgent = new Client({
    apiUrl: server.listening.url,
    apiKey: null as never,
    defaultHeaders: { "Holdpoint-Priority": "80" },
  });
  const { thread_id } = await urgent.threads.create();
  const run = await urgent.runs.create(thread_id, "http-words", { input: { text: "x" } });
  expect(await priorityOf(run.run_id)).toBe(80);
});

it.each([
  [{ priority: 101 }, {}],
  [{ priority: -1 }, {}],
  [{ priority: 1.5 }, {}],
  [{ priority: "80" }, {}],
  [{}, { "holdpoint-priority": "101" }],
  [{}, { "holdpoint-priority": "high" }],
  [{}, { "holdpoint-priority": "1e1" }],
  [{}, { "holdpoint-priority": "" }],
])("refuses anything but a whole number from 0 to 100: %j %j", async (body, headers) => {
  const response = await start(body, headers as unknown as Record<string, string>);
  expect(response.status).toBe(422);
  expect(await response.text()).toContain("priority");
});
