import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { knobs, resetKnobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { until } from "../support/until.ts";
import { openServer, type TestServer } from "./server.ts";

let open: TestServer;
beforeAll(async () => {
  open = await openServer({ graphLimits: new Map([["steps", 3]]) }, { works: false });
});
beforeEach(resetKnobs);
afterAll(() => open.close());

interface Row {
  run_id: string;
  worker_id: string;
  state: string;
  graph_ids: string[];
  review_id: string | null;
}

const read = async <Body = Row[]>(path: string): Promise<Body> => {
  const response = await open.ask(path);
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as Body;
};
const post = (path: string, body: unknown = {}, headers = {}) => open.ask(path, { method: "POST", body, headers });
const failing = (place: string) => {
  knobs.onVisit = (visited) => {
    if (visited === place) throw new Error("no luck");
  };
};

describe("GET /queue", () => {
  test("says by graph what is ready, behind, early and running, of which priority, and that nobody can run it", async () => {
    const first = await open.house.start("steps", { input: {} });
    await open.house.start("steps", { input: {} }, { thread_id: first.thread_id, priority: 90 });
    await open.house.start("steps", { input: {} }, { after_seconds: 3_600 });
    const held = await open.house.start("drifting", { input: {} });
    await open.house.database.pool.query(
      "update holdpoint.run set status = 'running', place = null where run_id = $1",
      [held.run_id],
    );
    await open.house.pass(120);
    const queue = await read<{ oldest_wait_seconds: number; graphs: unknown }>("/queue");
    expect(queue).toMatchObject({ pending: 3, ready: 1, behind: 1, later: 1, running: 1, is_cut: false });
    expect(queue.oldest_wait_seconds).toBeGreaterThanOrEqual(120);
    expect(queue.graphs).toMatchObject([
      {
        graph_id: "steps",
        limit: 3,
        loaded_by: 0,
        priorities: [
          { priority: 90, pending: 1 },
          { priority: 50, pending: 2 },
        ],
      },
      { graph_id: "drifting", pending: 0, running: 1, limit: null, oldest_wait_seconds: null },
    ]);
    await open.house.database.pool.query("update holdpoint.run set status = 'success', place = null");
  });
});

describe("GET /workers", () => {
  test("tells who lives, what it has loaded, who said good-bye and who was lost", async () => {
    const live = open.house.newWorker({ slots: 3, leaseMs: 60_000 });
    const stopping = open.house.newWorker();
    live.start();
    stopping.start();
    const states = async () => new Map((await read("/workers")).map((worker) => [worker.worker_id, worker]));
    await until("both have said what they can run", async () => {
      const workers = await states();
      return [live, stopping].every(({ worker_id }) => (workers.get(worker_id)?.graph_ids.length ?? 0) > 3);
    });
    await stopping.stop();
    const workers = await states();
    expect(workers.get(live.worker_id)).toMatchObject({ state: "live", slots: 3, running: 0, process_id: process.pid });
    expect(workers.get(live.worker_id)?.graph_ids).toContain("steps");
    expect(workers.get(stopping.worker_id)).toMatchObject({ state: "stopped" });
    await live.stop();
    const gone = { worker_id: live.worker_id };
    await open.house.database.pool.query(
      `update holdpoint.worker set stopped_at = null, lease_ms = 5000, heartbeat_at = holdpoint.now() - interval '6 seconds'
       where worker_id = $1`,
      [gone.worker_id],
    );
    expect((await states()).get(gone.worker_id)).toMatchObject({ state: "lost" });
    await open.house.database.pool.query(
      "update holdpoint.worker set heartbeat_at = holdpoint.now() - interval '2 days' where worker_id = $1",
      [gone.worker_id],
    );
    expect((await states()).has(gone.worker_id)).toBe(false);
    expect((await read("/workers?seen_hours=72")).length).toBeGreaterThan((await read("/workers")).length);
  });
});

describe("GET /runs", () => {
  test("finds runs of all threads by graph, status, age and the beginning of their id", async () => {
    const old = await open.house.start("steps", { input: {} });
    await open.house.settle();
    await open.house.pass(7_200);
    failing("steps.b");
    const failed = await open.house.start("steps", { input: {} });
    await open.house.settle();
    const asking = await open.house.start("work-on-answer", { input: {} });
    await open.house.settle();
    const ids = async (query: string) => (await read(`/runs?limit=1000&${query}`)).map(({ run_id }) => run_id);
    expect((await ids("")).slice(0, 3)).toEqual([asking.run_id, failed.run_id, old.run_id]);
    expect(await ids("graph_id=work-on-answer")).toEqual([asking.run_id]);
    expect(await ids("status=error")).toEqual([failed.run_id]);
    expect(await ids("since=1h")).toEqual([asking.run_id, failed.run_id]);
    expect(await ids(`since=1h&thread_id=${old.thread_id}`)).toEqual([]);
    expect(await ids(`thread_id=${old.thread_id}`)).toEqual([old.run_id]);
    for (const length of [8, 9, 13, 24, 36]) {
      expect(await ids(`id_prefix=${failed.run_id.slice(0, length)}`)).toEqual([failed.run_id]);
    }
    expect(await ids("id_prefix=ffffffff-ffff-ffff-ffff-ffffffffffff")).toEqual([]);
    const [row] = await read("/runs?status=error");
    expect(row).toMatchObject({
      graph_id: "steps",
      attempt: 1,
      error: { error: "Error", message: "no luck" },
      review_id: null,
    });
    expect(row).not.toHaveProperty("kwargs");
    expect((await read("/runs?graph_id=work-on-answer"))[0]?.review_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each(["since=yesterday", "id_prefix=12", "id_prefix=zzzz", "limit=0", "status=waiting", "thread_id=1"])(
    "refuses %s",
    async (query) => {
      expect((await open.ask(`/runs?${query}`)).status).toBe(422);
    },
  );
});

describe("POST /runs/:run_id/retry", () => {
  test("says what it would do, does it once for a key, and then refuses", async () => {
    failing("steps.b");
    const failed = await open.house.start("steps", { input: {} });
    await open.house.settle();
    const path = `/runs/${failed.run_id}/retry`;
    expect(await read(path)).toMatchObject({ status: "error", from: "checkpoint", error: { message: "no luck" } });
    resetKnobs();
    const keyed = { "idempotency-key": "again" };
    const answers = await Promise.all([post(path, {}, keyed), post(path, {}, keyed)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const [first, second] = (await Promise.all(answers.map((answer) => answer.json()))) as Row[];
    expect(second?.run_id).toBe(first?.run_id);
    expect((await post(path)).headers.get("x-holdpoint-error")).toBe("thread_busy");
    await open.house.settle();
    expect(visitsOf("steps.a")).toBe(0);
    expect((await post(path)).headers.get("x-holdpoint-error")).toBe("superseded");
    expect((await post(`/runs/${first?.run_id}/retry`)).headers.get("x-holdpoint-error")).toBe("not_failed");
    expect((await post(`/runs/${crypto.randomUUID()}/retry`)).status).toBe(404);
  });

  test("needs the right to start runs", async () => {
    const headers = { "x-api-key": await open.key("reader", ["runs:read"]) };
    expect((await post(`/runs/${crypto.randomUUID()}/retry`, {}, headers)).status).toBe(403);
  });
});

describe("GET /usage", () => {
  interface Usage {
    total: { calls: number; cost: number | null };
    groups: { key: string; graph_id: string | null; calls: number; cost: number | null; input_tokens: number }[];
    is_cut: boolean;
  }
  const runs = [crypto.randomUUID(), crypto.randomUUID()];
  beforeAll(async () => {
    await open.house.database.pool.query(
      `insert into holdpoint.usage (tenant_id, at, graph_id, thread_id, run_id, origin_run_id, node, kind, name, input_tokens,
        output_tokens, cached_tokens, cost)
      select case n when 7 then 'other' else 'default' end, holdpoint.now() - make_interval(days => n), 'graph ' || n % 2,
        't' || n, gen_random_uuid(), ($1::uuid[])[1 + n % 2], case n when 3 then null else 'node' end,
        case n when 2 then 'tool' else 'model' end, 'name ' || n % 3, 10, 5, 1, case n when 1 then null else n end
      from generate_series(0, 7) n`,
      [runs],
    );
  });

  test("sums what one tenant has spent, by whatever it is asked for", async () => {
    const all = await read<Usage>("/usage?since=90d");
    expect(all.total).toEqual({
      calls: 7,
      input_tokens: 70,
      output_tokens: 35,
      cached_tokens: 7,
      cost: 20,
      unpriced: 1,
    });
    expect(all.groups).toMatchObject([
      { key: "graph 0", graph_id: "graph 0", calls: 4, cost: 12 },
      { key: "graph 1", graph_id: "graph 1", calls: 3, cost: 8, unpriced: 1 },
    ]);
    const keys = async (query: string) => (await read<Usage>(`/usage?${query}`)).groups.map(({ key }) => key);
    expect(await keys("group_by=run&since=90d")).toEqual([runs[0], runs[1]]);
    expect(await keys("group_by=model&since=90d")).toEqual(["name 0", "name 2", "name 1"]);
    expect(await keys("group_by=node&since=90d")).toEqual(["node", "node", ""]);
    const days = await keys("group_by=day&since=90d");
    expect(days).toEqual(days.toSorted().toReversed());
    expect(days).toHaveLength(7);
  });

  test.each([
    ["since=36h", 2],
    ["since=90d&until=36h", 5],
    ["since=90d&graph_id=graph%201", 3],
    ["since=90d&thread_id=t3", 1],
    ["since=90d&node=node", 6],
    ["since=90d&kind=tool", 1],
    ["since=90d&name=name%201", 2],
    [`since=90d&run_id=${runs[0]}`, 4],
    ["since=90d&graph_id=nobody", 0],
    ["since=1h&until=90d", 0],
    ["", 7],
  ])("?%s is of %i calls", async (query, calls) => {
    expect((await read<Usage>(`/usage?${query}`)).total.calls).toBe(calls);
  });

  test("of many groups it gives the first, and the sum of all", async () => {
    expect(await read<Usage>("/usage?group_by=day&since=90d&limit=3")).toMatchObject({
      total: { calls: 7 },
      groups: [{ calls: 1 }, { calls: 1 }, { calls: 1 }],
      is_cut: true,
    });
    expect(await read<Usage>("/usage?group_by=day&since=90d&limit=7")).toMatchObject({ is_cut: false });
  });

  test.each(["group_by=person", "since=soon", "until=", "run_id=1", "kind=human", "limit=0", "limit=1001", "name=%00"])(
    "?%s is refused",
    async (query) => {
      expect((await open.ask(`/usage?${query}`)).status).toBe(422);
    },
  );
});
