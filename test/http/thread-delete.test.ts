import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { until } from "../support/until.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterAll(async () => await server.close());

async function paused(graph: string, input: Record<string, unknown>) {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, graph, { input });
  const [review] = (await (await server.ask(`/reviews?thread_id=${thread_id}`)).json()) as ReviewTask[];
  return { thread_id, review: review as ReviewTask };
}

async function settled() {
  const { thread_id, review } = await paused("http-pay", { amount: 5 });
  const body = { decisions: [{ type: "reject" }], seen_digest: review.request_digest };
  const decided = await server.ask(`/reviews/${review.id}/decision`, { method: "POST", body });
  await server.client.runs.join(thread_id, ((await decided.json()) as { run_id: string }).run_id);
  return thread_id;
}

async function leftOf(thread_id: string): Promise<string[]> {
  const tables = ["checkpoint", "checkpoint_write", "checkpoint_chunk"];
  const counts = tables.map((table) => `select '${table}' as name from holdpoint.${table} where thread_id = $1`);
  const { rows } = await server.house.database.pool.query<{ name: string }>(counts.join(" union "), [thread_id]);
  return rows.map(({ name }) => name);
}

it("removes a thread with its state, runs and history, once and for good", async () => {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "http-words", { input: { text: "a" } });
  const [run] = await server.client.runs.list(thread_id);
  expect(await leftOf(thread_id)).toContain("checkpoint");
  await server.client.threads.delete(thread_id);
  for (const ask of [
    () => server.client.threads.get(thread_id),
    () => server.client.threads.getState(thread_id),
    () => server.client.threads.getHistory(thread_id),
    () => server.client.runs.list(thread_id),
    () => server.client.runs.get(thread_id, run?.run_id as string),
    () => server.client.runs.create(thread_id, "http-words", { input: { text: "a" } }),
    () => server.client.threads.delete(thread_id),
  ]) {
    await expect(ask()).rejects.toThrow(/HTTP 404/);
  }
  expect(await leftOf(thread_id)).toEqual([]);
  await expect(server.client.threads.create({ threadId: thread_id })).rejects.toThrow(/HTTP 409/);
});

it("stops what the thread executes and what it has queued, and tells those who follow", async () => {
  const { thread_id } = await server.client.threads.create();
  const input = { text: "x" };
  const first = await server.client.runs.create(thread_id, "http-wait", { input });
  await server.client.runs.create(thread_id, "http-wait", { input });
  await until("it runs", async () => (await server.house.run(first.run_id)).status === "running");
  const following = fetch(`${server.listening.url}/threads/${thread_id}/runs/${first.run_id}/stream`);
  const stream = (await following).text();
  await server.client.threads.delete(thread_id);
  expect(await stream).toMatch(/event: error\ndata: .*was deleted/);
  const { rows } = await server.house.database.pool.query(
    "select status, error from holdpoint.run where thread_id = $1",
    [thread_id],
  );
  expect(rows.map(({ status }) => status)).toEqual(["interrupted", "interrupted"]);
  expect(rows[0].error).toContain("local-owner deleted thread");
  expect(await leftOf(thread_id)).toEqual([]);
});

it("takes back what the thread asks, so that nobody answers it", async () => {
  const { thread_id, review } = await paused("http-pay", { amount: 5 });
  await server.client.threads.delete(thread_id);
  const now = (await (await server.ask(`/reviews/${review.id}`)).json()) as ReviewTask;
  expect(now).toMatchObject({ status: "cancelled" });
  const body = { decisions: [{ type: "approve" }], seen_digest: review.request_digest };
  expect((await server.ask(`/reviews/${review.id}/decision`, { method: "POST", body })).status).toBe(404);
});

it("keeps the thread of a guarded graph on which somebody has decided, unless who may says why", async () => {
  const thread_id = await settled();
  const refused =
    /HTTP 409: thread .* is not deleted: its graph is guarded, and a decision \(review .*\) is part of it/;
  await expect(server.client.threads.delete(thread_id)).rejects.toThrow(refused);
  expect(await server.client.threads.get(thread_id)).toMatchObject({ status: "idle" });
  const headers = { "x-holdpoint-bypass-reason": "asked for by the customer" };
  const path = `/threads/${thread_id}`;
  const key = await server.key("no-bypass", ["runs:cancel"]);
  const without = await server.ask(path, { method: "DELETE", headers: { ...headers, "x-api-key": key } });
  expect(without.status).toBe(409);
  expect((await server.ask(path, { method: "DELETE", headers })).status).toBe(204);
  const { rows } = await server.house.database.pool.query(
    "select kind, body from holdpoint.audit where thread_id = $1 and kind like 'thread.%' order by audit_seq",
    [thread_id],
  );
  expect(rows.map(({ kind }) => kind)).toEqual(["thread.bypassed", "thread.deleted"]);
  expect(JSON.parse(rows[0].body)).toMatchObject({ reason: "asked for by the customer" });
});

it("refuses ids that are none, those of nobody and of another tenant, and who may not", async () => {
  await expect(server.client.threads.delete("not-a-uuid")).rejects.toThrow(/HTTP 422/);
  await expect(server.client.threads.delete(randomUUID())).rejects.toThrow(/HTTP 404/);
  const { thread_id } = await server.client.threads.create();
  const key = await server.key("reader", ["runs:read", "runs:create"]);
  const response = await server.ask(`/threads/${thread_id}`, { method: "DELETE", headers: { "x-api-key": key } });
  expect(response.status).toBe(403);
  await server.house.database.pool.query("update holdpoint.thread set tenant_id = 'elsewhere' where thread_id = $1", [
    thread_id,
  ]);
  await expect(server.client.threads.delete(thread_id)).rejects.toThrow(/HTTP 404/);
});
