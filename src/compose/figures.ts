import type { Database } from "../postgres/database.ts";
import { type FigureRow, figures } from "../postgres/operations.sql.ts";
import type { Log } from "../telemetry/log.ts";
import type { Sample } from "../telemetry/metrics.ts";

// What a label may say is bounded: a time series stays for ever with whoever scrapes it.
const GRAPHS_AT_MOST = 50;
const GIVEN_GRAPH = ["queue_depth", "runs_running"] as const;
const GIVEN_STATE = ["live", "lost"];
const GIVEN_REVIEW = ["open", "info_requested", "decided", "resuming", "resume_failed", "stale"];

/** The figures of one scrape. A database that does not answer is told as such; what the process knows is told all the same. */
export async function readFigures(database: Database, graph_ids: Iterable<string>, log: Log): Promise<Sample[]> {
  const { pool } = database;
  const ofProcess: Sample[] = [
    { name: "holdpoint_database_connections", labels: { state: "used" }, value: pool.totalCount - pool.idleCount },
    { name: "holdpoint_database_connections", labels: { state: "idle" }, value: pool.idleCount },
    { name: "holdpoint_database_connections_max", value: pool.options.max },
    { name: "holdpoint_database_waiting", value: pool.waitingCount },
  ];
  try {
    const rows = await database.many(figures());
    return [...ofProcess, { name: "holdpoint_database_up", value: 1 }, ...samplesOf(rows, [...graph_ids])];
  } catch (error) {
    log.warn({ err: error }, "the database gave no figures for /metrics");
    return [...ofProcess, { name: "holdpoint_database_up", value: 0 }];
  }
}

function samplesOf(rows: readonly FigureRow[], graph_ids: readonly string[]): Sample[] {
  const single = rows
    .filter(({ label }) => label === null)
    .map(({ name, value }) => ({ name: `holdpoint_${name}` as Sample["name"], value }));
  return [
    ...single,
    ...GIVEN_GRAPH.flatMap((name) => byLabel(rows, name, "graph", graph_ids)),
    ...byLabel(rows, "reviews", "status", GIVEN_REVIEW),
    ...byLabel(rows, "workers", "state", GIVEN_STATE),
  ];
}

/** One sample a label. The labels that are `given` are told also where there is nothing: a series that comes and goes alarms nobody. */
function byLabel(rows: readonly FigureRow[], name: string, label: string, given: readonly string[]): Sample[] {
  const values = new Map(given.slice(0, GRAPHS_AT_MOST).map((one) => [one, 0]));
  const own = rows.filter((row) => row.name === name).sort((a, b) => b.value - a.value);
  for (const { label: one, value } of own) {
    const shown = values.has(one ?? "") || values.size < GRAPHS_AT_MOST ? (one ?? "") : "other";
    values.set(shown, (values.get(shown) ?? 0) + value);
  }
  return [...values].map(([one, value]) => ({
    name: `holdpoint_${name}` as Sample["name"],
    labels: { [label]: one },
    value,
  }));
}
