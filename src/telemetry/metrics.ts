import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { METRICS, type MetricName } from "./metric-table.ts";

/** Counters of this process and, at scrape time, figures of the process and of the database. */
export interface Metrics {
  runs_started: Counter;
  runs_ended: Counter<"status">;
  leases_lost: Counter;
  events_stored: Counter;
  swept: Counter<"sweep">;
  breaker_changes: Counter<"state">;
  limit_refusals: Counter;
  cache_requests: Counter<"result">;
  budget_stops: Counter<"scope">;
  decisions: Counter<"result">;
  review_steps: Counter<"step">;
  reviews_timed_out: Counter<"action">;
  request_seconds: Histogram<"method" | "route" | "status">;
  node_seconds: Histogram<"graph" | "status">;
  commit_writes: Histogram;
  /** Prometheus text. */
  render(): Promise<string>;
}

/** A figure that is read at scrape time. */
export interface Sample {
  name: MetricName<"gauge">;
  value: number;
  labels?: Readonly<Record<string, string>>;
}

/** Makes the metrics of one process; `read` is asked at every scrape and gives all figures there are then. */
export function createMetrics(read: () => Promise<readonly Sample[]>): Metrics {
  const registry = new Registry();
  const gauges = gaugesIn(registry);
  return {
    runs_started: new Counter(described("holdpoint_runs_started_total", registry)),
    runs_ended: new Counter(described("holdpoint_runs_ended_total", registry)),
    leases_lost: new Counter(described("holdpoint_leases_lost_total", registry)),
    events_stored: new Counter(described("holdpoint_events_stored_total", registry)),
    swept: new Counter(described("holdpoint_swept_total", registry)),
    breaker_changes: new Counter(described("holdpoint_breaker_changes_total", registry)),
    limit_refusals: new Counter(described("holdpoint_limit_refusals_total", registry)),
    cache_requests: new Counter(described("holdpoint_cache_requests_total", registry)),
    budget_stops: new Counter(described("holdpoint_budget_stops_total", registry)),
    decisions: new Counter(described("holdpoint_decisions_total", registry)),
    review_steps: new Counter(described("holdpoint_review_steps_total", registry)),
    reviews_timed_out: new Counter(described("holdpoint_reviews_timed_out_total", registry)),
    request_seconds: new Histogram({
      ...described("holdpoint_request_duration_seconds", registry),
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
    }),
    node_seconds: new Histogram({
      ...described("holdpoint_node_duration_seconds", registry),
      buckets: [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 120, 600],
    }),
    commit_writes: new Histogram({
      ...described("holdpoint_commit_writes", registry),
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    }),
    async render() {
      const samples = await read();
      // What is not there any more must not be told again.
      for (const gauge of gauges.values()) {
        gauge.reset();
        // A reset gauge without labels says 0.
        gauge.remove({});
      }
      for (const { name, labels = {}, value } of samples) gauges.get(name)?.set(labels, value);
      return await registry.metrics();
    },
  };
}

function gaugesIn(registry: Registry): Map<string, Gauge> {
  const names = Object.keys(METRICS) as MetricName[];
  const isGauge = (name: MetricName) => METRICS[name].type === "gauge";
  return new Map(names.filter(isGauge).map((name) => [name, new Gauge(described(name, registry))]));
}

function described<Name extends MetricName>(name: Name, registry: Registry) {
  const { help, labels } = METRICS[name];
  return { name, help, labelNames: [...labels] as (typeof METRICS)[Name]["labels"][number][], registers: [registry] };
}
