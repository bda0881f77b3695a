import type { Run } from "@langchain/langgraph-sdk";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { violations } from "../support/invariants.ts";
import { until } from "../support/until.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterEach(async () => expect(await violations(server.house.database)).toEqual([]));
afterAll(() => server.close());

const WORDS = { input: { text: "a" } };

async function newThread(): Promise<string> {
  return (await server.client.threads.create()).thread_id;
}

/** A run that a worker executes, and that ends only when it is stopped. */
async function waiting(thread_id: string): Promise<Run> {
  const run = await server.client.runs.create(thread_id, "http-wait", WORDS);
  await until("the run executes", async () => (await statusOf(run)) === "running");
  return run;
}

const statusOf = async ({ thread_id, run_id }: Run) => (await server.client.runs.get(thread_id, run_id)).status;

test("a run that is rolled back is not found any more, its thread is what it was, and who waits for it is told", async () => {
  const thread_id = await newThread();
  await server.client.runs.wait(thread_id, "http-words", WORDS);
  const [thread, history] = [
    await server.client.threads.get(thread_id),
    await server.client.threads.getHistory(thread_id),
  ];
  const run = await waiting(thread_id);
  // Answered with its headers at once: from here on it is waited for.
  const joined = await fetch(`${server.listening.url}/threads/${thread_id}/runs/${run.run_id}/join`);
  await server.client.runs.cancel(thread_id, run.run_id, true, "rollback");
  await expect(server.client.runs.get(thread_id, run.run_id)).rejects.toThrow(/HTTP 404/);
  expect(await joined.json()).toEqual({
    __error__: { error: "not_found", message: expect.stringContaining(run.run_id) },
  });
  const { status, values, interrupts } = thread;
  expect(await server.client.threads.get(thread_id)).toMatchObject({ status, values, interrupts });
  expect(await server.client.threads.getHistory(thread_id)).toEqual(history);
  expect(await server.client.runs.list(thread_id)).toHaveLength(1);
});

test("a run that has ended is deleted with its checkpoints, and the thread stands where it stood before", async () => {
  const thread_id = await newThread();
  await server.client.runs.wait(thread_id, "http-words", WORDS);
  const before = await server.client.threads.getState(thread_id);
  const { values } = await server.client.threads.get(thread_id);
  await server.client.runs.wait(thread_id, "http-words", { input: { text: "b" } });
  const [second, first] = await server.client.runs.list(thread_id);
  await expect(server.client.runs.delete(thread_id, first?.run_id as string)).rejects.toThrow(/HTTP 409/);
  await server.client.runs.delete(thread_id, second?.run_id as string);
  expect(await server.client.threads.getState(thread_id)).toEqual(before);
  expect(await server.client.threads.get(thread_id)).toMatchObject({ status: "idle", values });
  await server.client.runs.delete(thread_id, first?.run_id as string);
  expect(await server.client.threads.get(thread_id)).toMatchObject({ status: "idle", values: null });
  expect(await server.client.threads.getHistory(thread_id)).toEqual([]);
  await expect(server.client.runs.delete(thread_id, first?.run_id as string)).rejects.toThrow(/HTTP 404/);
});

test("a run that asks is deleted with its question, and one that failed leaves no error behind", async () => {
  const thread_id = await newThread();
  await server.client.runs.wait(thread_id, "http-ask", { input: { text: "who?" } });
  const [asking] = await server.client.runs.list(thread_id);
  await server.client.runs.cancel(thread_id, asking?.run_id as string, false, "rollback");
  expect(await server.client.threads.get(thread_id)).toMatchObject({ status: "idle", interrupts: {}, values: null });
  await server.client.runs.create(thread_id, "http-ask", { input: { text: "who?" } });
  await until("it asks again", async () => (await server.client.threads.get(thread_id)).status === "interrupted");

  const failed = await newThread();
  await server.client.runs.wait(failed, "http-fail", { ...WORDS, raiseError: false });
  const [run] = await server.client.runs.list(failed);
  await server.client.runs.delete(failed, run?.run_id as string);
  expect(await server.client.threads.get(failed)).toMatchObject({ status: "idle", error: null });
});

test("a question that new input left behind is asked again when the run that asked in its place is deleted", async () => {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "http-ask", { input: { text: "who?" } });
  const reviews = async () => (await (await server.ask(`/reviews?thread_id=${thread_id}`)).json()) as ReviewTask[];
  const [first] = await reviews();
  await server.client.runs.wait(thread_id, "http-ask", { input: { text: "where?" } });
  const second = (await reviews()).find(({ id }) => id !== first?.id);
  expect((await reviews()).find(({ id }) => id === first?.id)).toMatchObject({ superseded_by: second?.id });
  await server.client.runs.delete(thread_id, second?.run_id as string);
  const again = (await reviews()).filter(({ status }) => status === "open");
  expect(again.map(({ interrupt_id }) => interrupt_id)).toEqual([first?.interrupt_id]);
  expect((await reviews()).find(({ id }) => id === first?.id)).toMatchObject({ superseded_by: again[0]?.id });
  expect(await server.client.threads.get(thread_id)).toMatchObject({ status: "interrupted" });
});

test("nothing of a guarded graph is rolled back or deleted", async () => {
  const thread_id = await newThread();
  await server.client.runs.wait(thread_id, "http-pay", { input: { amount: 5 } });
  const [run] = await server.client.runs.list(thread_id);
  const path = `/threads/${thread_id}/runs/${run?.run_id}`;
  for (const [method, asked] of [
    ["POST", `${path}/cancel?action=rollback`],
    ["DELETE", path],
  ] as const) {
    const answer = await server.ask(asked, { method });
    expect(answer.status).toBe(409);
    expect(await answer.text()).toContain("guarded");
  }
  expect((await server.client.threads.get(thread_id)).status).toBe("interrupted");
  const rude = { input: { amount: 6 }, multitaskStrategy: "rollback" } as const;
  await expect(server.client.runs.create(thread_id, "http-pay", rude)).rejects.toThrow(/HTTP 409/);
});

test("many runs are stopped at once, by their ids or by their status", async () => {
  const [one, other] = [await newThread(), await newThread()];
  const running = await waiting(one);
  const queued = await server.client.runs.create(one, "http-wait", WORDS);
  const elsewhere = await waiting(other);
  await server.client.runs.cancelMany({ threadId: one, runIds: [queued.run_id] });
  expect([await statusOf(queued), await statusOf(running)]).toEqual(["interrupted", "running"]);
  await server.client.runs.cancelMany({ threadId: one, status: "running", action: "interrupt" });
  await until("it has stopped", async () => (await statusOf(running)) === "interrupted");
  expect(await statusOf(elsewhere)).toBe("running");
  await server.client.runs.cancelMany({ status: "all", action: "rollback" });
  await until("it is gone", async () => (await server.client.runs.list(other)).length === 0);
  await expect(server.client.runs.cancelMany({ threadId: one })).rejects.toThrow(/HTTP 422/);
});

test("a client's new run takes the place of the one under way", async () => {
  const thread_id = await newThread();
  const run = await waiting(thread_id);
  const values = await server.client.runs.wait(thread_id, "http-words", { ...WORDS, multitaskStrategy: "interrupt" });
  expect(values).toMatchObject({ text: "A!" });
  expect(await statusOf(run)).toBe("interrupted");
  const again = await waiting(await newThread());
  const stop = new AbortController();
  const next = server.client.runs
    .wait(again.thread_id, "http-wait", { ...WORDS, multitaskStrategy: "rollback", signal: stop.signal })
    .catch(() => {});
  await until("the first is gone", async () =>
    statusOf(again).then(
      () => false,
      () => true,
    ),
  );
  stop.abort();
  await next;
  await server.client.runs.cancelMany({ threadId: again.thread_id, status: "all" });
  await until("nothing runs", async () => (await server.client.threads.get(again.thread_id)).status === "idle");
});

test("a run over its time answers whoever waits, and each attempt at it is told", async () => {
  const thread_id = await newThread();
  const answer = await server.ask(`/threads/${thread_id}/runs/wait`, {
    method: "POST",
    headers: { "Holdpoint-Timeout": "0.2" },
    body: { assistant_id: "http-wait", ...WORDS },
  });
  expect(await answer.json()).toEqual({ __error__: { error: "timeout", message: expect.stringContaining("0.2 s") } });
  const [run] = await server.client.runs.list(thread_id);
  expect(run).toMatchObject({ status: "timeout", kwargs: { timeout: 0.2 } });
  const attempts = await server.ask(`/threads/${thread_id}/runs/${run?.run_id}/attempts`);
  expect(await attempts.json()).toMatchObject([
    { attempt: 1, worker_id: server.house.worker.worker_id, outcome: "timeout", error_class: "timeout" },
  ]);
});

test("a run says why it was cancelled: whether it ran, waited in the queue or for a person, or its input was taken over", async () => {
  const { runs } = server.client;
  const thread_id = await newThread();
  const running = await waiting(thread_id);
  const queued = await runs.create(thread_id, "http-words", WORDS);
  expect(queued.cancel_reason).toBeNull();
  await runs.cancel(thread_id, queued.run_id, true, "interrupt", { reason: "taken" });
  await runs.cancel(thread_id, running.run_id, true);
  const asking = await newThread();
  await runs.wait(asking, "http-ask", { input: { text: "who?" } });
  const [question] = await runs.list(asking);
  expect(question?.cancel_reason).toBeNull();
  await runs.cancel(asking, question?.run_id as string);
  const told = [
    await runs.get(thread_id, queued.run_id),
    await runs.get(thread_id, running.run_id),
    await runs.get(asking, question?.run_id as string),
  ];
  expect(told.map(({ status, cancel_reason }) => [status, cancel_reason])).toEqual([
    ["interrupted", "taken: cancelled by local-owner"],
    ["interrupted", "cancelled by local-owner"],
    ["interrupted", "cancelled by local-owner"],
  ]);
  const selected = await runs.list(thread_id, { select: ["run_id", "cancel_reason"] });
  expect(selected.map((run) => Object.keys(run).sort())).toEqual([
    ["cancel_reason", "run_id"],
    ["cancel_reason", "run_id"],
  ]);
});

test.each(["reason=taken&action=rollback", "reason=mood", "reason=taken&reason=taken"])("refuses %s", async (query) => {
  const thread_id = await newThread();
  await server.client.runs.wait(thread_id, "http-words", WORDS);
  const [run] = await server.client.runs.list(thread_id);
  const path = `/threads/${thread_id}/runs/${run?.run_id}/cancel?${query}`;
  expect((await server.ask(path, { method: "POST" })).status).toBe(422);
});
