import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keyFor } from "../support/client.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { command, type Ended } from "./holdpoint.ts";

let house: RefundHouse;
let server: Server;
beforeAll(async () => {
  house = await openRefundHouse();
  const env = { HOLDPOINT_GRAPH_CONCURRENCY: "cli-endless=1" };
  server = await startServer({ databaseUrl: house.url, workflows: "test/fixtures/cli", shared: true, env });
});
afterAll(async () => {
  const exit = await server?.stop();
  await house?.close();
  expect(exit).toEqual({ code: 0, signal: null });
});

const env = () => ({ HOLDPOINT_DATA_DIR: server.dataDir });
const cli = (...args: string[]): Promise<Ended> => command(args, { env: env() });
const screen = (...args: string[]): Promise<Ended> => command(args, { env: env(), isScreen: true, columns: 110 });
const typing = (args: string[], ...answers: string[]): Promise<Ended> => command(args, { env: env(), answers });

async function start(graph: string, ...more: string[]): Promise<{ run_id: string; thread_id: string }> {
  return JSON.parse((await cli("run", graph, "--json", ...more)).stdout);
}

describe("insights", () => {
  test("of a run show its wait for a person apart, its critical path and its nodes", async () => {
    const { run_id } = await start("refund-approval", "--input", "examples/refund-large.json");
    await house.pool.query("update holdpoint.clock set shift = shift + interval '51 hours'");
    const { stdout, code } = await screen("insights", run_id.slice(0, 8));
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^run ${run_id.slice(0, 7)}  refund-approval  waiting$`, "m"));
    expect(stdout).toMatch(/^ {2}total +2d 3h$/m);
    expect(stdout).toMatch(/^ {2}waiting for a person +2d 3h$/m);
    expect(stdout).toMatch(/^ {2}in the queue +[\d.]+ m?s$/m);
    expect(stdout).toMatch(/^ {2}review [0-9a-f]{7}: Refund .* \(open since \d{4}-/m);
    expect(stdout).toMatch(/critical path:\n {4}analyze \d/);
    expect(stdout).toMatch(/^NODE +TIMES +TIME +LONGEST +OF PATH/m);
    expect(stdout).toMatch(/^analyze +1 +[\d.]+ m?s/m);
    const json = JSON.parse((await cli("insights", run_id, "--json")).stdout);
    expect(json.time.person_ms / 3_600_000).toBeCloseTo(51, 1);
    await cli("runs", "cancel", run_id, "--yes");
  });

  test("of a graph show what became of its runs, and its nodes", async () => {
    await start("cli-failing");
    await start("cli-failing");
    const { stdout } = await screen("insights", "cli-failing", "--since", "1h");
    expect(stdout).toMatch(/^cli-failing {2}2 runs since /);
    expect(stdout).toMatch(/^ {2}ended +2 error$/m);
    expect(stdout).toMatch(/^ {2}errors +100%$/m);
    expect(stdout).toMatch(/^ {2}total +half within [\d.]+ m?s, 95% within [\d.]+ m?s$/m);
    expect(stdout).toMatch(/^fail +2 .* 2 *$/m);
    expect(stdout).toMatch(/^ {2}fail failed with Error ×2$/m);
    expect((await screen("insights", "cli-slow")).stdout).toMatch(/^cli-slow {2}0 runs since /);
  });

  test.each([
    [["insights", "no-such-graph"], 1, 'there is no graph "no-such-graph"'],
    [["insights", "abcd"], 1, "there is no run whose id begins with abcd"],
    [["insights", "cli-failing", "--since", "yesterday"], 5, "must be a span such as"],
    [["insights"], 2, "missing required argument"],
  ])("%j ends with one clear line", async (args, code, message) => {
    expect(await cli(...args)).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(message) });
  });
});

describe("runs retry", () => {
  test("says what it will do, does nothing without a yes, and then starts a run", async () => {
    const { run_id } = await start("cli-failing");
    const asked = await typing(["runs", "retry", run_id.slice(0, 8)], "n");
    expect(asked).toMatchObject({ code: 1, stderr: "holdpoint: nothing was sent\n" });
    expect(asked.stdout).toMatch(
      /^run \S+ of cli-failing ended with error: Error: no luck.*\n {2}a new run goes on from where it stopped: fail\n.*\nStart it\? \[y\/N\] n/,
    );
    expect(asked.stdout).not.toMatch(/[\u001b\u202e\u200b]/);
    expect(await cli("runs", "retry", run_id)).toMatchObject({ code: 5, stderr: expect.stringContaining("add --yes") });
    const done = await typing(["runs", "retry", run_id], "y");
    expect(done.stdout).toMatch(/^started: run \S+ \(holdpoint runs watch \S+\)$/m);
    const again = (await cli("runs", "list", "--graph", "cli-failing", "-n", "1", "--json")).stdout;
    const [latest] = JSON.parse(again);
    expect(latest).toMatchObject({ metadata: { retry_of: run_id } });
    await cli("runs", "watch", latest.run_id);
    expect(await cli("runs", "retry", run_id, "--yes")).toMatchObject({
      code: 6,
      stderr: expect.stringContaining("has moved on"),
    });
    const third = await cli("runs", "retry", latest.run_id, "--yes", "--json");
    expect(JSON.parse(third.stdout)).toMatchObject({ thread_id: latest.thread_id });
  });

  test("of a run that has not failed is refused, and so is one without the right to start runs", async () => {
    const { run_id } = await start("cli-question");
    expect(await cli("runs", "retry", run_id, "--yes")).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("is success: only a run that ended with error or timeout"),
    });
    await cli("runs", "cancel", run_id, "--yes");
    const failed = await start("cli-failing");
    const key = await keyFor(server.url, "reader", ["runs:read"]);
    const refused = await command(["runs", "retry", failed.run_id, "--yes"], {
      env: { ...env(), HOLDPOINT_API_KEY: key },
    });
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining("runs:create") });
  });
});

describe("runs list and show", () => {
  test("finds by status and age among all threads, and shows why a run failed", async () => {
    const { run_id } = await start("cli-failing");
    const failed = await screen("runs", "list", "--status", "error", "--since", "10m");
    expect(failed.stdout).toMatch(new RegExp(`^${run_id.slice(0, 7)}\\S* +cli-failing +error`, "m"));
    expect((await cli("runs", "list", "--since", "2000-01-01", "--graph", "cli-slow")).stdout).toBe("");
    expect(await cli("runs", "list", "--since", "soon")).toMatchObject({ code: 5, stdout: "" });
    const { stdout } = await cli("runs", "show", run_id);
    expect(stdout).toMatch(/^ {2}graph +cli-failing$/m);
    expect(stdout).toMatch(/^ {2}error +Error: no luck/m);
    const { attempts } = JSON.parse((await cli("runs", "show", run_id, "--json")).stdout);
    expect(attempts).toMatchObject([{ attempt: 1, outcome: "error", error_class: "Error" }]);
  });
});

describe("queue and workers", () => {
  test("tell what runs, what waits for a limit, and who works", async () => {
    const begin = async () => (await cli("run", "cli-endless", "--detach", "--json")).stdout;
    const runs = [JSON.parse(await begin()), JSON.parse(await begin())] as { run_id: string }[];
    const queue = async () => JSON.parse((await cli("queue", "--json")).stdout);
    await until("one runs, one waits, and the worker has said which graphs it has", async () => {
      const { running, ready, graphs } = await queue();
      return running === 1 && ready === 1 && graphs[0].loaded_by === 1;
    });
    const { stdout } = await screen("queue");
    expect(stdout).toMatch(/^GRAPH +WAITING +READY +BEHIND +LATER +RUNNING +LIMIT +OLDEST +WORKERS$/m);
    expect(stdout).toMatch(/^cli-endless +1 +1 +0 +0 +1 +1 +\d+s +1$/m);
    expect(stdout).toContain("! cli-endless is at its limit of 1");
    expect((await cli("queue")).stdout).toMatch(/^cli-endless\t1\t1\t0\t0\t1\t1\t[\d.]+\t1\n$/);
    const [worker] = JSON.parse((await cli("workers", "--json")).stdout);
    expect(worker).toMatchObject({ state: "live", running: 1, slots: 10 });
    expect((await screen("workers")).stdout).toMatch(
      /^WORKER +HOST +PID +RUNNING +SLOTS +STATE +SINCE +HEARTBEAT +GRAPHS$/m,
    );
    for (const { run_id } of runs) await cli("runs", "cancel", run_id, "--yes");
    await until("nothing is left", async () => (await queue()).graphs.length === 0);
    expect((await screen("queue")).stdout).toBe("nothing waits and nothing runs\n");
  });

  test("a graph that nobody has loaded is named", async () => {
    await house.pool.query(
      `insert into holdpoint.run (run_id, thread_id, kind, graph_id, principal_id, kwargs, place)
       values (gen_random_uuid(), gen_random_uuid()::text, 'run', 'gone', 'test', '{}', holdpoint.now())`,
    );
    expect((await screen("queue")).stdout).toContain("! gone waits for a worker that has it loaded; no live one has");
    await house.pool.query("delete from holdpoint.run where graph_id = 'gone'");
  });
});

describe("usage", () => {
  const spend = (graph: string, node: string, cost: number | null) =>
    house.pool.query(
      `insert into holdpoint.usage (at, graph_id, thread_id, run_id, origin_run_id, node, kind, name, input_tokens, output_tokens,
        cached_tokens, cost)
      values (holdpoint.now(), $1, 't', $2, $2, $3, 'model', 'gpt-4.1-mini', 1200, 80, 0, $4)`,
      [graph, "0d5c3a80-0000-4000-8000-000000000001", node, cost],
    );

  test("shows what was spent by what it is asked for, and says where a price is not known", async () => {
    expect((await screen("usage", "--since", "1h")).stdout).toMatch(/^nothing was spent since /);
    await spend("refund-approval", "analyze", 0.25);
    await spend("refund-approval", "draft", null);
    await spend("cli-slow", "wait", 0.5);
    const { stdout } = await screen("usage");
    expect(stdout).toMatch(/^GRAPH +CALLS +INPUT +OUTPUT +CACHED +COST\n/);
    expect(stdout).toMatch(/^cli-slow +1 +1200 +80 +0 +0\.5000$/m);
    expect(stdout).toMatch(/^refund-approval +2 +2400 +160 +0 +0\.2500\+$/m);
    expect(stdout).toMatch(/^all: 3 calls, 3600\+240 tokens, cost 0\.7500\+, since /m);
    expect((await screen("usage", "--by", "run")).stdout).toMatch(/^0d5c3a8 +refund-approval +2 /m);
    expect((await cli("usage", "--by", "node", "--graph", "cli-slow")).stdout).toBe(
      "wait\tcli-slow\t1\t1200\t80\t0\t0.5\t0\n",
    );
    const json = JSON.parse((await cli("usage", "--by", "model", "--json")).stdout);
    expect(json).toMatchObject({ total: { cost: 0.75, unpriced: 1 }, groups: [{ key: "gpt-4.1-mini", calls: 3 }] });
    expect((await screen("usage", "--until", "1h")).stdout).toMatch(/^nothing was spent since /);
  });

  test.each([
    [["usage", "--by", "person"], 2, "Allowed choices are graph, node, run, model, day"],
    [["usage", "--since", "yesterday"], 5, "must be a span such as"],
  ])("%j ends with one clear line", async (args, code, message) => {
    expect(await cli(...args)).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(message) });
  });
});
