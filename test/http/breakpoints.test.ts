import { afterAll, beforeAll, expect, it } from "vitest";
import { sweepReviewTimers } from "../../src/runtime/review-timers.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
let starter: string;
let decider: string;
beforeAll(async () => {
  server = await openServer();
  starter = await server.key("starter", ["runs:create", "runs:read", "runs:cancel"]);
  decider = await server.key("decider", ["runs:create", "runs:read", "review:decide"]);
});
afterAll(async () => await server.close());

interface Waiting {
  thread_id: string;
  checkpoint_id: string;
}

async function atBreakpoint(): Promise<Waiting> {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "http-words", { input: { text: "h" }, interruptBefore: ["mark"] });
  const { checkpoint } = await server.client.threads.getState(thread_id);
  return { thread_id, checkpoint_id: checkpoint.checkpoint_id as string };
}

async function start({ thread_id }: Waiting, key: string, body: object): Promise<string> {
  const response = await server.ask(`/threads/${thread_id}/runs/wait`, {
    method: "POST",
    body: { assistant_id: "http-words", ...body },
    headers: { "x-api-key": key },
  });
  const text = await response.text();
  const code = response.headers.get("x-holdpoint-error");
  return code ?? (JSON.parse(text) as { text: string }).text;
}

async function reviewOf({ thread_id }: Waiting) {
  const [review] = (await (await server.ask(`/reviews?thread_id=${thread_id}`)).json()) as {
    id: string;
    status: string;
    run_id: string;
    status_reason: string | null;
  }[];
  return review as NonNullable<typeof review>;
}

const ENDS: [string, (waiting: Waiting) => Promise<void>][] = [
  ["waits", async () => {}],
  [
    "has timed out",
    async (waiting) => {
      await server.house.pass(400 * 3_600);
      await expect
        .poll(
          async () => {
            await sweepReviewTimers(server.house.parts);
            return (await reviewOf(waiting)).status;
          },
          { timeout: 60_000 },
        )
        .toBe("failed");
    },
  ],
  [
    "was cancelled",
    async (waiting) => {
      const { run_id } = await reviewOf(waiting);
      await server.client.runs.cancel(waiting.thread_id, run_id, true);
      expect((await reviewOf(waiting)).status).toBe("cancelled");
    },
  ],
];

it.each(ENDS)("a breakpoint whose review %s is passed by who may decide, and by nobody else", async (_how, end) => {
  const waiting = await atBreakpoint();
  await end(waiting);
  const before = await reviewOf(waiting);
  const roads = {
    "an empty input": { input: null },
    "its checkpoint": { input: null, checkpoint_id: waiting.checkpoint_id },
    "its checkpoint in the config": { config: { configurable: { checkpoint_id: waiting.checkpoint_id } } },
    "an update": { command: { update: { text: "X" } } },
    "a jump": { command: { goto: "mark" } },
    "a jump beside an input": { input: { text: "h" }, command: { goto: "mark" } },
  };
  for (const [road, body] of Object.entries(roads)) {
    expect([road, await start(waiting, starter, body)]).toEqual([road, "permission_denied"]);
  }
  expect(await reviewOf(waiting)).toEqual(before);
  expect(await start(waiting, decider, { input: null })).toBe("H!");
});

it("begins again from new input for who may start runs alone, and goes on from what was let go", async () => {
  const waiting = await atBreakpoint();
  expect(await start(waiting, starter, { input: { text: "new" } })).toBe("NEW!");
  expect((await reviewOf(waiting)).status).toBe("superseded");
  expect(await start(waiting, starter, { input: null, checkpoint_id: waiting.checkpoint_id })).toBe(
    "permission_denied",
  );
  const passed = await atBreakpoint();
  expect(await start(passed, decider, { input: null })).toBe("H!");
  expect(await start(passed, starter, { input: null, checkpoint_id: passed.checkpoint_id })).toBe("H!");
});

it("is still a breakpoint after edits of the state: who may write it alone does not pass it, and a decider does", async () => {
  const editor = await server.key("editor", ["runs:create", "runs:read", "threads:write_state"]);
  const edit = async ({ thread_id }: Waiting, body: object) => {
    const headers = { "x-api-key": editor };
    return (await server.ask(`/threads/${thread_id}/state`, { method: "POST", body, headers })).status;
  };
  const waiting = await atBreakpoint();
  const { checkpoint_id } = waiting;
  for (const body of [
    { values: { text: "h" } },
    { values: { text: "h" }, checkpoint_id },
    { values: { text: "h" }, as_node: "mark" },
    { values: null },
  ]) {
    expect(await edit(waiting, body)).toBe(200);
    expect(await start(waiting, editor, { input: null }), JSON.stringify(body)).toBe("permission_denied");
  }
  const review = await reviewOf(waiting);
  expect(review.status).toBe("superseded");
  expect(review).toMatchObject({ status_reason: expect.stringContaining("editor edited the thread's state") });
  const again = await atBreakpoint();
  expect(await edit(again, { values: { text: "k" } })).toBe(200);
  expect(await start(again, decider, { input: null })).toBe("k!");
});

it("is not passed by trying the refused run again", async () => {
  const waiting = await atBreakpoint();
  const headers = { "x-api-key": starter };
  const { thread_id } = waiting;
  await ENDS[1]?.[1](waiting);
  const { rows } = await server.house.database.pool.query(
    "insert into holdpoint.run (run_id, thread_id, kind, status, graph_id, principal_id, kwargs) values (gen_random_uuid(), $1, 'run', 'error', 'http-words', 'starter', $2) returning run_id",
    [thread_id, JSON.stringify({ input: null })],
  );
  const again = await server.ask(`/runs/${rows[0].run_id}/retry`, { method: "POST", headers });
  expect([again.status, again.headers.get("x-holdpoint-error")]).toEqual([403, "permission_denied"]);
});
