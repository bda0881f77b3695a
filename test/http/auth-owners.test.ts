import { randomUUID } from "node:crypto";
import type { Client } from "@langchain/langgraph-sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { GATED_PARAMETERS } from "../../src/http/auth/gate.ts";
import { routes } from "../../src/http/routes.ts";
import { createTicketPort } from "../../src/runtime/tickets.ts";
import { until } from "../support/until.ts";
import { type AuthScene, named, openAuthScene } from "./auth-scene.ts";

const SECRET = "secret of john";
const EVERYTHING = ["audit:read", "review:admin"];
const ALICE = named("alice", EVERYTHING);
const JOHN = named("john", EVERYTHING);

let scene: AuthScene;
let alice: Client;
let john: Client;
/** Everything of John's that has a name, by the parameter of a path that it goes by. */
let johns: Record<string, string>;

beforeAll(async () => {
  scene = await openAuthScene();
  alice = scene.client_of(ALICE);
  john = scene.client_of(JOHN);
  johns = await makeThings(john, "john");
});
afterAll(() => scene.close());

/** One of everything: an assistant, a thread that waits with its run, review and group, a cron, an item, a delivery, a ticket. */
async function makeThings(client: Client, identity: string): Promise<Record<string, string>> {
  const text = `secret of ${identity}`;
  const assistant = await client.assistants.create({ graphId: "asked", name: text });
  const thread = await client.threads.create({ metadata: { text } });
  const webhook = "https://example.invalid/hook";
  const run = await client.runs.create(thread.thread_id, assistant.assistant_id, { input: { text }, webhook });
  await client.runs.join(thread.thread_id, run.run_id);
  const cron = await client.crons.create(assistant.assistant_id, { schedule: "0 0 1 1 *", input: { text } });
  await client.store.putItem([identity], "key", { text });
  const [review] = (
    await scene.house.database.pool.query(
      "select id as review_id, group_id from holdpoint.review where thread_id = $1",
      [thread.thread_id],
    )
  ).rows as { review_id: string; group_id: string }[];
  const [delivery] = (
    await scene.house.database.pool.query("select delivery_id from holdpoint.delivery where thread_id = $1", [
      thread.thread_id,
    ])
  ).rows as { delivery_id: string }[];
  const facts = { tenant_id: "default", graph_id: "asked", thread_id: thread.thread_id, run_id: run.run_id };
  const ticket_id = randomUUID();
  const words = { title: text, body: text, severity: "low", labels: [], about: text } as const;
  await createTicketPort(scene.house.database, facts).open(ticket_id, { ...words, labels: [] });
  const effect_id = crypto.randomUUID();
  await scene.house.database.pool.query(
    `insert into holdpoint.effect (thread_id, effect_id, run_id, checkpoint_ns, checkpoint_id, task_id, call_key, name, kind, status,
       args, args_digest, not_after, held_until, attempt)
     values ($1, $2, $3, '', $3, 't', 'k', $4, 'once', 'held', to_json($4::text)::text, '', now(), now() + interval '1 day', 0)`,
    [thread.thread_id, effect_id, run.run_id, text],
  );
  const [state] = await client.threads.getHistory(thread.thread_id, { limit: 1 });
  return {
    ticket_id,
    thread_id: thread.thread_id,
    run_id: run.run_id,
    assistant_id: assistant.assistant_id,
    cron_id: cron.cron_id,
    review_id: review?.review_id ?? "",
    group_id: review?.group_id ?? "",
    delivery_id: delivery?.delivery_id ?? "",
    effect_id,
    checkpoint_id: state?.checkpoint.checkpoint_id ?? "",
    namespace: "none",
  };
}

const run = { assistant_id: "who", input: {} };
/** What a request has to say to be more than a request in the wrong form. */
const BODIES: Record<string, unknown> = {
  "POST /assistants/:assistant_id/latest": { version: 1 },
  "POST /threads/:thread_id/state": { values: { text: "alice was here" } },
  "POST /threads/:thread_id/runs": run,
  "POST /threads/:thread_id/runs/wait": run,
  "POST /threads/:thread_id/runs/stream": run,
  "POST /threads/:thread_id/runs/crons": { ...run, schedule: "* * * * *" },
  "POST /reviews/:review_id/decision": { decisions: [{ type: "respond", value: 1 }] },
  "POST /review-groups/:group_id/decision": {
    answers: [{ review_id: "00000000-0000-4000-8000-000000000000", decisions: [{ type: "respond", value: 1 }] }],
  },
  "POST /reviews/:review_id/assign": { to: "alice" },
  "PATCH /tickets/:ticket_id": { status: "closed", comment: "alice was here" },
  "POST /reviews/:review_id/delegate": { to: "alice" },
  "POST /reviews/:review_id/snooze": { until: null },
  "POST /reviews/:review_id/escalate": { reason: "alice was here" },
  "POST /reviews/:review_id/comment": { text: "alice was here" },
  "POST /reviews/:review_id/answer": { text: "alice was here" },
  "POST /reviews/:review_id/ask": { question: "alice was here" },
  "POST /effects/:effect_id/recall": { reason: "alice was here" },
};

const owned = routes.filter(
  ({ permission, path }) => permission !== "public" && GATED_PARAMETERS.some((name) => path.includes(`:${name}`)),
);

it.each(owned.map(({ method, path }) => `${method} ${path}`))(
  "%s: what is John's is not there for Alice",
  async (route) => {
    const [method = "", path = ""] = route.split(" ");
    const address = path.replaceAll(/:(\w+)/g, (_whole, name: string) => johns[name] as string);
    const body = method === "GET" || method === "DELETE" ? undefined : (BODIES[route] ?? {});
    const response = await scene.ask(address, { method, body, headers: ALICE });
    const said = await response.text();
    expect(said).not.toContain(SECRET);
    const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
    // LangGraph's own server says it so where a run is followed, and has a status of its own for a copy.
    if (isStream) expect(said).toBe('event: error\ndata: {"error":"Error","message":"404: Thread not found"}\n\n');
    else expect([response.status, said]).toEqual([path.endsWith("/copy") ? 409 : 404, said]);
  },
);

it("and nothing of it has changed", async () => {
  const thread = await john.threads.get(johns["thread_id"] as string);
  expect(thread.status).toBe("interrupted");
  expect(thread.metadata).toMatchObject({ owner: "john", text: SECRET });
  expect(JSON.stringify(await john.threads.getState(thread.thread_id))).not.toContain("alice");
  expect(await john.runs.list(thread.thread_id)).toHaveLength(1);
  const review = await (await scene.ask(`/reviews/${johns["review_id"]}`, { headers: JOHN })).json();
  expect(review).toMatchObject({ status: "open", assignee: null, claim: null, version: 1 });
  expect((await john.assistants.get(johns["assistant_id"] as string)).version).toBe(1);
});

const post = (path: string, body: unknown = {}) => ({ path, ask: { method: "POST", body } });
const get = (path: string) => ({ path, ask: {} });
/** Every route that gives more than one thing. */
const LISTS = [
  post("/assistants/search", { limit: 100 }),
  post("/threads/search", { limit: 100 }),
  post("/threads/search", { limit: 100, sort_by: "created_at", sort_order: "asc" }),
  post("/runs/crons/search", { limit: 100 }),
  get("/runs"),
  get("/runs?id_prefix=RUN"),
  get("/runs?thread_id=THREAD"),
  get("/insights/runs"),
  get("/insights/runs?status=waiting"),
  get("/deliveries"),
  get("/deliveries?thread_id=THREAD"),
  get("/effects"),
  get("/effects?thread_id=THREAD"),
  get("/tickets"),
  get("/tickets?thread_id=THREAD"),
  get("/reviews"),
  get("/reviews?status=open"),
  get("/reviews?thread_id=THREAD"),
  get("/reviews?sort=newest"),
  get("/reviews?sort=priority"),
  get("/audit/reviews"),
  get("/audit/reviews?review_id=REVIEW"),
];

it.each(LISTS)("$path shows John what is his, and Alice nothing of it", async ({ path, ask }) => {
  const address = path
    .replace("RUN", (johns["run_id"] as string).slice(0, 8))
    .replace("THREAD", johns["thread_id"] as string)
    .replace("REVIEW", johns["review_id"] as string);
  const ids = Object.entries(johns).filter(([name]) => name !== "namespace");
  const shows = (text: string) => ids.filter(([, id]) => text.includes(id)).map(([name]) => name);
  const his = await scene.ask(address, { ...ask, headers: JOHN });
  expect([his.status, shows(await his.text()).length > 0]).toEqual([200, true]);
  const hers = await scene.ask(address, { ...ask, headers: ALICE });
  expect([hers.status, shows(await hers.text())]).toEqual([200, []]);
  expect(hers.headers.get("x-pagination-total") ?? "0").toBe("0");
});

it.each([
  ["/threads/count", {}],
  ["/threads/count", { metadata: { owner: "john" } }],
  ["/threads/count", { status: "interrupted" }],
  ["/assistants/count", {}],
  ["/runs/crons/count", {}],
])("POST %s %j counts for Alice nothing of John's", async (path, body) => {
  const count = async (headers: Record<string, string>) =>
    await (await scene.ask(path, { method: "POST", body, headers })).json();
  expect([await count(JOHN), await count(ALICE)]).toEqual([1, 0]);
});

it("counts the reviews that somebody may see", async () => {
  const counts = async (headers: Record<string, string>) =>
    (await (await scene.ask("/reviews/counts", { headers })).json()) as { open: number };
  expect([(await counts(JOHN)).open, (await counts(ALICE)).open]).toEqual([1, 0]);
});

it("finds nothing of another's by any search, and says so as of what is not there", async () => {
  expect(await alice.threads.search({ metadata: { owner: "john" } })).toEqual([]);
  expect(await alice.threads.search({ ids: [johns["thread_id"] as string] })).toEqual([]);
  expect(await alice.assistants.search({ metadata: { owner: "john" } })).toEqual([]);
  const nowhere = "00000000-0000-4000-8000-000000000000";
  const words = async (thread_id: string) =>
    (await (await scene.ask(`/threads/${thread_id}`, { headers: ALICE })).text()).replace(thread_id, "");
  expect(await words(johns["thread_id"] as string)).toBe(await words(nowhere));
});

it("touches nothing of another's by what names many at once", async () => {
  const { thread_id, run_id } = johns as { thread_id: string; run_id: string };
  const send = (path: string, body: unknown) => scene.ask(path, { method: "POST", body, headers: ALICE });
  expect(await (await send("/threads/prune", { thread_ids: [thread_id] })).json()).toEqual({ pruned_count: 0 });
  const keep = { thread_ids: [thread_id], strategy: "keep_latest" };
  expect(await (await send("/threads/prune", keep)).json()).toEqual({ pruned_count: 0 });
  const slow = await john.threads.create();
  const { run_id: slow_id } = await john.runs.create(slow.thread_id, "slow", { input: {} });
  for (const body of [{ status: "all" }, { thread_id: slow.thread_id, run_ids: [slow_id] }, { run_ids: [run_id] }]) {
    expect((await send("/runs/cancel", body)).status).toBe(204);
  }
  // A run that is asked to stop goes on for a moment.
  const { rows } = await scene.house.database.pool.query(
    "select cancel_action, cancelled_by from holdpoint.run where run_id = $1 and status in ('pending', 'running')",
    [slow_id],
  );
  expect(rows).toEqual([{ cancel_action: null, cancelled_by: null }]);
  await john.runs.cancel(slow.thread_id, slow_id, true);
  expect((await john.runs.get(slow.thread_id, slow_id)).status).toBe("interrupted");
  await john.threads.delete(slow.thread_id);
});

it("starts nothing with another's assistant, by no road", async () => {
  const { assistant_id } = johns as { assistant_id: string };
  const mine = await alice.threads.create();
  const not = /HTTP 404/;
  await expect(alice.runs.create(mine.thread_id, assistant_id, { input: {} })).rejects.toThrow(not);
  await expect(alice.runs.wait(null, assistant_id, { input: {} })).rejects.toThrow(not);
  await expect(alice.runs.createBatch([{ assistantId: assistant_id, input: {} }])).rejects.toThrow(not);
  await expect(alice.crons.create(assistant_id, { schedule: "0 0 1 1 *" })).rejects.toThrow(not);
  // A graph's own is everybody's, as the graph is.
  expect(await alice.runs.wait(mine.thread_id, "who", { input: {} })).toMatchObject({ told: { id: "alice" } });
});

it("takes no name that is another's, and says no more than that it is taken", async () => {
  const { thread_id, assistant_id } = johns as { thread_id: string; assistant_id: string };
  await expect(alice.threads.create({ threadId: thread_id, ifExists: "do_nothing" })).rejects.toThrow(/HTTP 409/);
  await expect(alice.threads.create({ threadId: thread_id })).rejects.toThrow(/HTTP 409/);
  const wanted = { graphId: "who", assistantId: assistant_id, ifExists: "do_nothing" } as const;
  await expect(alice.assistants.create(wanted)).rejects.toThrow(/HTTP 409/);
  const own = await alice.threads.create({ threadId: "00000000-0000-4000-8000-0000000000aa" });
  expect((await alice.threads.create({ threadId: own.thread_id, ifExists: "do_nothing" })).metadata).toMatchObject({
    owner: "alice",
  });
});

it("makes nothing in another's name, nor gives it away", async () => {
  const thread = await alice.threads.create({ metadata: { owner: "john" } });
  expect(thread.metadata).toMatchObject({ owner: "alice" });
  const changed = await alice.threads.update(thread.thread_id, { metadata: { owner: "john", note: 1 } });
  expect(changed.metadata).toMatchObject({ owner: "alice", note: 1 });
  const assistant = await alice.assistants.create({ graphId: "who", metadata: { owner: "john" } });
  expect(assistant.metadata).toMatchObject({ owner: "alice" });
  const updated = await alice.assistants.update(assistant.assistant_id, { metadata: { owner: "john" } });
  expect(updated.metadata).toMatchObject({ owner: "alice" });
  const copy = await alice.threads.copy(thread.thread_id);
  expect(copy.metadata).toMatchObject({ owner: "alice" });
});

it("marks a thread that is made for a run, so that it is seen by who made it and by nobody else", async () => {
  const thread_id = "00000000-0000-4000-8000-0000000000bb";
  await alice.runs.wait(thread_id, "who", { input: {}, ifNotExists: "create" });
  expect((await alice.threads.get(thread_id)).metadata).toMatchObject({ owner: "alice", graph_id: "who" });
  await expect(john.threads.get(thread_id)).rejects.toThrow(/HTTP 404/);
  const run = john.runs.create(thread_id, "who", { input: {}, ifNotExists: "create" });
  await expect(run).rejects.toThrow(/HTTP 404/);
  const kept = await alice.runs.create(null, "asked", { input: { text: "?" }, onCompletion: "continue" });
  expect((await alice.threads.get(kept.thread_id)).metadata).toMatchObject({ owner: "alice" });
});

/** Follows the reviews as somebody, and keeps what is told. */
async function followReviews(headers: Record<string, string>) {
  const end = new AbortController();
  const response = await fetch(`${scene.listening.url}/reviews/stream`, { headers, signal: end.signal });
  const told = { text: "" };
  const decoder = new TextDecoder();
  const reading = (async () => {
    for await (const chunk of response.body ?? []) told.text += decoder.decode(chunk, { stream: true });
  })().catch(() => {});
  const stop = async () => {
    end.abort();
    await reading;
  };
  return { told, stop };
}

it("tells of reviews, while they happen, who may see them", async () => {
  const [hers, his] = [await followReviews(ALICE), await followReviews(JOHN)];
  const first = await john.threads.create();
  await john.runs.wait(first.thread_id, "asked", { input: { text: "for John" } });
  const second = await alice.threads.create();
  await alice.runs.wait(second.thread_id, "asked", { input: { text: "for Alice" } });
  await until("each is told of their own", () => {
    return hers.told.text.includes(second.thread_id) && his.told.text.includes(first.thread_id);
  });
  expect(hers.told.text).not.toContain(first.thread_id);
  expect(his.told.text).not.toContain(second.thread_id);
  await Promise.all([hers.stop(), his.stop()]);
});
