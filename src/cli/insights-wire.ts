// What the commands need of insights.
import { z } from "zod";

const timeWire = z.looseObject({
  total_ms: z.number(),
  queue_ms: z.number(),
  person_ms: z.number(),
  recovery_ms: z.number(),
  model_ms: z.number(),
  tool_ms: z.number(),
  work_ms: z.number(),
  engine_ms: z.number(),
});

const stepWire = z.looseObject({
  node: z.string(),
  status: z.string(),
  duration_ms: z.number(),
  tasks: z.number(),
});

const counts = z.record(z.string(), z.number());

const runNodeWire = z.looseObject({
  node: z.string(),
  tasks: z.number(),
  executions: z.number(),
  tries: z.number(),
  duration_ms: z.number(),
  longest_ms: z.number(),
  model_ms: z.number(),
  tool_ms: z.number(),
  path_share: z.number(),
  statuses: counts,
  errors: counts,
  cached: z.number(),
  write_bytes: z.number(),
  input_tokens: z.number(),
  output_tokens: z.number(),
  cost: z.number().nullable(),
});

/** GET /insights/runs/:run_id */
export const runInsightsWire = z.looseObject({
  run_id: z.string(),
  graph_id: z.string(),
  status: z.string(),
  time: timeWire,
  runs: z.array(z.looseObject({ run_id: z.string(), attempts: z.array(z.unknown()) })),
  questions: z.array(
    z.looseObject({
      id: z.string(),
      title: z.string(),
      status: z.string(),
      outcome: z.string().nullable(),
      opened_at: z.string(),
      answered_at: z.string().nullable(),
    }),
  ),
  nodes: z.array(runNodeWire),
  path: z.array(stepWire),
  is_cut: z.boolean(),
});

const halves = z.tuple([z.number(), z.number()]).nullable();

const graphNodeWire = z.looseObject({
  node: z.string(),
  executions: z.number(),
  failed: z.number(),
  cached: z.number(),
  duration_ms: halves,
  path_share: z.number(),
  errors: counts,
  per_run: z.looseObject({ input_tokens: z.number(), output_tokens: z.number(), cost: z.number().nullable() }),
});

/** GET /insights/graphs/:graph_id */
export const graphInsightsWire = z.looseObject({
  graph_id: z.string(),
  since: z.string(),
  runs: z.looseObject({
    total: z.number(),
    by_status: counts,
    error_rate: z.number().nullable(),
    total_ms: halves,
    queue_ms: halves,
    person_ms: halves,
    asked: z.number(),
  }),
  nodes: z.array(graphNodeWire),
  read: z.looseObject({
    runs: z.number(),
    executions: z.number(),
    path_runs: z.number(),
    oldest: z.string().nullable(),
    is_cut: z.boolean(),
  }),
});

/** Where the time of a run went. */
export type RunInsightsView = z.infer<typeof runInsightsWire>;

/** What the runs of a graph came to. */
export type GraphInsightsView = z.infer<typeof graphInsightsWire>;
