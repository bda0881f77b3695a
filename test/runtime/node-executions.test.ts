import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { reapLeases } from "../../src/postgres/claim.ts";
import { knobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext, executeAndDie } from "../support/dying-worker.ts";
import { type OpenAIServer, startOpenAIServer } from "../support/openai-server.ts";
import { answer, openOf } from "../support/reviewer.ts";
import { until } from "../support/until.ts";
import { house, openScene } from "./scene.ts";

openScene();

let model: OpenAIServer;
beforeAll(async () => {
  model = await startOpenAIServer();
});
afterAll(() => model.close());
beforeEach(() => {
  knobs.modelUrl = model.url;
  model.script({ text: "Something." });
});

interface Row {
  node: string;
  status: string;
  attempt: number;
  tries: number;
  error_class: string | null;
  write_keys: string[];
  write_bytes: number;
  duration_ms: number;
  model_ms: number;
  tool_ms: number;
  input_tokens: number;
  output_tokens: number;
  cost: number | null;
  checkpoint_ns: string;
}

async function executionsOf(thread_id: string): Promise<Row[]> {
  const text = "select * from holdpoint.node_execution where thread_id = $1 order by started_at, checkpoint_ns, node";
  return (await house.database.pool.query<Row>(text, [thread_id])).rows;
}
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("a run leaves one row for each time a node ran", () => {
  test("with its tries, its waits, what it wrote and what it cost", async () => {
    knobs.onVisit = async (place) => {
      if (place === "watched.flaky" && visitsOf("watched.flaky") < 3) throw new Error("not yet");
      if (["watched.tool", "watched.paying", "watched.reading"].includes(place)) await wait(20);
    };
    const { thread_id } = await house.start("watched", { input: {} });
    await house.settle();
    const [review] = await openOf(house, thread_id);
    await answer(house, review!, [{ type: "respond", value: "yes" }]);
    await house.settle();
    const rows = await executionsOf(thread_id);
    expect(rows.map(({ node, status, tries: tried }) => [node, status, tried])).toEqual([
      ["model", "success", 1],
      ["ask_model", "success", 1],
      ["flaky", "success", 3],
      ["pay", "success", 1],
      ["ask", "interrupted", 1],
      ["ask", "success", 1],
      ["end", "success", 1],
    ]);
    const of = (node: string) => rows.find((row) => row.node === node)!;
    expect(of("ask_model")).toMatchObject({ write_keys: ["text"], error_class: null });
    expect(of("ask_model").checkpoint_ns).toMatch(/^model:/);
    expect(of("ask_model").model_ms).toBeGreaterThan(0);
    expect(of("ask_model").input_tokens).toBeGreaterThan(0);
    expect(of("ask_model").cost).toBeCloseTo(
      (of("ask_model").input_tokens * 0.4 + of("ask_model").output_tokens * 1.6) / 1e6,
    );
    // What a subgraph spends is its nodes', not once more that of the node it is.
    expect(of("model")).toMatchObject({ input_tokens: 0, cost: null });
    expect(of("flaky").tool_ms).toBeGreaterThanOrEqual(19);
    expect(of("pay").tool_ms).toBeGreaterThanOrEqual(19);
    expect(of("pay").duration_ms).toBeGreaterThanOrEqual(of("pay").tool_ms);
    expect(of("flaky")).toMatchObject({ write_keys: ["log"] });
    expect(of("flaky").write_bytes).toBeGreaterThan(10);
    expect(of("end")).toMatchObject({ write_keys: [] });
    expect(of("end").tool_ms).toBeGreaterThanOrEqual(19);
  });

  test("with the class of the error that ended it", async () => {
    knobs.onVisit = (place) => {
      if (place === "watched.flaky") throw new RangeError("never");
    };
    const { thread_id } = await house.start("watched", { input: {} });
    await house.settle();
    const failed = (await executionsOf(thread_id)).at(-1);
    expect(failed).toMatchObject({ node: "flaky", status: "error", tries: 3, error_class: "RangeError" });
  });

  test("also for the node that was at work when the run was cancelled", async () => {
    const run = await house.start("steps", { input: {} });
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    knobs.onVisit = (place) => (place === "steps.b" ? held : undefined);
    house.worker.start();
    await until("the node is at work", () => knobs.visits.includes("steps.b"));
    await cancelRun(house.database, { ...run, principal_id: "test:ana" });
    house.wakeups.wake("runs", run.thread_id);
    await until("the run has ended", async () => (await house.run(run.run_id)).status === "interrupted");
    letGo();
    expect((await executionsOf(run.thread_id)).at(-1)).toMatchObject({ node: "b", status: "cancelled" });
    await house.worker.stop();
  });

  test("and one more for each attempt of the run that executed it again", async () => {
    const { thread_id } = await house.start("watched", { input: {} });
    expect(await executeAndDie(house, await claimNext(house), 9)).toBe(true);
    await house.pass(3600);
    await reapLeases(house.database);
    await house.settle();
    const rows = await executionsOf(thread_id);
    expect(new Set(rows.map(({ attempt }) => attempt)).size).toBe(2);
    const keys = rows.map(({ node, attempt, status }) => `${node} ${attempt} ${status}`);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
