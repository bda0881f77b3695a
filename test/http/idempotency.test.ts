import { randomUUID } from "node:crypto";
import { Client } from "@langchain/langgraph-sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/http/app.ts";
import type { Database } from "../../src/postgres/database.ts";
import { HoldpointError } from "../../src/protocol/errors.ts";
import { collect } from "../support/collect.ts";
import { atRest, count, post, runsOf, WORDS } from "./keyed.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterAll(async () => await server.close());

/** A client that sends this key with everything it asks. */
const withKey = (key: string) =>
  new Client({ apiUrl: server.listening.url, apiKey: null as never, defaultHeaders: { "idempotency-key": key } });

const newThread = async () => (await server.client.threads.create()).thread_id;

describe("the same key with the same request", () => {
  it("creates one run and shows it again, as it stands then", async () => {
    const thread_id = await newThread();
    const key = randomUUID();
    const first = await withKey(key).runs.create(thread_id, "http-words", { input: { text: "a" } });
    await server.client.runs.join(thread_id, first.run_id);
    const again = await withKey(key).runs.create(thread_id, "http-words", { input: { text: "a" } });
    expect(again).toMatchObject({ run_id: first.run_id, status: "success", created_at: first.created_at });
    expect(await runsOf(server, thread_id)).toBe(1);
  });

  it("means the same however its body and its path are written", async () => {
    const thread_id = await newThread();
    const key = randomUUID();
    const first = await post(server, `/threads/${thread_id}/runs`, key, WORDS);
    const turned = `{ "input": {"text": "\\u0061"}, "assistant_id": "http-words" }`;
    const again = await post(server, `/threads/${thread_id.toUpperCase()}/runs`, key, turned, {
      "content-type": "application/json",
    });
    expect(again).toMatchObject({ status: 200, run_id: first.run_id });
  });

  it("waits for one run, and has its result", async () => {
    const thread_id = await newThread();
    const key = randomUUID();
    const wait = () => withKey(key).runs.wait(thread_id, "http-words", { input: { text: "a" } });
    const first = await wait();
    expect(first).toMatchObject({ text: "A!" });
    expect(await wait()).toEqual(first);
    expect(await runsOf(server, thread_id)).toBe(1);
  });

  it("streams one run, from its first event to its last", async () => {
    const thread_id = await newThread();
    const key = randomUUID();
    const stream = async () =>
      await collect(
        withKey(key).runs.stream(thread_id, "http-words", {
          input: { text: "a" },
          streamMode: ["values", "updates", "custom"],
        }),
      );
    const first = await stream();
    expect(first.length).toBeGreaterThan(5);
    expect(await stream()).toEqual(first);
    expect(await runsOf(server, thread_id)).toBe(1);
  });

  it("creates one thread", async () => {
    const key = randomUUID();
    const before = await count(server, "thread");
    const [first, again] = [
      await withKey(key).threads.create({ metadata: { of: key } }),
      await withKey(key).threads.create({ metadata: { of: key } }),
    ];
    expect(again).toEqual(first);
    expect(await count(server, "thread")).toBe(before + 1);
  });

  it("creates a thread of a given id once, where a second request without a key is told that it exists", async () => {
    const threadId = randomUUID();
    const key = randomUUID();
    await withKey(key).threads.create({ threadId });
    expect(await withKey(key).threads.create({ threadId })).toMatchObject({ thread_id: threadId });
    await expect(server.client.threads.create({ threadId })).rejects.toThrow(/HTTP 409/);
  });

  it.each(["a run", "nothing"])("copies a thread on which there was %s once", async (what) => {
    const thread_id = await newThread();
    if (what === "a run") await server.client.runs.wait(thread_id, "http-words", { input: { text: "a" } });
    const before = await count(server, "thread");
    const key = randomUUID();
    const copies = await Promise.all(Array.from({ length: 5 }, () => withKey(key).threads.copy(thread_id)));
    expect(new Set(copies.map((copy) => copy.thread_id)).size).toBe(1);
    expect(await withKey(key).threads.copy(thread_id)).toMatchObject({ thread_id: copies[0]?.thread_id });
    expect(await count(server, "thread")).toBe(before + 1);
  });

  it("edits a thread's state once, and says again which checkpoint that made", async () => {
    const thread_id = await newThread();
    await server.client.runs.wait(thread_id, "http-words", { input: { text: "a" } });
    const edit = (key: string, text: string) =>
      withKey(key).threads.updateState(thread_id, { values: { text }, asNode: "mark" });
    const key = randomUUID();
    const first = await edit(key, "one");
    await edit(randomUUID(), "two");
    expect(await edit(key, "one")).toEqual(first);
    expect(await server.client.threads.getState(thread_id)).toMatchObject({ values: { text: "two" } });
    expect(await count(server, "run", "kind = 'state_update' and thread_id = $1", [thread_id])).toBe(2);
  });

  it("gives an answer once, also when the next question is already open", async () => {
    const thread_id = await newThread();
    await server.client.runs.wait(thread_id, "plain-questions", { input: { amount: 1 } });
    const body = { assistant_id: "plain-questions", command: { resume: "first answer" } };
    const key = randomUUID();
    const first = await post(server, `/threads/${thread_id}/runs/wait`, key, body);
    expect(first.text).toContain("two?");
    const again = await post(server, `/threads/${thread_id}/runs/wait`, key, body);
    expect(again).toEqual(first);
    // Without a key nothing says that it is not the answer to the second question.
    expect((await server.client.threads.getState(thread_id)).tasks[0]?.interrupts).toHaveLength(1);
    await server.client.runs.wait(thread_id, "plain-questions", { command: { resume: "second answer" } });
    expect(await server.client.threads.getState(thread_id)).toMatchObject({
      values: { log: ["ask:first answer:second answer"] },
    });
  });

  it("is one run also when the answer leaves other questions open", async () => {
    const thread_id = await newThread();
    await server.client.runs.wait(thread_id, "http-ask-twice", { input: { text: "a" } });
    const { tasks } = await server.client.threads.getState(thread_id);
    const resume = { [tasks[0]?.interrupts[0]?.id as string]: "yes" };
    const body = { assistant_id: "http-ask-twice", command: { resume } };
    const key = randomUUID();
    const first = await post(server, `/threads/${thread_id}/runs`, key, body);
    const again = await post(server, `/threads/${thread_id}/runs`, key, body);
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.run_id).toBe(first.run_id);
  });

  it("is answered though the thread is busy with what it started, and though it would be refused now", async () => {
    const thread_id = await newThread();
    const body = { assistant_id: "http-wait", input: { text: "a" }, multitask_strategy: "reject" };
    const key = randomUUID();
    const first = await post(server, `/threads/${thread_id}/runs`, key, body);
    expect(await post(server, `/threads/${thread_id}/runs`, key, body)).toMatchObject({
      status: 200,
      run_id: first.run_id,
    });
    expect(await post(server, `/threads/${thread_id}/runs`, randomUUID(), body)).toMatchObject({ code: "thread_busy" });
    await server.client.runs.cancel(thread_id, first.run_id as string, true);
    await atRest(server);
  });

  it("is answered though the graph is gone since, and though the answer could no longer be told to one question", async () => {
    const thread_id = await newThread();
    await server.client.runs.wait(thread_id, "http-ask-twice", { input: { text: "a" } });
    const { tasks } = await server.client.threads.getState(thread_id);
    const resume = Object.fromEntries(tasks.map(({ interrupts }) => [interrupts[0]?.id as string, "yes"]));
    const path = `/threads/${thread_id}/runs/wait`;
    const body = { assistant_id: "http-ask-twice", command: { resume } };
    const key = randomUUID();
    const first = await post(server, path, key, body);
    expect(first.text).toContain("yes");
    // The same graph asks two other questions.
    await server.client.runs.wait(thread_id, "http-ask-twice", { input: { text: "b" } });
    expect(await post(server, path, key, body)).toEqual(first);
    const { database } = server.deps;
    const bare = createApp({
      ...server.deps,
      database,
      graphs: () => ({ ...server.deps.graphs(), graphs: new Map() }),
    });
    const sent = { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const ask = (headers: Record<string, string>) =>
      bare.fetch(new Request(`http://127.0.0.1${path}`, { ...sent, headers: { ...sent.headers, ...headers } }));
    expect((await ask({})).status).toBe(404);
    expect(await (await ask({ "idempotency-key": key })).text()).toBe(first.text);
  });

  it("is answered though the database ended the connection right after it had committed", async () => {
    const thread_id = await newThread();
    const { database } = server.deps;
    const forgetful: Database = {
      ...database,
      async transaction(body) {
        await database.transaction(body);
        throw new HoldpointError("database_unreachable", "the connection to Postgres failed");
      },
    };
    const app = createApp({ ...server.deps, database: forgetful });
    const create = (headers: Record<string, string>) =>
      app.fetch(
        new Request(`http://127.0.0.1/threads/${thread_id}/runs`, {
          method: "POST",
          body: JSON.stringify(WORDS),
          headers: { "content-type": "application/json", ...headers },
        }),
      );
    expect((await create({ "idempotency-key": randomUUID() })).status).toBe(200);
    expect((await create({})).status).toBe(503);
    expect(await runsOf(server, thread_id)).toBe(2);
    await atRest(server);
  });

  it("has no canonical form to compare when its text is broken, and is compared all the same", async () => {
    const thread_id = await newThread();
    const key = randomUUID();
    const body = (text: string) => ({ assistant_id: "http-words", input: { text } });
    const first = await post(server, `/threads/${thread_id}/runs`, key, body("\ud800"));
    expect(first.status).toBe(200);
    expect(await post(server, `/threads/${thread_id}/runs`, key, body("\ud800"))).toMatchObject({
      run_id: first.run_id,
    });
    expect(await post(server, `/threads/${thread_id}/runs`, key, body("\ud801"))).toMatchObject({ status: 422 });
    await atRest(server);
  });
});
