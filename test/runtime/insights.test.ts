import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { reapLeases } from "../../src/postgres/claim.ts";
import { GRAPH_LIMITS, readGraphInsights, readRunInsights } from "../../src/postgres/insights.ts";
import { retryRun } from "../../src/postgres/retry-run.ts";
import { knobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext, executeAndDie } from "../support/dying-worker.ts";
import { type OpenAIServer, startOpenAIServer } from "../support/openai-server.ts";
import { answer, theOpen } from "../support/reviewer.ts";
import { until } from "../support/until.ts";
import { house, openScene, started } from "./scene.ts";

openScene();

let model: OpenAIServer;
beforeAll(async () => {
  model = await startOpenAIServer();
  knobs.modelUrl = model.url;
});
afterAll(() => model.close());

const HOUR_MS = 3_600_000;
const ofRun = async (run_id: string) => {
  const insights = await readRunInsights(house.database, "default", run_id);
  if (insights === undefined) throw new Error("no such run");
  return insights;
};
const ofGraph = (graph_id: string, limits = GRAPH_LIMITS) =>
  readGraphInsights(house.database, "default", graph_id, { seconds_ago: 7 * 86_400 }, limits);
const names = (path: { node: string }[]) => path.map(({ node }) => node);
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const DAY_SECONDS = 86_400;

describe("of a run", () => {
  test("that waited for a person for two days and three hours, this is apart from the work before and after", async () => {
    model.script({ text: "Something." });
    knobs.onVisit = async (place) => {
      if (place === "watched.flaky" && visitsOf("watched.flaky") < 2) throw new Error("not yet");
      if (place === "watched.tool" || place === "watched.paying") await wait(20);
    };
    const run = await house.start("watched", { input: {} });
    await house.settle();
    await house.pass(51 * 3_600);
    const waiting = await ofRun(run.run_id);
    expect(waiting.status).toBe("waiting");
    expect(waiting.time.person_ms / HOUR_MS).toBeCloseTo(51, 1);
    const { resume_run } = await answer(house, await theOpen(house, run.thread_id), [
      { type: "respond", value: "yes" },
    ]);
    await house.settle();
    await house.pass(51 * 3_600);
    const insights = await ofRun(run.run_id);
    expect(await ofRun(resume_run?.run_id as string)).toMatchObject({ ...insights, run_id: resume_run?.run_id });
    const { time } = insights;
    expect(insights).toMatchObject({ status: "success", graph_id: "watched", is_cut: false });
    expect(insights.runs.map(({ kind }) => kind)).toEqual(["run", "resume"]);
    expect(insights.questions).toMatchObject([{ node: "ask", status: "closed" }]);
    expect(time.person_ms / HOUR_MS).toBeCloseTo(51, 1);
    expect(time.total_ms - time.person_ms).toBeLessThan(HOUR_MS);
    expect(time.tool_ms).toBeGreaterThanOrEqual(38);
    expect(time.model_ms).toBeGreaterThan(0);
    expect(time.recovery_ms).toBe(0);
    const parts = time.queue_ms + time.person_ms + time.model_ms + time.tool_ms + time.work_ms + time.engine_ms;
    expect(Math.abs(time.total_ms - parts)).toBeLessThan(1_000);
    expect(names(insights.path)).toEqual(["model", "flaky", "pay", "ask", "ask", "end"]);
    expect(insights.path[0]?.inner).toMatchObject([{ node: "ask_model" }]);
    const node = (name: string) => insights.nodes.find((one) => one.node === name);
    expect(node("model/ask_model")).toMatchObject({ executions: 1, write_keys: ["text"] });
    expect(node("model/ask_model")?.cost).toBeGreaterThan(0);
    expect(node("ask")).toMatchObject({ tasks: 1, executions: 2, statuses: { interrupted: 1, success: 1 } });
    expect(node("flaky")).toMatchObject({ executions: 1, tries: 2, write_keys: ["log"] });
    expect(insights.nodes.reduce((sum, { path_share }) => sum + path_share, 0)).toBeCloseTo(1);
  });

  test("whose worker was lost, the time until the next one is apart, and nothing is counted twice", async () => {
    const run = await house.start("steps", { input: {} });
    const died = await executeAndDie(house, await claimNext(house), 4);
    expect(died).toBe(true);
    await house.pass(3_600);
    await reapLeases(house.database);
    await house.pass(1_800);
    await house.settle();
    const { time, nodes, path, runs } = await ofRun(run.run_id);
    expect(runs[0]?.attempts.map(({ outcome }) => outcome)).toEqual(["lease_lost", "success"]);
    // The lease ran out a minute after the claim; from then on nobody had the run.
    expect(time.recovery_ms / HOUR_MS).toBeCloseTo(1.5 - 1 / 60, 1);
    expect(time.queue_ms).toBeLessThan(60_000);
    expect(nodes.map(({ node, tasks }) => [node, tasks])).toEqual([
      ["a", 1],
      ["b", 1],
      ["c", 1],
    ]);
    expect(nodes.reduce((sum, { executions }) => sum + executions, 0)).toBe(path.length);
    expect(time.work_ms).toBeLessThan(60_000);
  });

  test("that did many things at once, the slowest of them is on the path; what came from a cache took no time", async () => {
    knobs.onVisit = async (place) => {
      if (place === "fan.each.4") await wait(60);
    };
    await started("fan");
    const { run_id } = await started("fan");
    expect(visitsOf("fan.look_up")).toBe(1);
    const { nodes, path } = await ofRun(run_id);
    expect(nodes).toMatchObject([
      { node: "look_up", executions: 1, cached: 1, tries: 0 },
      { node: "each", executions: 6, tasks: 6, cached: 0 },
    ]);
    expect(path.map(({ node, tasks }) => [node, tasks])).toEqual([
      ["look_up", 1],
      ["each", 6],
    ]);
    expect(path[1]?.duration_ms).toBe(nodes[1]?.longest_ms);
    expect(path[1]?.duration_ms).toBeGreaterThanOrEqual(58);
    const looked = (await ofGraph("fan")).nodes.find(({ node }) => node === "look_up");
    expect(looked).toMatchObject({ executions: 2, succeeded: 2, cached: 1 });
  });

  test("that was cancelled in the middle of a node, the node is there and its time too", async () => {
    const run = await house.start("steps", { input: {} });
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    knobs.onVisit = (place) => (place === "steps.b" ? held : undefined);
    house.worker.start();
    await until("the node is at work", () => knobs.visits.includes("steps.b"));
    await cancelRun(house.database, { ...run, principal_id: "test:ana" });
    house.wakeups.wake("runs", run.thread_id);
    await until("the run has ended", async () => (await house.run(run.run_id)).status === "interrupted");
    letGo();
    await house.worker.stop();
    const { nodes, path, status } = await ofRun(run.run_id);
    expect(status).toBe("interrupted");
    expect(nodes.at(-1)).toMatchObject({ node: "b", statuses: { cancelled: 1 } });
    expect(path.at(-1)).toMatchObject({ node: "b", status: "cancelled" });
  });

  test("that has not begun yet, all of its time is the queue's", async () => {
    const run = await house.start("steps", { input: {} });
    await house.pass(120);
    const { time, nodes, path } = await ofRun(run.run_id);
    expect(time.queue_ms).toBe(time.total_ms);
    expect(time.queue_ms).toBeGreaterThanOrEqual(120_000);
    expect([nodes, path]).toEqual([[], []]);
    await house.settle();
  });

  test("that does not exist there is nothing", async () => {
    expect(await readRunInsights(house.database, "default", crypto.randomUUID())).toBeUndefined();
    const run = await started("steps");
    expect(await readRunInsights(house.database, "another", run.run_id)).toBeUndefined();
  });
});

describe("of a graph", () => {
  test("its runs are counted by what became of them, with the runs that carried their answers as one", async () => {
    for (const value of ["red", "blue"]) {
      const { thread_id } = await started("work-on-answer");
      await house.pass(DAY_SECONDS / 2);
      await answer(house, await theOpen(house, thread_id), [{ type: "respond", value }]);
      await house.settle();
    }
    const { thread_id } = await started("work-on-answer");
    knobs.onVisit = (place) => {
      if (place === "work.answered") throw new RangeError("no");
    };
    const { resume_run } = await answer(house, await theOpen(house, thread_id), [{ type: "respond", value: "x" }]);
    await house.settle();
    knobs.onVisit = () => {};
    const waiting = await started("work-on-answer");
    await house.start("work-on-answer", { input: {} }, { after_seconds: 600 });
    const { runs, read, nodes } = await ofGraph("work-on-answer");
    expect(runs).toMatchObject({ total: 5, by_status: { success: 2, error: 1, waiting: 1, pending: 1 }, asked: 4 });
    expect(runs.error_rate).toBeCloseTo(1 / 3);
    expect(read).toMatchObject({ runs: 8, is_cut: false });
    expect((runs.person_ms?.[1] ?? 0) / HOUR_MS).toBeCloseTo(12, 1);
    expect((runs.total_ms?.[1] ?? 0) / HOUR_MS).toBeGreaterThan(9);
    expect(nodes.find(({ node }) => node === "ask")).toMatchObject({
      runs: 7,
      executions: 7,
      succeeded: 2,
      failed: 1,
      interrupted: 4,
      errors: { RangeError: 1 },
    });
    // A failed one that was made good is a run of its own.
    const failed = await house.run(resume_run?.run_id as string);
    const again = { run: failed, principal_id: "user:ben", guarded: false, isGuarded: () => false };
    await retryRun(house.database, again);
    await house.settle();
    expect((await ofGraph("work-on-answer")).runs.by_status).toMatchObject({ success: 3, error: 1 });
    await cancelRun(house.database, { ...waiting, principal_id: "test:ana" });
    expect((await ofGraph("work-on-answer")).runs.by_status).toMatchObject({ interrupted: 1, pending: 1 });
  });

  test("the slowest nodes come first, with their share of the critical path and what a run of them costs", async () => {
    model.script({ text: "Something." }, { text: "Something." });
    knobs.onVisit = async (place) => {
      if (place === "watched.paying") await wait(60);
    };
    const before = await ofGraph("watched");
    await house.start("watched", { input: {} });
    await house.settle();
    const { nodes, runs } = await ofGraph("watched");
    expect(runs.total).toBe(before.runs.total + 1);
    const p95s = nodes.flatMap(({ duration_ms }) => (duration_ms === null ? [] : [duration_ms[1]]));
    expect(p95s).toEqual(p95s.toSorted((a, b) => b - a));
    expect(nodes.reduce((sum, { path_share }) => sum + path_share, 0)).toBeCloseTo(1);
    const asking = nodes.find(({ node }) => node === "model/ask_model");
    expect(asking?.per_run.cost).toBeGreaterThan(0);
    expect(asking?.per_run.input_tokens).toBeCloseTo((asking?.input_tokens ?? 0) / 3);
  });

  test("reads only so many of the newest, and says so", async () => {
    const whole = await ofGraph("steps");
    expect(whole.runs.total).toBeGreaterThan(2);
    const cut = await ofGraph("steps", { ...GRAPH_LIMITS, runs: 2, executions: 4, pathRuns: 1 });
    expect(cut.runs.total).toBe(2);
    expect(cut.read).toMatchObject({ runs: 2, path_runs: 1, is_cut: true });
    expect(cut.nodes.reduce((sum, { executions }) => sum + executions, 0)).toBeLessThanOrEqual(4);
    const text = "select created_at from holdpoint.run where graph_id = 'steps' order by created_at desc limit 2";
    const { rows } = await house.database.pool.query<{ created_at: string }>(text);
    expect(cut.read.oldest).toBe(rows[1]?.created_at);
  });

  test("leaves out what is older than was asked for", async () => {
    await started("steps");
    await house.pass(8 * DAY_SECONDS);
    expect((await ofGraph("steps")).runs).toMatchObject({ total: 0, by_status: {}, error_rate: null, total_ms: null });
    await started("steps");
    expect((await ofGraph("steps")).runs).toMatchObject({ total: 1, by_status: { success: 1 }, person_ms: null });
  });
});
