import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Counters of this process and, at scrape time, figures of the database. */
export interface Metrics {
  runs_started: Counter;
  runs_ended: Counter<"status">;
  leases_lost: Counter;
  events_stored: Counter;
  decisions: Counter<"result">;
  request_seconds: Histogram<"method" | "route" | "status">;
  /** Prometheus text. */
  render(): Promise<string>;
}

/** What the database knows at scrape time. */
export interface DatabaseFigures {
  pending: number;
  running: number;
  oldest_wait_seconds: number;
  reviews: readonly { status: string; reviews: number }[];
}

/** Makes the metrics of one process; `read` is asked at every scrape. */
export function createMetrics(read: () => Promise<DatabaseFigures>): Metrics {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({ name: "holdpoint_runs_pending", help: "Runs in the queue", registers });
  new Gauge({ name: "holdpoint_runs_running", help: "Runs that a worker executes", registers });
  new Gauge({ name: "holdpoint_queue_oldest_wait_seconds", help: "How long the oldest due run has waited", registers });
  new Gauge({ name: "holdpoint_reviews", help: "Reviews by status", labelNames: ["status"], registers });
  return {
    runs_started: new Counter({
      name: "holdpoint_runs_started_total",
      help: "Runs this process has claimed",
      registers,
    }),
    runs_ended: new Counter({
      name: "holdpoint_runs_ended_total",
      help: "Runs this process has ended",
      labelNames: ["status"],
      registers,
    }),
    leases_lost: new Counter({ name: "holdpoint_leases_lost_total", help: "Leases found expired or lost", registers }),
    events_stored: new Counter({ name: "holdpoint_events_stored_total", help: "Stream events stored", registers }),
    decisions: new Counter({
      name: "holdpoint_decisions_total",
      help: "Decisions by result",
      labelNames: ["result"],
      registers,
    }),
    request_seconds: new Histogram({
      name: "holdpoint_request_seconds",
      help: "Time to answer a request",
      labelNames: ["method", "route", "status"],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
      registers,
    }),
    async render() {
      const figures = await read();
      gauge(registry, "holdpoint_runs_pending").set(figures.pending);
      gauge(registry, "holdpoint_runs_running").set(figures.running);
      gauge(registry, "holdpoint_queue_oldest_wait_seconds").set(figures.oldest_wait_seconds);
      const reviews = gauge(registry, "holdpoint_reviews");
      reviews.reset();
      for (const { status, reviews: count } of figures.reviews) reviews.set({ status }, count);
      return await registry.metrics();
    },
  };
}

function gauge(registry: Registry, name: string): Gauge {
  return registry.getSingleMetric(name) as Gauge;
}
