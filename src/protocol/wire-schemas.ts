import { z } from "zod";
import type { Assistant, AssistantVersion, GraphDrawing, GraphSchemas, SubgraphSchemas } from "./assistant.ts";
import { type Cron, cronPayloadSchema } from "./cron.ts";
import { RUN_STATUSES, type Run } from "./run.ts";
import { THREAD_STATUSES, type Thread } from "./thread.ts";

// What is answered. These describe: nothing that leaves is parsed by them.

const moment = z.iso.datetime({ offset: true });
const id = z.uuid();
const anything = z.unknown();
const object = z.record(z.string(), z.unknown());

/** An assistant, as it is answered. */
export const assistantWire = z
  .object({
    assistant_id: id,
    graph_id: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    config: object,
    context: object,
    metadata: object,
    version: z.int().min(1),
    created_at: moment,
    updated_at: moment,
  })
  .meta({ id: "Assistant" }) satisfies z.ZodType<Assistant>;

/** Of an assistant what was asked for. */
export const assistantPartWire = assistantWire.partial().meta({ id: "AssistantPart" });

/** An assistant at one of its versions, as it is answered. */
export const assistantVersionWire = assistantWire
  .omit({ updated_at: true })
  .meta({ id: "AssistantVersion" }) satisfies z.ZodType<AssistantVersion>;

const schema = object.nullable();

/** JSON Schemas of a graph, as they are answered. */
export const graphSchemasWire = z
  .object({
    graph_id: z.string(),
    input_schema: schema,
    output_schema: schema,
    state_schema: schema,
    config_schema: schema,
    context_schema: schema,
  })
  .meta({ id: "GraphSchemas" }) satisfies z.ZodType<GraphSchemas>;

/** JSON Schemas of a graph's subgraphs by their path, as they are answered. */
export const subgraphsWire = z.record(
  z.string(),
  z
    .object({ state: schema, input: schema, output: schema, config: schema })
    .meta({ id: "SubgraphSchemas" }) satisfies z.ZodType<SubgraphSchemas>,
);

/** A graph's drawing, as it is answered. */
export const graphDrawingWire = z
  .object({
    nodes: z.array(
      z.object({ id: z.string(), type: z.string(), data: anything.optional(), metadata: anything.optional() }),
    ),
    edges: z.array(
      z.object({
        source: z.string(),
        target: z.string(),
        data: z.string().optional(),
        conditional: z.boolean(),
      }),
    ),
  })
  .meta({ id: "GraphDrawing" }) satisfies z.ZodType<GraphDrawing>;

const interruptWire = z
  .object({ id: z.string().optional(), value: anything.optional(), response_schema: object.optional() })
  .meta({ id: "Interrupt", description: "A question that a node has asked." });

/** A thread, as it is answered. */
export const threadWire = z
  .object({
    thread_id: id,
    created_at: moment,
    updated_at: moment,
    state_updated_at: moment,
    metadata: object,
    status: z.enum(THREAD_STATUSES),
    config: object,
    values: anything,
    interrupts: z.record(z.string(), z.array(interruptWire)).describe("By the id of the task that asks."),
    error: anything,
  })
  .meta({ id: "Thread" }) satisfies z.ZodType<Thread>;

/** Of a thread what was asked for. */
export const threadPartWire = threadWire.partial().extend({ extracted: object.optional() }).meta({ id: "ThreadPart" });

const checkpointWire = z
  .object({
    thread_id: id,
    checkpoint_id: z.string().nullish(),
    checkpoint_ns: z.string(),
    checkpoint_map: z.record(z.string(), z.string()).nullish(),
  })
  .meta({ id: "Checkpoint" });

/** A thread's state, as it is answered: with the members that were asked for, all unless some were. */
export const threadStateWire = z
  .object({
    values: anything,
    next: z.array(z.string()).describe("The nodes that come next; none: the graph has ended."),
    tasks: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        path: anything,
        error: anything.optional(),
        interrupts: z.array(interruptWire),
        checkpoint: checkpointWire.nullish(),
        state: object.nullish().describe("A ThreadState of a subgraph, where it was asked for."),
        result: anything.optional(),
      }),
    ),
    metadata: object,
    created_at: moment.nullable(),
    checkpoint: checkpointWire,
    parent_checkpoint: checkpointWire.nullable(),
    interrupts: z.array(interruptWire),
  })
  .partial()
  .meta({ id: "ThreadState" });

/** A run, as it is answered. */
export const runWire = z
  .object({
    run_id: id,
    thread_id: id,
    assistant_id: id,
    created_at: moment,
    updated_at: moment,
    status: z.enum(RUN_STATUSES),
    metadata: object,
    kwargs: object,
    multitask_strategy: z.string(),
    cancel_reason: z.string().nullable().describe('Begins with "taken:" where another run has taken over its input.'),
  })
  .meta({ id: "Run" }) satisfies z.ZodType<Run>;

/** Of a run what was asked for. */
export const runPartWire = runWire.partial().meta({ id: "RunPart" });

/** A cron, as it is answered. */
export const cronWire = z
  .object({
    cron_id: id,
    assistant_id: id,
    thread_id: id.nullable(),
    on_run_completed: z.enum(["delete", "keep"]),
    schedule: z.string(),
    timezone: z.string(),
    end_time: moment.nullable(),
    enabled: z.boolean(),
    payload: cronPayloadSchema,
    metadata: object,
    user_id: z.string(),
    next_run_date: moment.nullable(),
    last_run_date: moment.nullable(),
    last_run_id: id.nullable(),
    last_error: z.string().nullable(),
    created_at: moment,
    updated_at: moment,
  })
  .meta({ id: "Cron" }) satisfies z.ZodType<Cron>;

/** Of a cron what was asked for. */
export const cronPartWire = cronWire.partial().meta({ id: "CronPart" });

/** An item of the store, as it is answered. */
export const itemWire = z
  .object({
    namespace: z.array(z.string()),
    key: z.string(),
    value: object,
    created_at: moment,
    updated_at: moment,
  })
  .meta({ id: "Item" });

/** An item that a search has found. */
export const foundItemWire = itemWire.extend({ score: z.number().optional() }).meta({ id: "FoundItem" });
