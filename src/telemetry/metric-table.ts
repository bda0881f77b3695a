interface Metric {
  type: "counter" | "gauge" | "histogram";
  labels: readonly string[];
  help: string;
}

/** Every metric. The README shows this table, and a test compares both with what /metrics gives. */
export const METRICS = {
  holdpoint_queue_depth: {
    type: "gauge",
    labels: ["graph"],
    help: "Runs that wait in the queue; of more than 50 graphs the smaller ones together are `other`",
  },
  holdpoint_queue_oldest_wait_seconds: {
    type: "gauge",
    labels: [],
    help: "How long the run that has waited longest has been due",
  },
  holdpoint_runs_running: { type: "gauge", labels: ["graph"], help: "Runs that a worker executes" },
  holdpoint_runs_started_total: { type: "counter", labels: [], help: "Runs this process has claimed" },
  holdpoint_runs_ended_total: { type: "counter", labels: ["status"], help: "Runs this process has ended" },
  holdpoint_leases_lost_total: { type: "counter", labels: [], help: "Leases found expired or lost" },
  holdpoint_node_duration_seconds: {
    type: "histogram",
    labels: ["graph", "status"],
    help: "Time a node took, in this process; success, error, interrupted or cancelled",
  },
  holdpoint_events_stored_total: { type: "counter", labels: [], help: "Stream events stored" },
  holdpoint_swept_total: {
    type: "counter",
    labels: ["sweep"],
    help: "Rows that were due and that this process has dealt with, by what they were due for",
  },
  holdpoint_breaker_changes_total: {
    type: "counter",
    labels: ["state"],
    help: "Breakers that this process has opened, closed or put to the test; open, closed or half_open",
  },
  holdpoint_limit_refusals_total: { type: "counter", labels: [], help: "Calls that a limit made wait, or wait again" },
  holdpoint_cache_requests_total: {
    type: "counter",
    labels: ["result"],
    help: "Cached answers asked for: from memory, from the database, a miss; kept: stored, or refused as too large or without time; failed",
  },
  holdpoint_budget_stops_total: {
    type: "counter",
    labels: ["scope"],
    help: "Times a used-up budget was met: of a run, a graph or a tenant",
  },
  holdpoint_reviews: { type: "gauge", labels: ["status"], help: "Reviews that are not over" },
  holdpoint_reviews_overdue: { type: "gauge", labels: [], help: "Reviews that wait for a person past their due time" },
  holdpoint_decisions_total: { type: "counter", labels: ["result"], help: "Decisions by result" },
  holdpoint_review_steps_total: {
    type: "counter",
    labels: ["step"],
    help: "Reviews that nobody had decided, reminded of or escalated by this process",
  },
  holdpoint_reviews_timed_out_total: {
    type: "counter",
    labels: ["action"],
    help: "Reviews whose time was over and that this process has ended; fail, reject or approve",
  },
  holdpoint_deliveries_pending: { type: "gauge", labels: [], help: "Webhooks that are not answered yet" },
  holdpoint_deliveries_oldest_due_seconds: {
    type: "gauge",
    labels: [],
    help: "How long the webhook that is due longest has been so",
  },
  holdpoint_deliveries_dead: {
    type: "gauge",
    labels: [],
    help: "Deliveries that were given up and not told again since; 10,000 at most",
  },
  holdpoint_workers: { type: "gauge", labels: ["state"], help: "Workers that are live, or lost within a day" },
  holdpoint_request_duration_seconds: {
    type: "histogram",
    labels: ["method", "route", "status"],
    help: "Time to answer a request",
  },
  holdpoint_commit_writes: { type: "histogram", labels: [], help: "Writes of runs that share one commit" },
  holdpoint_database_up: { type: "gauge", labels: [], help: "1 when the database gave its figures" },
  holdpoint_database_connections: {
    type: "gauge",
    labels: ["state"],
    help: "Connections of this process: used or idle",
  },
  holdpoint_database_connections_max: { type: "gauge", labels: [], help: "Connections this process may have" },
  holdpoint_database_waiting: { type: "gauge", labels: [], help: "Callers that wait for a connection" },
} as const satisfies Record<string, Metric>;

type Table = typeof METRICS;

/** The name of a metric, of one type where it is given. */
export type MetricName<Type extends Metric["type"] = Metric["type"]> = {
  [Name in keyof Table]: Table[Name]["type"] extends Type ? Name : never;
}[keyof Table];
