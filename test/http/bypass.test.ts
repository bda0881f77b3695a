import { afterAll, beforeAll, expect, it } from "vitest";
import type { Permission } from "../../src/protocol/principal.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { openServer, type TestServer } from "./server.ts";

const RIGHTS: Permission[] = [
  "runs:create",
  "runs:read",
  "runs:cancel",
  "threads:write_state",
  "review:read",
  "review:decide",
];

let server: TestServer;
let bypasser: string;
let other: string;
beforeAll(async () => {
  server = await openServer();
  bypasser = await server.key("breaker", [...RIGHTS, "review:bypass"]);
  other = await server.key("other", RIGHTS);
});
afterAll(async () => await server.close());

interface Waiting {
  review: ReviewTask;
  /** A checkpoint from before the question. */
  older: string;
}

async function waiting(): Promise<Waiting> {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "http-pay", { input: { amount: 10 } });
  const review = await theOpen(thread_id);
  const history = await server.client.threads.getHistory(thread_id);
  return { review, older: history.at(-1)?.checkpoint.checkpoint_id as string };
}

async function theOpen(thread_id: string): Promise<ReviewTask> {
  const open = (await (await server.ask(`/reviews?status=open&thread_id=${thread_id}`)).json()) as ReviewTask[];
  expect(open).toHaveLength(1);
  return open[0] as ReviewTask;
}

interface Sent {
  method?: string;
  path: string;
  body?: object;
}

interface Said {
  key?: string;
  reason?: string;
  /** In the body, where there is one; otherwise as a header. */
  inBody?: boolean;
}

async function take({ method = "POST", path, body }: Sent, { key = bypasser, reason, inBody = true }: Said = {}) {
  const isInBody = inBody && body !== undefined;
  const response = await server.ask(path, {
    method,
    ...(body === undefined
      ? {}
      : { body: reason === undefined || !isInBody ? body : { ...body, bypass_reason: reason } }),
    headers: { "x-api-key": key, ...(reason === undefined || isInBody ? {} : { "x-holdpoint-bypass-reason": reason }) },
  });
  return `${response.status} ${response.headers.get("x-holdpoint-error") ?? ""}`.trim();
}

type Road = (waiting: Waiting) => Sent;
const run =
  (body: object | ((waiting: Waiting) => object)): Road =>
  (at) => ({
    path: `/threads/${at.review.thread_id}/runs`,
    body: { assistant_id: "http-pay", ...(typeof body === "function" ? body(at) : body) },
  });
const approval = { decisions: [{ type: "approve" }] };

const ROADS: [string, Road][] = [
  ["new input", run({ input: { amount: 1 } })],
  ["an empty input", run({ input: null })],
  ["a jump", run({ command: { goto: "execute" } })],
  ["an update", run({ command: { update: { amount: 1 } } })],
  ["a fork from before the question", run(({ older }) => ({ input: null, checkpoint_id: older }))],
  ["the middleware's switch", run({ input: { amount: 1 }, context: { interruptOn: {} } })],
  ["input that stops what runs", run({ input: { amount: 1 }, multitask_strategy: "interrupt" })],
  ["input that takes back what runs", run({ input: { amount: 1 }, multitask_strategy: "rollback" })],
  ["a state edit", ({ review }) => ({ path: `/threads/${review.thread_id}/state`, body: { values: { amount: 1 } } })],
  [
    "a state edit in a node's name",
    ({ review }) => ({
      path: `/threads/${review.thread_id}/state`,
      body: { values: { amount: 1 }, as_node: "review" },
    }),
  ],
  [
    "taking back the run that asks",
    ({ review }) => ({ path: `/threads/${review.thread_id}/runs/${review.run_id}/cancel?action=rollback` }),
  ],
  [
    "deleting the run that asks",
    ({ review }) => ({ method: "DELETE", path: `/threads/${review.thread_id}/runs/${review.run_id}` }),
  ],
];

// Not about a person's answer: they would lead past the fence, or to a question that nothing binds.
const CLOSED: [string, Road, string][] = [
  ["an internal key", run({ input: {}, config: { configurable: { __pregel_resuming: true } } }), "409 guarded"],
  ["a breakpoint taken away", run({ input: {}, interrupt_before: [] }), "409 guarded"],
  ["a breakpoint put in", run({ input: {}, interrupt_after: "*" }), "409 guarded"],
  ["another place", run({ input: {}, checkpoint: { checkpoint_ns: "review:1" } }), "409 guarded"],
  ["a jump beside an answer", run({ command: { resume: approval, goto: "execute" } }), "409 guarded"],
  [
    "an answer at an old checkpoint",
    run(({ older }) => ({ command: { resume: approval }, checkpoint_id: older })),
    "409 use_fork",
  ],
  [
    "another graph's run",
    ({ review }) => ({
      path: `/threads/${review.thread_id}/runs`,
      body: { assistant_id: "http-words", input: { text: "x" } },
    }),
    "409 guarded",
  ],
];

const now = async ({ id }: ReviewTask) => (await (await server.ask(`/reviews/${id}`)).json()) as ReviewTask;
const linksOf = async ({ id }: ReviewTask) =>
  (await (await server.ask(`/reviews/${id}/audit`)).json()) as { kind: string; principal_id: string; body: string }[];
async function bypassedRows(thread_id: string) {
  const { rows } = await server.house.database.pool.query(
    "select principal_id, body::jsonb ->> 'reason' as reason from holdpoint.audit where thread_id = $1 and kind = 'run.bypassed'",
    [thread_id],
  );
  return rows;
}
const atRest = async (thread_id: string) =>
  await expect.poll(async () => (await server.client.threads.get(thread_id)).status).not.toBe("busy");

it.each(ROADS)("keeps %s closed without a reason, and for who may not give one", async (_road, road) => {
  const at = await waiting();
  expect(await take(road(at))).toBe("409 guarded");
  expect(await take(road(at), { key: other, reason: "the customer is on the phone" })).toBe("409 guarded");
  expect(await take(road(at), { reason: " \t" })).toBe("422 invalid");
  expect(await now(at.review)).toEqual(at.review);
  expect(await bypassedRows(at.review.thread_id)).toEqual([]);
});

it.each(ROADS)("opens %s once for who may and says why, and writes it down", async (road, taken) => {
  const at = await waiting();
  const { thread_id } = at.review;
  const reason = `approved on the phone: ${road}`;
  expect(await take(taken(at), { reason, inBody: road.length % 2 === 0 })).toMatch(/^20\d$/);
  await atRest(thread_id);
  expect(await bypassedRows(thread_id)).toEqual([{ principal_id: "breaker", reason }]);
  expect(["superseded", "cancelled"]).toContain((await now(at.review)).status);
  const links = await linksOf(at.review);
  const passed = links.filter(({ kind }) => kind === "bypassed");
  // A run that is taken back takes its question with it: nobody has gone past it.
  const isPassed = !/(taking|deleting)/.test(road);
  expect(passed.map(({ principal_id, body }) => [principal_id, JSON.parse(body).reason])).toEqual(
    isPassed ? [["breaker", reason]] : [],
  );
  const open = (await (await server.ask(`/reviews?status=open&thread_id=${thread_id}`)).json()) as ReviewTask[];
  for (const review of open) {
    expect(review.id).not.toBe(at.review.id);
    expect(await take(run({ input: { amount: 1 } })({ ...at, review }))).toBe("409 guarded");
  }
});

it.each([
  ["context", { context: { interruptOn: {} } }],
  ["configuration", { config: { configurable: { descriptionPrefix: "x" } } }],
])(
  "lets the %s of a graph that nothing guards switch its questions off for who may, saying why",
  async (_where, more) => {
    const { thread_id } = await server.client.threads.create();
    const sent = {
      path: `/threads/${thread_id}/runs`,
      body: { assistant_id: "http-words", input: { text: "x" }, ...more },
    };
    expect(await take(sent)).toBe("409 guarded");
    expect(await take(sent, { key: other, reason: "it is urgent" })).toBe("409 guarded");
    expect(await take(sent, { reason: " \t" })).toBe("422 invalid");
    expect(await server.client.runs.list(thread_id)).toEqual([]);
    expect(await take(sent, { reason: "it is urgent" })).toBe("200");
    await atRest(thread_id);
    expect(await bypassedRows(thread_id)).toEqual([{ principal_id: "breaker", reason: "it is urgent" }]);
  },
);

it.each([
  ["an assistant's context", "update holdpoint.assistant set context = $2 where graph_id = $1", { interruptOn: {} }],
  [
    "an assistant's configuration",
    "update holdpoint.assistant set config = $2 where graph_id = $1",
    { configurable: { interruptOn: {} } },
  ],
  [
    "a thread's configuration",
    "update holdpoint.thread set config = $2 where thread_id::text = $1",
    { configurable: { interruptOn: {} } },
  ],
])("finds the switch also in %s", async (_where, statement, stored) => {
  const { thread_id } = await server.client.threads.create();
  const { pool } = server.house.database;
  const whose = statement.includes("thread_id") ? thread_id : "http-words";
  const sent = { path: `/threads/${thread_id}/runs`, body: { assistant_id: "http-words", input: { text: "x" } } };
  await pool.query(statement, [whose, JSON.stringify(stored)]);
  const refused = await take(sent);
  await pool.query(statement, [whose, "{}"]);
  expect([refused, await take(sent)]).toEqual(["409 guarded", "200"]);
  await atRest(thread_id);
});

it.each(CLOSED)("opens %s for nobody, whatever the reason", async (_road, road, refusal) => {
  const at = await waiting();
  expect(await take(road(at), { reason: "it is urgent" })).toBe(refusal);
  expect(await now(at.review)).toEqual(at.review);
  expect(await bypassedRows(at.review.thread_id)).toEqual([]);
});

it("writes nothing down where there was nothing to pass", async () => {
  const { thread_id } = await server.client.threads.create();
  const sent = { path: `/threads/${thread_id}/runs`, body: { assistant_id: "http-pay", input: { amount: 3 } } };
  expect(await take(sent, { reason: "just in case" })).toBe("200");
  await atRest(thread_id);
  expect(await bypassedRows(thread_id)).toEqual([]);
  await theOpen(thread_id);
});

it("takes back no decision and no effect, whatever the reason", async () => {
  const { review } = await waiting();
  const body = { ...approval, seen_digest: review.request_digest };
  const decided = await server.ask(`/reviews/${review.id}/decision`, { method: "POST", body });
  const { run_id } = (await decided.json()) as { run_id: string };
  await server.client.runs.join(review.thread_id, run_id);
  const sent = { method: "DELETE", path: `/threads/${review.thread_id}/runs/${run_id}` };
  expect(await take(sent)).toBe("409 guarded");
  expect(await take(sent, { reason: "it was a mistake" })).toBe("409 superseded");
  expect((await now(review)).status).toBe("closed");
});
