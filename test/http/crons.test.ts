import { randomUUID } from "node:crypto";
import { Client } from "@langchain/langgraph-sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { dueCrons } from "../../src/postgres/crons.sql.ts";
import { createCronFirer } from "../../src/runtime/cron.ts";
import { sweepThreadTtl } from "../../src/runtime/thread-ttl.ts";
import { until } from "../support/until.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterAll(async () => await server.close());

interface Seen {
  cron_id: string;
  last_run_id: string | null;
  next_run_date: string | null;
  last_error: string | null;
  timezone: string;
  enabled: boolean;
  on_run_completed: string;
  payload: Record<string, unknown>;
  metadata: Record<string, unknown>;
  end_time: string | null;
  schedule: string;
  thread_id: string | null;
}

const crons = () => server.client.crons;
const seen = (cron: unknown) => cron as Seen;
const WORDS = { schedule: "0 9 * * *", input: { text: "a" } };

/** Makes what is due, as the worker does. */
async function fire(): Promise<void> {
  const { database, graphs } = server.house;
  const firer = createCronFirer(server.house.parts);
  const { signal } = new AbortController();
  for (const due of await database.many(dueCrons([...graphs.graphs.keys()], 100))) await firer(due, signal);
}

/** The cron when it has made a run: it may be somebody else who makes it. */
async function fired({ cron_id }: Seen): Promise<Seen & { last_run_id: string }> {
  return await until("it has started a run", async () => {
    await fire();
    const { last_run_id, ...cron } = await find(cron_id);
    return last_run_id !== null && { ...cron, last_run_id };
  });
}

async function find(cron_id: string): Promise<Seen> {
  const found = (await crons().search({ limit: 1000 })) as unknown as Seen[];
  return found.find((cron) => cron.cron_id === cron_id) as Seen;
}

it("starts runs by the clock, each on a thread that ends with it", async () => {
  const cron = seen(await crons().create("http-words", { ...WORDS, metadata: { team: "a" } }));
  expect(cron).toMatchObject({
    thread_id: null,
    schedule: "0 9 * * *",
    timezone: "UTC",
    enabled: true,
    on_run_completed: "delete",
    end_time: null,
    metadata: { team: "a" },
    payload: { input: { text: "a" } },
    next_run_date: expect.stringMatching(/T09:00:00\.000Z$/),
  });
  await server.house.pass(86_400);
  const { last_run_id } = await fired(cron);
  const run = await server.house.run(last_run_id);
  expect(await server.client.runs.join(run.thread_id, run.run_id)).toMatchObject({ text: "A!" });
  expect(run).toMatchObject({ principal_id: "local-owner", metadata: { team: "a", cron_id: cron.cron_id } });
  const listed = (await server.client.threads.search({ limit: 1000 })).map(({ thread_id }) => thread_id);
  expect(listed).not.toContain(run.thread_id);
  await crons().delete(cron.cron_id);
  await server.house.pass(3600);
  // The worker may be at it too.
  await until("its thread is gone", async () => {
    while ((await sweepThreadTtl(server.house.parts)) > 0);
    return (await server.ask(`/threads/${run.thread_id}`)).status === 404;
  });
});

it("starts runs on a thread that it was given, and keeps the others' where that is asked for", async () => {
  const { thread_id } = await server.client.threads.create();
  const onThread = seen(await crons().createForThread(thread_id, "http-words", WORDS));
  const kept = seen(await crons().create("http-words", { ...WORDS, onRunCompleted: "keep" }));
  expect(onThread).toMatchObject({ thread_id });
  await server.house.pass(86_400);
  const [one, other] = [await fired(onThread), await fired(kept)];
  expect(await server.client.runs.join(thread_id, one.last_run_id)).toMatchObject({ text: "A!" });
  const run = await server.house.run(other.last_run_id);
  await server.client.runs.join(run.thread_id, run.run_id);
  await server.house.pass(3600);
  while ((await sweepThreadTtl(server.house.parts)) > 0);
  for (const id of [thread_id, run.thread_id]) {
    expect(await server.client.threads.get(id)).toMatchObject({ status: "idle", values: { text: "A!" } });
  }
  for (const { cron_id } of [onThread, kept]) await crons().delete(cron_id);
});

it("changes what is given and leaves the rest, and makes nothing more when it is switched off or gone", async () => {
  const cron = seen(await crons().create("http-words", { ...WORDS, metadata: { a: 1 } }));
  const changed = seen(
    await crons().update(cron.cron_id, { schedule: "30 7 * * 1", timezone: "Europe/Berlin", input: { text: "b" } }),
  );
  expect(changed).toMatchObject({ schedule: "30 7 * * 1", payload: { input: { text: "b" } }, metadata: { a: 1 } });
  expect(changed.next_run_date).not.toBe(cron.next_run_date);
  const off = seen(await crons().update(cron.cron_id, { enabled: false, endTime: "2090-01-01T00:00:00Z" } as never));
  expect(off).toMatchObject({ enabled: false, next_run_date: null, payload: { input: { text: "b" } } });
  expect(new Date(off.end_time as string).toISOString()).toBe("2090-01-01T00:00:00.000Z");
  await server.house.pass(8 * 86_400);
  await fire();
  expect(await find(cron.cron_id)).toMatchObject({ last_run_id: null });
  await crons().delete(cron.cron_id);
  expect(await find(cron.cron_id)).toBeUndefined();
  await expect(crons().delete(cron.cron_id)).rejects.toThrow(/HTTP 404/);
  await expect(crons().update(cron.cron_id, { enabled: true })).rejects.toThrow(/HTTP 404/);
});

it("finds, counts, sorts and cuts crons as asked", async () => {
  const tag = randomUUID();
  const metadata = { tag };
  const { thread_id } = await server.client.threads.create();
  const first = seen(await crons().create("http-words", { ...WORDS, metadata, schedule: "0 1 1 1 *" }));
  const second = seen(await crons().createForThread(thread_id, "http-words", { ...WORDS, metadata, enabled: false }));
  const third = seen(await crons().create("http-talk", { schedule: "0 0 1 2 *", metadata, input: { messages: [] } }));
  const ids = async (query: object) =>
    ((await crons().search({ metadata, ...query } as never)) as unknown as Seen[]).map(({ cron_id }) => cron_id);
  expect(await ids({})).toEqual([third, second, first].map(({ cron_id }) => cron_id));
  expect(await ids({ sortBy: "created_at", sortOrder: "asc" })).toEqual(
    [first, second, third].map(({ cron_id }) => cron_id),
  );
  expect((await ids({ sortBy: "thread_id", sortOrder: "desc" }))[0]).toBe(second.cron_id);
  expect((await ids({ sortBy: "next_run_date", sortOrder: "desc" })).at(-1)).toBe(second.cron_id);
  expect(await ids({ threadId: thread_id })).toEqual([second.cron_id]);
  expect(await ids({ enabled: false })).toEqual([second.cron_id]);
  expect(await ids({ assistantId: "http-talk" })).toEqual([third.cron_id]);
  expect(await ids({ assistantId: "nobody" })).toEqual([]);
  expect(await crons().count({ metadata } as never)).toBe(3);
  expect(await crons().count({ metadata, assistantId: "nobody" } as never)).toBe(0);
  const select = ["cron_id", "schedule"] as never;
  expect(await crons().search({ metadata, limit: 1, offset: 2, select } as never)).toEqual([
    { cron_id: first.cron_id, schedule: "0 1 1 1 *" },
  ]);
  const page = await server.ask("/runs/crons/search", { method: "POST", body: { metadata, limit: 2 } });
  expect([page.headers.get("x-pagination-total"), page.headers.get("x-pagination-next")]).toEqual(["3", "2"]);
});

it("lets only its owner, or who administrates, change what runs in the owner's name", async () => {
  const as = async (name: string, more: "admin"[] = []) => {
    const apiKey = await server.key(name, ["runs:create", "runs:read", ...more]);
    return new Client({ apiUrl: server.listening.url, apiKey, callerOptions: { maxRetries: 0 } }).crons;
  };
  const [ana, ben, admin] = [await as("ana"), await as("ben"), await as("root", ["admin"])];
  const cron = seen(await ana.create("http-words", WORDS));
  expect(cron).toMatchObject({ user_id: "ana" });
  await expect(ben.update(cron.cron_id, { input: { text: "mine" } })).rejects.toThrow(/HTTP 403/);
  await expect(ben.delete(cron.cron_id)).rejects.toThrow(/HTTP 403/);
  expect(await admin.update(cron.cron_id, { enabled: false })).toMatchObject({ enabled: false, user_id: "ana" });
  await ana.delete(cron.cron_id);
  const reader = { "x-api-key": await server.key("reader", ["runs:read"]) };
  const refused = await server.ask("/runs/crons", { method: "POST", body: WORDS, headers: reader });
  expect(refused.status).toBe(403);
});

const CRON = { assistant_id: "http-words", schedule: "0 9 * * *", input: { text: "a" } };
const HOSTILE: [string, string, unknown, number][] = [
  ["POST", "/runs/crons", {}, 422],
  ["POST", "/runs/crons", { ...CRON, assistant_id: "nobody" }, 404],
  ["POST", "/runs/crons", { ...CRON, schedule: "every day" }, 422],
  ["POST", "/runs/crons", { ...CRON, schedule: "* * * * * *".repeat(100) }, 422],
  ["POST", "/runs/crons", { ...CRON, schedule: "\0" }, 422],
  ["POST", "/runs/crons", { ...CRON, schedule: 5 }, 422],
  ["POST", "/runs/crons", { ...CRON, timezone: "Mars/Olympus" }, 422],
  ["POST", "/runs/crons", { ...CRON, timezone: "\ud800" }, 422],
  ["POST", "/runs/crons", { ...CRON, end_time: "tomorrow" }, 422],
  ["POST", "/runs/crons", { ...CRON, input: { text: 5 } }, 422],
  ["POST", "/runs/crons", { ...CRON, webhook: "file:///etc/passwd" }, 422],
  ["POST", "/runs/crons", { ...CRON, webhook: "http://127.0.0.1:1" }, 422],
  ["POST", "/runs/crons", { ...CRON, metadata: { a: "\0" } }, 422],
  ["POST", "/runs/crons", { ...CRON, on_run_completed: "burn" }, 422],
  ["POST", "/runs/crons", { ...CRON, stream_mode: "everything" }, 422],
  ["POST", `/threads/${randomUUID()}/runs/crons`, CRON, 404],
  ["POST", "/threads/x/runs/crons", CRON, 422],
  ["PATCH", "/runs/crons/x", {}, 422],
  ["PATCH", `/runs/crons/${randomUUID()}`, {}, 404],
  ["DELETE", `/runs/crons/${randomUUID()}`, undefined, 404],
  ["POST", "/runs/crons/search", { sort_by: "payload" }, 422],
  ["POST", "/runs/crons/search", { select: ["tenant_id"] }, 422],
  ["POST", "/runs/crons/search", { limit: 0 }, 422],
  ["POST", "/runs/crons/count", { thread_id: "x" }, 422],
  ["POST", "/runs/crons/count", { metadata: [] }, 422],
];

it.each(HOSTILE)("answers %s %s of %j with %i, and makes none", async (method, path, body, status) => {
  const before = await crons().count();
  expect((await server.ask(path, { method, body })).status).toBe(status);
  expect(await crons().count()).toBe(before);
});

it("refuses a change that would make every run of it fail, and none of it is made", async () => {
  const cron = seen(await crons().create("http-words", WORDS));
  for (const body of [{ input: { text: 5 } }, { webhook: "file:///x" }, { schedule: "x" }, { timezone: "x" }]) {
    expect((await server.ask(`/runs/crons/${cron.cron_id}`, { method: "PATCH", body })).status).toBe(422);
  }
  expect(await find(cron.cron_id)).toEqual({ ...cron });
  await crons().delete(cron.cron_id);
});

it("shows and changes nothing of another tenant's", async () => {
  const cron = seen(await crons().create("http-words", WORDS));
  await server.house.database.pool.query("update holdpoint.cron set tenant_id = 'elsewhere' where cron_id = $1", [
    cron.cron_id,
  ]);
  expect(await find(cron.cron_id)).toBeUndefined();
  await expect(crons().update(cron.cron_id, { enabled: false })).rejects.toThrow(/HTTP 404/);
  await expect(crons().delete(cron.cron_id)).rejects.toThrow(/HTTP 404/);
});

it("says that it has them", async () => {
  expect(await (await server.ask("/info")).json()).toMatchObject({ flags: { assistants: true, crons: true } });
});
