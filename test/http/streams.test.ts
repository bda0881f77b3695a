import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { createWriteBatcher } from "../../src/postgres/batch.ts";
import { claimRuns, returnLease } from "../../src/postgres/claim.ts";
import { appendEvents } from "../../src/postgres/events.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterAll(async () => await server.close());

/** No assertion: how long whatever would never come is waited for. */
const PATIENCE = { timeout: 60_000 };

const HANGS = { assistant_id: "http-wait", input: { text: "x" } };

/** Sends a request over a socket and gives the first bytes of its answer, and how to hang up. */
async function openAt(at: TestServer, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const sent = request(`${at.listening.url}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
  });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  const response = await new Promise<import("node:http").IncomingMessage>((resolve, reject) => {
    sent.on("response", resolve);
    sent.on("error", reject);
  });
  const chunks: string[] = [];
  response.setEncoding("utf8");
  const ended = new Promise<"end" | "cut">((resolve) => {
    response.on("end", () => resolve("end"));
    response.on("error", () => resolve("cut"));
    response.on("close", () => resolve("cut"));
  });
  response.on("data", (chunk: string) => chunks.push(chunk));
  return { response, ended, text: () => chunks.join(""), hangUp: () => sent.destroy() };
}

const open = (path: string, body?: unknown) => openAt(server, path, body);

async function newThread(): Promise<string> {
  return (await server.client.threads.create()).thread_id;
}

function runIdOf(headers: NodeJS.Dict<string | string[]>): string {
  return String(headers["content-location"]).split("/").at(-1) as string;
}

const statusOf = async (thread_id: string, run_id: string) => (await server.client.runs.get(thread_id, run_id)).status;

it("answers wait at once with headers that say where the run is, and keeps the connection alive", async () => {
  const thread_id = await newThread();
  const waiting = await open(`/threads/${thread_id}/runs/wait`, HANGS);
  const run_id = runIdOf(waiting.response.headers);
  expect(waiting.response.statusCode).toBe(200);
  expect(waiting.response.headers.location).toBe(`/threads/${thread_id}/runs/${run_id}/join`);
  await vi.waitFor(() => expect(waiting.text()).toMatch(/^\n\n+$/), PATIENCE);
  await server.client.runs.cancel(thread_id, run_id, true);
  expect(await waiting.ended).toBe("end");
  expect(JSON.parse(waiting.text())).toEqual({ __error__: { error: "cancelled", message: expect.any(String) } });
});

it("lets the run go on when its watcher hangs up, and cancels it when that was asked for", async () => {
  for (const path of ["wait", "stream"]) {
    const thread_id = await newThread();
    const kept = await open(`/threads/${thread_id}/runs/${path}`, HANGS);
    const run_id = runIdOf(kept.response.headers);
    await vi.waitFor(async () => expect(await statusOf(thread_id, run_id)).toBe("running"), PATIENCE);
    kept.hangUp();
    const join = await open(
      `/threads/${thread_id}/runs/${run_id}/${path === "wait" ? "join" : "stream"}?cancel_on_disconnect=0`,
    );
    await vi.waitFor(() => expect(join.text()).not.toBe(""), PATIENCE);
    join.hangUp();
    const last = await open(`/threads/${thread_id}/runs/${run_id}/stream?cancel_on_disconnect=1`);
    await vi.waitFor(() => expect(last.text()).toContain("event: metadata"), PATIENCE);
    expect(await statusOf(thread_id, run_id)).toBe("running");
    last.hangUp();
    await vi.waitFor(async () => expect(await statusOf(thread_id, run_id)).toBe("interrupted"), PATIENCE);
  }
  const thread_id = await newThread();
  const cancelled = await open(`/threads/${thread_id}/runs/stream`, { ...HANGS, on_disconnect: "cancel" });
  const run_id = runIdOf(cancelled.response.headers);
  cancelled.hangUp();
  await vi.waitFor(async () => expect(await statusOf(thread_id, run_id)).toBe("interrupted"), PATIENCE);
});

it("sends heartbeats while nothing happens", async () => {
  const thread_id = await newThread();
  const stream = await open(`/threads/${thread_id}/runs/stream`, HANGS);
  await vi.waitFor(() => expect(stream.text()).toContain(": heartbeat\n"), PATIENCE);
  expect(stream.response.headers).toMatchObject({ "x-accel-buffering": "no", "cache-control": "no-store" });
  stream.hangUp();
  await server.client.runs.cancel(thread_id, runIdOf(stream.response.headers));
});

it("shows a queued run's stream as soon as it runs, to several watchers", async () => {
  const thread_id = await newThread();
  const first = await server.client.runs.create(thread_id, "http-wait", { input: { text: "x" } });
  const { run_id } = await server.client.runs.create(thread_id, "http-words", { input: { text: "x" } });
  const path = `/threads/${thread_id}/runs/${run_id}/stream`;
  const readers: Record<string, string>[] = [{}, { accept: "text/event-stream" }, { accept: "*/*" }];
  const watchers = await Promise.all(readers.map((headers) => openAt(server, path, undefined, headers)));
  for (const watcher of watchers) await vi.waitFor(() => expect(watcher.text()).toContain("event: metadata"), PATIENCE);
  await server.client.runs.cancel(thread_id, first.run_id);
  for (const watcher of watchers) {
    expect(await watcher.ended).toBe("end");
    expect(watcher.text()).toMatch(/event: values\ndata: .*"X!".*\nid: \d+\n/);
  }
  // Only who asks for events by name is told of the end by one: other clients would hand it on to their callers.
  const last = watchers.map((watcher) => watcher.text().split("\n\n").at(-2)?.split("\n")[0]);
  expect(last).toEqual(["event: values", "event: end", "event: values"]);
  expect(watchers[0]?.text()).toMatch(/\n\n: end\n$/);
});

it("announces every attempt of a run in its place", async () => {
  const idle = await openServer({}, { works: false });
  const { thread_id } = await idle.client.threads.create();
  const { run_id } = await idle.client.runs.create(thread_id, "http-words", { input: { text: "x" } });
  const { database } = idle.house;
  for (const attempt of [1, 2]) {
    const claimant = { worker_id: randomUUID(), graph_ids: ["http-words"], leaseMs: 60_000 };
    const [run] = await claimRuns(database, claimant, 1);
    const lease = { tenant_id: "default", thread_id, run_id, lease_epoch: run?.lease_epoch as number };
    const events = [
      { event: "metadata", data: { run_id, attempt } },
      { event: "values", data: { attempt } },
    ];
    await appendEvents(createWriteBatcher(database.pool), lease, attempt, events);
    if (attempt === 1) await returnLease(database, lease);
  }
  const stream = await openAt(idle, `/threads/${thread_id}/runs/${run_id}/stream`);
  await vi.waitFor(() => expect(stream.text()).toContain('data: {"attempt":2}'), PATIENCE);
  const shown = [...stream.text().matchAll(/event: (\w+)\ndata: .*"attempt":(\d)/g)].map(
    ([, event, n]) => `${event} ${n}`,
  );
  expect(shown).toEqual(["metadata 1", "values 1", "metadata 2", "values 2"]);
  stream.hangUp();
  const later = await openAt(idle, `/threads/${thread_id}/runs/${run_id}/stream`, undefined, { "last-event-id": "2" });
  await vi.waitFor(() => expect(later.text()).toContain("id: 3\n\n"), PATIENCE);
  expect(later.text()).toBe('event: values\ndata: {"attempt":2}\nid: 3\n\n');
  later.hangUp();
  await idle.close();
});

it("answers HEAD without opening a stream", async () => {
  const thread_id = await newThread();
  const { run_id } = await server.client.runs.create(thread_id, "http-words", { input: { text: "x" } });
  const response = await fetch(`${server.listening.url}/threads/${thread_id}/runs/${run_id}/stream`, {
    method: "HEAD",
  });
  expect([response.status, await response.text()]).toEqual([200, ""]);
});

it("ends streams without `end` when the server stops, so that their clients come back, and cuts a wait", async () => {
  const stopping = await openServer();
  const { thread_id } = await stopping.client.threads.create();
  const { run_id } = await stopping.client.runs.create(thread_id, "http-wait", { input: { text: "x" } });
  const path = `/threads/${thread_id}/runs/${run_id}`;
  const stream = await openAt(stopping, `${path}/stream`);
  await vi.waitFor(() => expect(stream.text()).toMatch(/^event: metadata\n/), PATIENCE);
  const wait = await fetch(`${stopping.listening.url}${path}/join`);
  const joined = wait.text().catch(() => "cut");
  await stopping.listening.close(3_000);
  expect(await stream.ended).toBe("end");
  expect(stream.text()).not.toContain("event: end");
  expect(await joined).toBe("cut");
  await stopping.close();
});
