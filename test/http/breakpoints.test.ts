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
  }[];
  return review as { id: string; status: string; run_id: string };
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
          { timeout: 30_000 },
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
