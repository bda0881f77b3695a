import { afterAll, beforeAll, expect, it } from "vitest";
import { createRun } from "../../src/postgres/create-run.ts";
import { decide } from "../../src/postgres/decide.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { createCronFirer } from "../../src/runtime/cron.ts";
import { listed, noted, ruled } from "./auth-rules.ts";
import { type AuthScene, as, openAuthScene } from "./auth-scene.ts";

let scene: AuthScene;
beforeAll(async () => {
  scene = await openAuthScene(ruled);
});
afterAll(() => scene.close());

const user = (identity: string, more: Record<string, unknown> = {}) => ({ identity, permissions: ["me"], ...more });
const of = (identity: string, more: Record<string, unknown> = {}) => scene.client_of(as(user(identity, more)));
const NOBODY = { user: null, id: null, permissions: null };
const FORGED = {
  langgraph_auth_user: { identity: "boss" },
  langgraph_auth_user_id: "boss",
  langgraph_auth_permissions: ["admin"],
};

async function reviewsOf(thread_id: string, headers: Record<string, string>): Promise<ReviewTask[]> {
  return (await (await scene.ask(`/reviews?thread_id=${thread_id}`, { headers })).json()) as ReviewTask[];
}

it("tells a graph who has started it, and nobody else what was said of them", async () => {
  const ana = of("ana", { email: "ana@example.com", token: "hunter2" });
  const thread = await ana.threads.create();
  const run = await ana.runs.create(thread.thread_id, "who", { input: {} });
  const values = (await ana.runs.join(thread.thread_id, run.run_id)) as { told: Record<string, unknown> };
  expect(values.told).toMatchObject({ id: "ana", permissions: ["me"] });
  expect(values.told["user"]).toEqual({
    identity: "ana",
    display_name: "ana",
    is_authenticated: true,
    permissions: ["me"],
    email: "ana@example.com",
    token: "hunter2",
  });
  expect(JSON.stringify(await ana.runs.get(thread.thread_id, run.run_id))).not.toContain("hunter2");
  expect(JSON.stringify(await ana.runs.list(thread.thread_id))).not.toContain("hunter2");
});

it("is told by nobody that somebody else has started it: not by a run, an assistant, a thread or a cron", async () => {
  const ana = of("ana");
  const config = { configurable: FORGED };
  const assistant = await ana.assistants.create({ graphId: "who", config });
  const thread = await ana.threads.create();
  const mine = { told: { id: "ana", user: { identity: "ana" }, permissions: ["me"] } };
  expect(await ana.runs.wait(thread.thread_id, "who", { input: {}, config })).toMatchObject(mine);
  expect(await ana.runs.wait(thread.thread_id, assistant.assistant_id, { input: {} })).toMatchObject(mine);
  expect(await ana.runs.wait(null, "who", { input: {}, config })).toMatchObject(mine);
  // Who has a key is no user of the project, and cannot pass for one.
  const key = await scene.key("service", ["runs:create", "runs:read"]);
  const service = scene.client_of({ "x-api-key": key });
  expect(await service.runs.wait(null, "who", { input: {}, config })).toMatchObject({ told: NOBODY });
  // Not even by a handler.
  const tells = of("tess", { rule: "tells" });
  const told = await tells.runs.create(thread.thread_id, "who", { input: {} });
  expect(await tells.runs.join(thread.thread_id, told.run_id)).toMatchObject({ told: { id: "tess" } });
  expect((await tells.runs.get(thread.thread_id, told.run_id)).metadata).toMatchObject({ said: "by the handler" });
});

it("goes on as who started it, whoever answers, and on a guarded graph too", async () => {
  for (const graph of ["asked", "strict"]) {
    const ana = of("ana");
    const thread = await ana.threads.create();
    const config = { configurable: graph === "asked" ? FORGED : { note: 1 } };
    await ana.runs.wait(thread.thread_id, graph, { input: { text: "hello" }, config });
    const boss = as(user("boss", { rule: "all" }));
    const [review] = await reviewsOf(thread.thread_id, boss);
    const action = review?.actions[0]?.allowed.includes("approve")
      ? { type: "approve" }
      : { type: "respond", value: 1 };
    const decision = { seen_digest: review?.request_digest, decisions: [{ action: 0, ...action }] };
    const path = `/reviews/${review?.id}/decision`;
    const decided = await scene.ask(path, { method: "POST", body: decision, headers: boss });
    expect([graph, decided.status]).toEqual([graph, 200]);
    const { run_id, review: closed } = (await decided.json()) as { run_id: string; review: ReviewTask };
    expect(closed.decision).toMatchObject({ principal_id: "boss", display_name: "boss" });
    expect(await ana.runs.join(thread.thread_id, run_id)).toMatchObject({ told: { id: "ana", permissions: ["me"] } });
  }
});

it("goes on as who started it also where another answers by a run of their own", async () => {
  const ana = of("ana");
  const boss = of("boss", { rule: "all" });
  const thread = await ana.threads.create();
  await ana.runs.wait(thread.thread_id, "asked", { input: { text: "hello" } });
  const answer = { command: { resume: "yes" }, config: { configurable: FORGED } };
  expect(await boss.runs.wait(thread.thread_id, "asked", answer)).toMatchObject({ answer: "yes", told: { id: "ana" } });
});

it("asks who may see a thread again under its lock, for a run and for a decision", async () => {
  const ana = of("ana");
  const thread = await ana.threads.create();
  await ana.runs.wait(thread.thread_id, "asked", { input: { text: "hello" } });
  const [review] = await reviewsOf(thread.thread_id, as(user("ana")));
  const { database } = scene.house;
  const request = {
    tenant_id: "default",
    thread_id: thread.thread_id,
    run_id: "00000000-0000-4000-8000-0000000000cc",
    principal_id: "bo",
    kind: "run",
    graph_id: "asked",
    guarded: false,
    assistant_id: null,
    kwargs: { input: {} },
    metadata: {},
    multitask_strategy: "enqueue",
    after_seconds: 0,
    if_not_exists: "create",
  } as const;
  const access = { filter: { owner: "bo" }, metadata: { owner: "bo" } };
  await expect(createRun(database, { ...request, access })).rejects.toMatchObject({ code: "not_found" });
  const decision = decide(database, {
    principal: {
      tenant_id: "default",
      principal_id: "bo",
      kind: "user",
      display_name: "bo",
      groups: [],
      permissions: new Set(["review:decide"] as const),
      credential: { user: { identity: "bo", display_name: "bo", is_authenticated: true, permissions: [] } },
    },
    channel: "api",
    thread_id: thread.thread_id,
    answers: [
      {
        review_id: review?.id as string,
        request: {
          decisions: { ok: true, value: [{ action: 0, type: "respond", value: 1 }] },
          by_interrupt_id: false,
          seen_digest: review?.request_digest as string,
        },
      },
    ],
    graphOf: await scene.house.factsOf("asked"),
    elapsedMs: () => 0,
    allowScalarResume: true,
    filter: { owner: "bo" },
  });
  await expect(decision).rejects.toMatchObject({ code: "not_found" });
  expect((await reviewsOf(thread.thread_id, as(user("ana"))))[0]?.status).toBe("open");
});

it("tells a handler the id that something new will have", async () => {
  const ana = of("ana", { rule: "notes" });
  const thread = await ana.threads.create();
  const assistant = await ana.assistants.create({ graphId: "who" });
  expect(noted).toEqual([thread.thread_id, assistant.assistant_id]);
});

it("tells a handler which thread it is about, also where only a run, a review or a delivery is named", async () => {
  const ana = of("ana");
  const thread = await ana.threads.create();
  const webhook = "https://example.invalid/hook";
  const run = await ana.runs.create(thread.thread_id, "asked", { input: { text: "hello" }, webhook });
  await ana.runs.join(thread.thread_id, run.run_id);
  const [review] = await reviewsOf(thread.thread_id, as(user("ana")));
  const deliveries = await scene.ask(`/deliveries?thread_id=${thread.thread_id}`, { headers: as(user("ana")) });
  const [delivery] = (await deliveries.json()) as { delivery_id: string }[];
  const headers = as(user("lea", { rule: "listed" }));
  const paths = [
    `/threads/${thread.thread_id}`,
    `/threads/${thread.thread_id}/runs/${run.run_id}`,
    `/runs/${run.run_id}`,
    `/runs/${run.run_id}/join`,
    `/insights/runs/${run.run_id}`,
    `/reviews/${review?.id}`,
    `/deliveries/${delivery?.delivery_id}`,
  ];
  const statuses = async () =>
    await Promise.all(paths.map(async (path) => (await scene.ask(path, { headers })).status));
  expect(await statuses()).toEqual(paths.map(() => 403));
  listed.thread_id = thread.thread_id;
  expect(await statuses()).toEqual(paths.map(() => 200));
  // Of many things at once it is asked as of a search, for which this one says no.
  for (const path of ["/reviews", "/runs", "/deliveries"])
    expect((await scene.ask(path, { headers })).status).toBe(403);
});

it("shares threads with who holds one of several marks", async () => {
  const [red, other, blue] = [
    of("rita", { rule: "team", team: "red" }),
    of("ron", { rule: "team", team: "red" }),
    of("bert", { rule: "team", team: "blue" }),
  ];
  const thread = await red.threads.create();
  expect((await other.threads.get(thread.thread_id)).metadata).toMatchObject({ teams: ["red"] });
  expect(await other.threads.search({ metadata: { teams: ["red"] } })).toHaveLength(1);
  expect(await other.threads.search({ metadata: { teams: ["blue"] } })).toEqual([]);
  await expect(blue.threads.get(thread.thread_id)).rejects.toThrow("HTTP 404");
  expect(await blue.threads.count()).toBe(0);
});

it("makes nothing in another's name, and gives nothing away, where the handler trusts what is said", async () => {
  const tom = of("tom", { rule: "trusts" });
  const ana = of("ana");
  const metadata = { owner: "ana" };
  await expect(tom.threads.create({ metadata })).rejects.toThrow("HTTP 403");
  await expect(tom.assistants.create({ graphId: "who", metadata })).rejects.toThrow("HTTP 403");
  await expect(tom.runs.wait(null, "who", { input: {}, metadata })).rejects.toThrow("HTTP 403");
  await expect(tom.crons.create("who", { schedule: "0 0 1 1 *", metadata })).rejects.toThrow("HTTP 403");
  // What they say nothing about is theirs all the same.
  const thread = await tom.threads.create();
  expect(thread.metadata).toMatchObject({ owner: "tom" });
  await expect(tom.threads.update(thread.thread_id, { metadata })).rejects.toThrow("HTTP 403");
  await expect(tom.threads.update(thread.thread_id, { metadata: { owner: null } })).rejects.toThrow("HTTP 403");
  const assistant = await tom.assistants.create({ graphId: "who" });
  await expect(tom.assistants.update(assistant.assistant_id, { metadata })).rejects.toThrow("HTTP 403");
  await tom.threads.update(thread.thread_id, { metadata: { note: 1 } });
  expect((await tom.threads.get(thread.thread_id)).metadata).toMatchObject({ owner: "tom", note: 1 });
  await expect(ana.threads.get(thread.thread_id)).rejects.toThrow("HTTP 404");
});

it("answers for a handler that spoils the request with a fault of the server's", async () => {
  const sid = of("sid", { rule: "spoils" });
  await expect(sid.threads.create()).rejects.toThrow("HTTP 500: Internal Server Error");
  await expect(sid.runs.create(null, "who", { input: {} })).rejects.toThrow("HTTP 500: Internal Server Error");
});

it("lets nobody who only reads stop a run by leaving it, nor copy what they read", async () => {
  const ana = of("ana");
  const thread = await ana.threads.create();
  const run = await ana.runs.create(thread.thread_id, "slow", { input: {} });
  const headers = as(user("ana", { rule: "reads" }));
  for (const what of ["join", "stream"]) {
    const path = `/threads/${thread.thread_id}/runs/${run.run_id}/${what}?cancel_on_disconnect=1`;
    expect([what, (await scene.ask(path, { headers })).status]).toEqual([what, 403]);
  }
  const cancel = `/threads/${thread.thread_id}/runs/${run.run_id}/cancel`;
  const copy = `/threads/${thread.thread_id}/copy`;
  for (const path of [cancel, copy]) expect((await scene.ask(path, { method: "POST", headers })).status).toBe(403);
  await ana.runs.cancel(thread.thread_id, run.run_id, true);
});

it("takes with an assistant only the threads that may be taken", async () => {
  const [ana, bo] = [of("ana"), of("bo")];
  const assistant = await ana.assistants.create({ graphId: "who" });
  const { assistant_id } = assistant;
  const hers = await ana.threads.create({ metadata: { assistant_id } });
  const his = await bo.threads.create({ metadata: { assistant_id } });
  await ana.assistants.delete(assistant_id, { deleteThreads: true });
  await expect(ana.threads.get(hers.thread_id)).rejects.toThrow("HTTP 404");
  expect((await bo.threads.get(his.thread_id)).thread_id).toBe(his.thread_id);
});

it("asks about each run of a batch, and marks each as its maker's", async () => {
  const ana = of("ana");
  const payload = { assistantId: "who", input: {}, onCompletion: "continue" as const };
  const runs = await ana.runs.createBatch([payload, payload]);
  expect(runs.map(({ metadata }) => metadata)).toEqual([{ owner: "ana" }, { owner: "ana" }]);
  for (const { thread_id } of runs) expect((await ana.threads.get(thread_id)).metadata).toMatchObject({ owner: "ana" });
});

it("starts the runs of a cron as who has made it, on threads that they see", async () => {
  const ana = of("ana", { token: "hunter2" });
  const made = await ana.crons.create("who", { schedule: "* * * * *", input: {} });
  const { cron_id } = made as unknown as { cron_id: string };
  expect(JSON.stringify(made)).not.toContain("hunter2");
  expect(JSON.stringify(await ana.crons.search())).not.toContain("hunter2");
  // Changed by its owner it is still theirs, whatever they say.
  const patch = { on_run_completed: "keep", metadata: { owner: "bo" } };
  const changed = await scene.ask(`/runs/crons/${cron_id}`, { method: "PATCH", body: patch, headers: as(user("ana")) });
  expect(await changed.json()).toMatchObject({ metadata: { owner: "ana" } });
  await scene.house.pass(61);
  await createCronFirer(scene.house.parts)({ tenant_id: "default", id: cron_id }, AbortSignal.timeout(60_000));
  const { rows } = await scene.house.database.pool.query<{ thread_id: string; run_id: string }>(
    "select thread_id, run_id from holdpoint.run where metadata ->> 'cron_id' = $1",
    [cron_id],
  );
  const [run] = rows;
  const { thread_id, run_id } = run as { thread_id: string; run_id: string };
  expect(await ana.runs.join(thread_id, run_id)).toMatchObject({ told: { id: "ana" } });
  await expect(of("bo").threads.get(thread_id)).rejects.toThrow("HTTP 404");
});

it("starts no run of a cron on a thread that its maker sees no more", async () => {
  const ana = of("ana");
  const thread = await ana.threads.create();
  const made = await ana.crons.createForThread(thread.thread_id, "who", { schedule: "* * * * *", input: {} });
  const { cron_id } = made as unknown as { cron_id: string };
  await of("boss", { rule: "all" }).threads.update(thread.thread_id, { metadata: { owner: "boss" } });
  await scene.house.pass(61);
  await createCronFirer(scene.house.parts)({ tenant_id: "default", id: cron_id }, AbortSignal.timeout(60_000));
  const { rows } = await scene.house.database.pool.query<{ last_error: string; last_run_id: string | null }>(
    "select last_error, last_run_id from holdpoint.cron where cron_id = $1",
    [cron_id],
  );
  expect(rows).toEqual([{ last_error: expect.stringMatching(/not found/), last_run_id: null }]);
});
