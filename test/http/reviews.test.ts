import { afterAll, beforeAll, expect, it } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { DEFAULT_REVIEW_POLICY } from "../../src/protocol/review-policy.ts";
import { type Ask, openServer, type TestServer } from "./server.ts";

let server: TestServer;
let reviewer: string;
let other: string;
beforeAll(async () => {
  server = await openServer();
  reviewer = await server.key("ana", ["review:read", "review:decide", "runs:read", "runs:create"]);
  other = await server.key("ben", ["review:read", "review:decide", "runs:read", "runs:create"]);
});
afterAll(async () => await server.close());

interface Refusal {
  error: { code: string; message: string; facts: Record<string, unknown>; retryable: boolean };
}

/** A thread that waits for a person, and its review. */
async function paused(amount = 10, graph = "http-pay"): Promise<ReviewTask> {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, graph, { input: graph === "http-pay" ? { amount } : { text: "sure?" } });
  const [review] = (await (await server.ask(`/reviews?status=open&thread_id=${thread_id}`)).json()) as ReviewTask[];
  return review as ReviewTask;
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return await server.ask(path, { method: "POST", body, headers: { "x-api-key": reviewer, ...headers } } satisfies Ask);
}

const decide = (review: ReviewTask, body: unknown, headers: Record<string, string> = {}) =>
  post(`/reviews/${review.id}/decision`, body, headers);

const approve = { decisions: [{ type: "approve" }] };

async function refusal(response: Response): Promise<[number, string]> {
  return [response.status, ((await response.json()) as Refusal).error.code];
}

it("lists what waits, by page and by filter, with all a reviewer needs", async () => {
  const review = await paused(12);
  expect(review).toMatchObject({
    version: 1,
    status: "open",
    graph_id: "http-pay",
    node: "review",
    title: "Pay 12",
    actions: [{ index: 0, name: "pay", args: { amount: 12 }, allowed: ["approve", "edit", "reject"] }],
    requested_by: "local-owner",
  });
  expect(Date.parse(review.due_at as string)).toBeGreaterThan(Date.parse(review.opened_at));
  const another = await paused(13);
  const first = await server.ask("/reviews?status=open&graph_id=http-pay&limit=1");
  expect(await first.json()).toHaveLength(1);
  expect(Number(first.headers.get("x-pagination-total"))).toBeGreaterThanOrEqual(2);
  expect(first.headers.get("x-pagination-next")).toBe("1");
  expect(await (await server.ask("/reviews?graph_id=other")).json()).toEqual([]);
  const one = await server.ask(`/reviews/${another.id}`);
  expect(one.headers.get("etag")).toBe('"1"');
  expect(await one.json()).toEqual(another);
});

it("leaves out of a brief list what may be long, and nothing that a line of a list shows", async () => {
  const review = await paused(14);
  const query = `/reviews?thread_id=${review.thread_id}`;
  const [brief] = (await (await server.ask(`${query}&brief=true`)).json()) as ReviewTask[];
  const actions = review.actions.map(({ args_schema: _schema, ...action }) => ({ ...action, args: null }));
  expect(brief).toEqual({ ...review, value: null, description: "", response_schema: null, actions });
  expect(await refusal(await server.ask(`${query}&brief=perhaps`))).toEqual([422, "invalid"]);
});

it("counts what is over up to a thousand, and then says that there are more", async () => {
  const { pool } = server.house.database;
  const more = async (count: number) =>
    await pool.query(
      `insert into holdpoint.review (id, group_id, thread_id, run_id, graph_id, graph_fingerprint, node, checkpoint_id, task_id,
         flavour, guarded, title, value, actions, value_digest, policy, policy_digest, request_digest, requested_by, status)
       select gen_random_uuid(), gen_random_uuid(), 'many', gen_random_uuid(), 'many', 'f', 'ask', gen_random_uuid(), 't',
         'review', false, 'Pay', '{}', '[]', 'd', $2, 'd', 'd', 'somebody', 'closed' from generate_series(1, $1)`,
      [count, JSON.stringify(DEFAULT_REVIEW_POLICY)],
    );
  const listed = async (query: string) => {
    const response = await server.ask(`/reviews?graph_id=many&${query}`);
    const { headers } = response;
    const named = ["total", "more-than", "next"].map((name) => headers.get(`x-pagination-${name}`));
    return [...named, ((await response.json()) as unknown[]).length];
  };
  try {
    await more(1_000);
    expect(await listed("limit=10")).toEqual(["1000", null, "10", 10]);
    expect(await listed("limit=10&offset=995")).toEqual(["1000", null, null, 5]);
    expect(await listed("limit=10&offset=2000")).toEqual([null, null, null, 0]);
    await more(1);
    for (const query of ["", "status=closed&", "status=closed,closed,failed&sort=newest&"]) {
      expect(await listed(`${query}limit=10`)).toEqual([null, "1000", "10", 10]);
      expect(await listed(`${query}limit=10&offset=995`)).toEqual([null, "1000", null, 6]);
      expect(await listed(`${query}limit=10&offset=2000`)).toEqual([null, "1000", null, 0]);
    }
    expect(await listed("status=closed&sort=due_at&limit=10")).toEqual(["1001", null, "10", 10]);
    expect(await listed("status=open")).toEqual(["0", null, null, 0]);
  } finally {
    await pool.query("delete from holdpoint.review where graph_id = 'many'");
  }
});

it("records a decision bound by digest, queues the run that carries it, and shows the chain of what happened", async () => {
  const review = await paused(20);
  const body = { ...approve, seen_digest: review.request_digest, comment: "checked" };
  const response = await decide(review, body);
  expect(response.status).toBe(200);
  const decided = (await response.json()) as { review: ReviewTask; run_id: string };
  expect(decided.review.decision).toMatchObject({ principal_id: "ana", comment: "checked", binding: "digest" });
  expect(await server.client.runs.join(review.thread_id, decided.run_id)).toMatchObject({ result: "paid 20" });
  expect(await (await server.ask(`/reviews/${review.id}`)).json()).toMatchObject({
    status: "closed",
    outcome: "approved",
  });
  const audit = await server.ask(`/reviews/${review.id}/audit`);
  expect(audit.headers.get("x-holdpoint-chain")).toBe("intact");
  expect(((await audit.json()) as { kind: string }[]).map(({ kind }) => kind)).toEqual([
    "opened",
    "decided",
    "resume_queued",
    "resuming",
    "closed",
  ]);
});

it("gives the same answer to the same decision of the same person, and refuses anybody else's", async () => {
  const review = await paused(30);
  const bound = { ...approve, seen_digest: review.request_digest };
  const first = (await (await decide(review, bound)).json()) as { run_id: string };
  const again = await decide(review, { ...bound, comment: "again" });
  expect([again.status, ((await again.json()) as { run_id: string }).run_id]).toEqual([200, first.run_id]);
  const late = await decide(review, bound, { "x-api-key": other });
  expect(late.status).toBe(409);
  const { error } = (await late.json()) as Refusal;
  expect(error).toMatchObject({ code: "already_decided", facts: { same: true, decided_by: "ana" } });
  const different = await decide(review, { decisions: [{ type: "reject" }], seen_digest: review.request_digest });
  expect(await refusal(different)).toEqual([409, "already_decided"]);
});

it("takes an edit within its schema by version, and refuses one outside of it with a pointer", async () => {
  const review = await paused(40);
  const wrong = await decide(review, { decisions: [{ type: "edit", args: { amount: 5000 } }] }, { "if-match": '"1"' });
  expect(wrong.status).toBe(422);
  const { error } = (await wrong.json()) as Refusal;
  expect(error.facts["faults"]).toMatchObject([{ pointer: "/decisions/0/args/amount" }]);
  const right = await decide(review, { decisions: [{ type: "edit", args: { amount: 41 } }] }, { "if-match": '"1"' });
  const { run_id } = (await right.json()) as { run_id: string };
  expect(await server.client.runs.join(review.thread_id, run_id)).toMatchObject({ result: "paid 41" });
});

it("refuses in one order: permission, review, binding, version, validity; and nothing changes", async () => {
  const review = await paused(50);
  const starter = await server.key("starter");
  expect(await refusal(await decide(review, approve, { "x-api-key": "hp_wrong" }))).toEqual([
    401,
    "authentication_required",
  ]);
  expect(await refusal(await decide(review, "not json", { "x-api-key": starter }))).toEqual([403, "permission_denied"]);
  const missing = { ...review, id: crypto.randomUUID() };
  expect(await refusal(await decide(missing, approve))).toEqual([404, "not_found"]);
  expect(await refusal(await decide(review, approve))).toEqual([428, "precondition_required"]);
  expect(await refusal(await decide(review, approve, { "if-match": "*" }))).toEqual([428, "precondition_required"]);
  expect(await refusal(await decide(review, {}, { "if-match": '"7"' }))).toEqual([412, "precondition_failed"]);
  expect(await refusal(await decide(review, approve, { "if-match": "whatever" }))).toEqual([
    412,
    "precondition_failed",
  ]);
  expect(await refusal(await decide(review, { ...approve, seen_digest: "sha256:0" }))).toEqual([
    409,
    "digest_mismatch",
  ]);
  const bound = { seen_digest: review.request_digest };
  for (const decisions of [
    [],
    "approve",
    [{ type: "perhaps" }],
    [{ type: "respond" }],
    [{ type: "approve", action: 1 }],
  ]) {
    expect(await refusal(await decide(review, { decisions, ...bound }))).toEqual([422, "invalid"]);
  }
  const hostile = [{ type: "reject", message: "\ud800" }];
  expect(await refusal(await decide(review, { decisions: hostile, ...bound }))).toEqual([422, "invalid"]);
  expect(await refusal(await decide(review, { ...approve, ...bound, comment: "a\0b" }))).toEqual([422, "invalid"]);
  expect(await (await server.ask(`/reviews/${review.id}`)).json()).toEqual(review);
});

it("says that a review was cancelled also to a decision that is not valid", async () => {
  const review = await paused(60);
  await server.client.runs.cancel(review.thread_id, review.run_id, true);
  expect(await refusal(await decide(review, { decisions: [] }))).toEqual([410, "cancelled"]);
});

it("takes a resume by the LangGraph API the same road: bound, and only from who may decide", async () => {
  const review = await paused(70);
  const path = `/threads/${review.thread_id}/runs/wait`;
  const resume = { assistant_id: "http-pay", command: { resume: approve } };
  const unbound = await post(path, resume);
  expect([unbound.status, unbound.headers.get("x-holdpoint-error")]).toEqual([428, "precondition_required"]);
  expect(await unbound.text()).toMatch(/^say what you saw/);
  const starter = await server.key("another-starter");
  expect((await post(path, resume, { "x-api-key": starter })).status).toBe(403);
  const stale = { ...resume, checkpoint: { checkpoint_id: crypto.randomUUID() } };
  expect((await post(path, stale)).headers.get("x-holdpoint-error")).toBe("use_fork");
  const byCheckpoint = { ...resume, input: {}, checkpoint: { checkpoint_id: review.checkpoint_id } };
  const result = await post(path, byCheckpoint);
  expect(await result.json()).toMatchObject({ result: "paid 70" });
});

it("closes every side door of a guarded graph", async () => {
  const review = await paused(80);
  const runs = `/threads/${review.thread_id}/runs`;
  const bound = { resume: { ...approve, seen_digest: review.request_digest } };
  const doors: [string, unknown][] = [
    [runs, { assistant_id: "http-pay", input: { amount: 1 } }],
    [runs, { assistant_id: "http-pay", input: null }],
    [runs, { assistant_id: "http-words", input: { text: "other graph" } }],
    [runs, { assistant_id: "http-pay", command: { goto: "execute" } }],
    [runs, { assistant_id: "http-pay", command: { update: { amount: 1 } } }],
    [runs, { assistant_id: "http-pay", command: { ...bound, goto: "execute" } }],
    [runs, { assistant_id: "http-pay", command: bound, context: { interruptOn: {} } }],
    [runs, { assistant_id: "http-pay", command: bound, config: { configurable: { __pregel_resuming: true } } }],
    [runs, { assistant_id: "http-pay", command: bound, interrupt_before: ["execute"] }],
    [runs, { assistant_id: "http-pay", input: { amount: 1 }, checkpoint_id: crypto.randomUUID() }],
    [runs, { assistant_id: "http-pay", input: null, config: { configurable: { checkpoint_id: crypto.randomUUID() } } }],
    [`/threads/${review.thread_id}/state`, { values: { amount: 1 } }],
    [`/threads/${review.thread_id}/state`, { values: null, as_node: "review" }],
  ];
  const owner = await server.key("owner", ["runs:create", "review:decide", "threads:write_state"]);
  for (const [path, body] of doors) {
    const response = await post(path, body, { "x-api-key": owner });
    expect([response.status, response.headers.get("x-holdpoint-error"), body]).toEqual([409, "guarded", body]);
  }
  expect(await (await server.ask(`/reviews/${review.id}`)).json()).toEqual(review);
});

it("keeps the settings of the paused run on a guarded graph, whatever the answer says", async () => {
  const review = await paused(90);
  const command = { resume: { ...approve, seen_digest: review.request_digest } };
  const response = await post(`/threads/${review.thread_id}/runs`, {
    assistant_id: "http-pay",
    command,
    context: { limit: 1 },
    config: { configurable: { limit: 1 }, recursion_limit: 1 },
  });
  const run = (await response.json()) as { run_id: string; kwargs: { config: { recursion_limit?: number } } };
  expect(run.kwargs.config.recursion_limit).toBeUndefined();
  expect(await server.client.runs.join(review.thread_id, run.run_id)).toMatchObject({ result: "paid 90" });
});

it("supersedes the open review of an unguarded graph when new input comes", async () => {
  const review = await paused(0, "http-ask");
  expect(review).toMatchObject({ flavour: "raw", actions: [{ allowed: ["respond"] }] });
  const { thread_id } = review;
  await server.client.runs.wait(thread_id, "http-ask", { input: { text: "anew?" } });
  const response = await decide(review, {
    decisions: [{ type: "respond", value: "late" }],
    seen_digest: review.request_digest,
  });
  expect(await refusal(response)).toEqual([409, "superseded"]);
  const [next] = (await (await server.ask(`/reviews?status=open&thread_id=${thread_id}`)).json()) as ReviewTask[];
  const decided = await decide(next as ReviewTask, {
    decisions: [{ type: "respond", value: { ok: true } }],
    seen_digest: next?.request_digest,
  });
  const { run_id } = (await decided.json()) as { run_id: string };
  expect(await server.client.runs.join(thread_id, run_id)).toMatchObject({ answers: [{ ok: true }] });
});

it("lets one of fifty racing decisions win and gives the others a clear answer", async () => {
  const review = await paused(100);
  const keys = await Promise.all(
    Array.from({ length: 50 }, (_, index) => server.key(`racer-${index}`, ["review:decide"])),
  );
  const answers = await Promise.all(
    keys.map((key, index) =>
      decide(
        review,
        { decisions: [{ type: index % 2 === 0 ? "approve" : "reject" }], seen_digest: review.request_digest },
        { "x-api-key": key },
      ),
    ),
  );
  const codes = answers.map(({ status }) => status).toSorted((a, b) => a - b);
  expect(codes).toEqual([200, ...Array.from({ length: 49 }, () => 409)]);
});
