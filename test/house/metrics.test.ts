import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readFigures } from "../../src/compose/figures.ts";
import { openDatabase } from "../../src/postgres/database.ts";
import { openLog } from "../../src/telemetry/log.ts";
import { METRICS } from "../../src/telemetry/metric-table.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let house: RefundHouse;
let server: Server;
beforeAll(async () => {
  house = await openRefundHouse();
  server = await startServer({ databaseUrl: house.url, workflows: "test/fixtures/cli", shared: true });
});
afterAll(async () => {
  await server?.stop();
  await house?.close();
});

const scrape = async () => await (await fetch(`${server.url}/metrics`)).text();
const post = async (path: string, body: unknown) => {
  const response = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await response.json()) as { thread_id: string };
};
const run = async (assistant_id: string) => {
  const { thread_id } = await post("/threads", {});
  await post(`/threads/${thread_id}/runs/wait`, { assistant_id, input: {} });
};
/** The samples of a metric: its labels, and its value. */
const samples = (text: string, name: string) =>
  text
    .split("\n")
    .map((line) => /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line))
    .flatMap((match) => (match?.[1] === name ? [[match[2] ?? "", Number(match[3])] as const] : []));

test("/metrics gives what the README lists, and nothing else", async () => {
  const text = await scrape();
  const said = [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(([, name, help, type]) => ({
    name,
    help,
    type,
  }));
  const rows = readFileSync("README.md", "utf8")
    .split("\n")
    .map((line) => /^\| `(holdpoint_\w+)` \| (\w+) \| ([^|]*) \| (.*) \|$/.exec(line))
    .flatMap((match) => (match === null ? [] : [match.slice(1)]));
  const labelsOf = (name: string) => METRICS[name as keyof typeof METRICS].labels.map((label) => `\`${label}\``);
  expect(rows).toEqual(
    Object.entries(METRICS).map(([name, { type, help }]) => [name, type, labelsOf(name).join(", "), help]),
  );
  const byName = (a: { name?: string | undefined }, b: typeof a) => String(a.name).localeCompare(String(b.name));
  expect(said.sort(byName)).toEqual(
    Object.entries(METRICS)
      .map(([name, { type, help }]) => ({ name, help, type }))
      .sort(byName),
  );
});

test("names and units are as Prometheus has them", () => {
  for (const [name, { type }] of Object.entries(METRICS)) {
    expect(name).toMatch(/^holdpoint_[a-z]+(_[a-z]+)*$/);
    expect(name.endsWith("_total"), name).toBe(type === "counter");
    expect(name, "seconds, not a smaller unit").not.toMatch(/_(ms|millis\w*|minutes|hours)(_|$)/);
  }
});

test("a database that does not answer is told as such, beside what the process knows", async () => {
  const database = openDatabase({ url: "postgresql://nobody@127.0.0.1:1/none_test", max: 3 });
  const metrics = createMetrics(() => readFigures(database, ["steps"], openLog({ level: "silent", pretty: false })));
  metrics.runs_started.inc();
  const text = await metrics.render();
  expect(samples(text, "holdpoint_database_up")).toEqual([["", 0]]);
  expect(samples(text, "holdpoint_database_connections_max")).toEqual([["", 3]]);
  expect(samples(text, "holdpoint_runs_started_total")).toEqual([["", 1]]);
  // Not 0: nobody knows.
  expect(samples(text, "holdpoint_queue_oldest_wait_seconds")).toEqual([]);
  await database.close();
});

test("what runs do is counted, by labels that are bounded", async () => {
  await run("cli-failing");
  await run("cli-question");
  const text = await until("it is counted", async () => {
    const now = await scrape();
    return samples(now, "holdpoint_runs_ended_total").reduce((sum, [, value]) => sum + value, 0) === 2 && now;
  });
  const of = (name: string) => Object.fromEntries(samples(text, name));
  expect(of("holdpoint_runs_ended_total")).toEqual({ 'status="failed"': 1, 'status="paused"': 1 });
  expect(of("holdpoint_runs_started_total")[""]).toBe(2);
  expect(of("holdpoint_node_duration_seconds_count")).toEqual({
    'graph="cli-failing",status="error"': 1,
    'graph="cli-question",status="interrupted"': 1,
  });
  expect(of("holdpoint_reviews")).toMatchObject({ 'status="open"': 1, 'status="stale"': 0 });
  expect(of("holdpoint_queue_depth")).toMatchObject({ 'graph="cli-failing"': 0 });
  expect(of("holdpoint_workers")).toEqual({ 'state="live"': 1, 'state="lost"': 0 });
  expect(of("holdpoint_database_up")[""]).toBe(1);
  expect(of("holdpoint_database_connections")['state="idle"']).toBeGreaterThanOrEqual(1);
  expect(of("holdpoint_commit_writes_count")[""]).toBeGreaterThan(2);
  expect(of("holdpoint_events_stored_total")[""]).toBeGreaterThan(0);
  const routes = samples(text, "holdpoint_request_duration_seconds_count").map(([labels]) => labels);
  expect(routes).toContain('method="POST",route="/threads/:thread_id/runs/wait",status="200"');
  expect(of("holdpoint_deliveries_dead")[""]).toBe(0);
  await house.pool.query(`insert into holdpoint.delivery (thread_id, run_id, url, run, status, next_at)
    values ('t', gen_random_uuid(), 'https://example.com', '{}', 'dead', null)`);
  expect(samples(await scrape(), "holdpoint_deliveries_dead")).toEqual([["", 1]]);
  await house.pool.query("update holdpoint.clock set shift = shift + interval '30 days'");
  expect(samples(await scrape(), "holdpoint_reviews_overdue")).toEqual([["", 1]]);
});
