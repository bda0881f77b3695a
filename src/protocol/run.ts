import { z } from "zod";
import { metadataSchema, uuidSchema } from "./json.ts";
import type { Permission, ProjectUser } from "./principal.ts";
import type { Superstep } from "./thread.ts";

/** pending → running → one of the ends. A run that pauses for a person ends `success`; see run-lifecycle.ts. */
export const RUN_STATUSES = ["pending", "running", "success", "error", "timeout", "interrupted"] as const;

/** Where a run stands. */
export type RunStatus = (typeof RUN_STATUSES)[number];

/** Everything that writes a checkpoint is a run of one of these kinds. */
export type RunKind = "run" | "resume" | "state_update" | "copy";

/** Modes of the v1 stream that are served. */
export const STREAM_MODES = [
  "values",
  "updates",
  "messages",
  "messages-tuple",
  "custom",
  "tasks",
  "checkpoints",
  "debug",
  "events",
  "tools",
] as const;

/** One mode of the v1 stream. */
export type StreamMode = (typeof STREAM_MODES)[number];

const configSchema = z.object({
  tags: z.array(z.string()).optional(),
  recursion_limit: z.number().int().min(1).max(10_000).optional(),
  configurable: z.record(z.string(), z.unknown()).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
});

const checkpointSchema = z.object({
  thread_id: z.string().nullish(),
  checkpoint_ns: z.string().nullish(),
  checkpoint_id: uuidSchema.nullish(),
  checkpoint_map: z.record(z.string(), z.unknown()).nullish(),
});

const gotoSchema = z.union([z.string(), z.object({ node: z.string(), input: z.unknown() })]);

/** `command` of a run: a resume, an update, a jump. */
export const commandSchema = z.object({
  resume: z.unknown().optional(),
  update: z.union([z.record(z.string(), z.unknown()), z.array(z.tuple([z.string(), z.unknown()]))]).nullish(),
  goto: z.union([gotoSchema, z.array(gotoSchema)]).nullish(),
});

/** The priority of a run that names none. */
export const DEFAULT_PRIORITY = 50;

/** Higher runs start first. */
export const prioritySchema = z.number().int().min(0).max(100);

/** How long a run may execute, in seconds. */
export const timeoutSchema = z
  .number()
  .min(0.001)
  .max(366 * 86_400);

const interruptAt = z.union([z.literal("*"), z.array(z.string())]).nullish();

/** The body of POST /threads/:id/runs and its /wait and /stream twins. Unknown keys are ignored, as the clients expect. */
export const runCreateSchema = z
  .object({
    assistant_id: z.string().min(1).max(500).describe("An assistant, by its UUID or by the name of its graph."),
    input: z.unknown().optional().describe("What the graph is given; null goes on where the thread stands."),
    command: commandSchema
      .nullish()
      .describe("An answer to what the thread asks, an update of its state, or where to go on."),
    config: configSchema.nullish().describe("Over what the assistant and the thread say."),
    context: z.unknown().optional().describe("What the graph reads beside its state."),
    metadata: metadataSchema.nullish().describe("Kept with the run, and with its checkpoints."),
    checkpoint: checkpointSchema.nullish().describe("Where to start from; the newest unless given."),
    checkpoint_id: uuidSchema.nullish(),
    interrupt_before: interruptAt.describe("Nodes to pause before, for a person."),
    interrupt_after: interruptAt.describe("Nodes to pause after."),
    stream_mode: z
      .union([z.enum(STREAM_MODES), z.array(z.enum(STREAM_MODES))])
      .nullish()
      .describe("What is stored for those who follow it."),
    stream_subgraphs: z.boolean().nullish().describe("Whether what subgraphs do is shown too."),
    stream_resumable: z.boolean().nullish().describe("Every stream can be resumed here."),
    on_disconnect: z
      .enum(["cancel", "continue"])
      .nullish()
      .describe("What becomes of the run when its follower hangs up."),
    on_completion: z
      .enum(["delete", "keep", "complete", "continue"])
      .nullish()
      .describe(
        "Of a run without a thread: whether that stays. The client for JavaScript has words of its own for the two.",
      ),
    checkpoint_during: z.boolean().nullish().describe("An older word for durability."),
    multitask_strategy: z
      .enum(["reject", "enqueue", "interrupt", "rollback"])
      .nullish()
      .describe("What becomes of it while another run of the thread is open; enqueue unless given."),
    if_not_exists: z.enum(["create", "reject"]).nullish().describe("Whether the thread is made where there is none."),
    after_seconds: z
      .number()
      .min(0)
      .max(366 * 86_400)
      .nullish()
      .describe("How long it waits before it may start."),
    durability: z.enum(["sync", "async", "exit"]).nullish().describe("When checkpoints are stored."),
    webhook: z.string().nullish().describe("Who is told of its end."),
    priority: prioritySchema.nullish().describe("Not of LangGraph: runs with a higher one start first."),
    bypass_reason: z
      .string()
      .nullish()
      .describe("Not of LangGraph: why it goes past the reviews of a guarded graph, for who may."),
    timeout: timeoutSchema.nullish().describe("Not of LangGraph: how many seconds it may execute."),
  })
  .meta({ id: "RunCreate" });

/** A validated request for a run. */
export type RunCreate = z.infer<typeof runCreateSchema>;

/** The part of a request that the executor needs, kept with the run as `kwargs`. */
export interface RunKwargs {
  input?: unknown;
  command?: { resume?: unknown; update?: unknown; goto?: unknown } | null;
  config?: RunCreate["config"];
  context?: unknown;
  checkpoint?: { checkpoint_id?: string | null; checkpoint_ns?: string | null } | null;
  interrupt_before?: "*" | string[] | null;
  interrupt_after?: "*" | string[] | null;
  stream_mode?: StreamMode[];
  stream_subgraphs?: boolean;
  durability?: "sync" | "async" | "exit" | null;
  /** Who is told of the run's end. */
  webhook?: string | null;
  /** How many seconds the run may execute, whatever attempts that takes; waiting in the queue or for a person is not executing. */
  timeout?: number;
  /** For kind `state_update`. */
  update?: { values: unknown; as_node?: string | null; checkpoint_id?: string | null; checkpoint_ns?: string | null };
  /** For kind `state_update` of a new thread: its checkpoints, one after the other. */
  supersteps?: readonly Superstep[];
  /**
   * Of whose answer the run lets go, to ask again: it goes back to the checkpoint that asked, unless it is null because an
   * earlier run has done so. What stands at a breakpoint asks by standing there.
   */
  reask?: { group_id: string; checkpoint_id: string | null; at_breakpoint: boolean };
  /** For kind `copy`: the new thread. */
  copy_to?: string;
  /** Who started it, where the Auth of the project says who: told to the graph and to nobody else. */
  user?: ProjectUser;
  /** What who started it had shown, so that it is known while the run executes what they may still do. Never leaves the server. */
  started_with?: StartedWith;
  /** Headers of the request that started it, as far as graphs are told of them. */
  headers?: Record<string, string>;
}

/** A principal by its name and its key, its session with what that allowed, or, with neither, for being on this machine. */
export interface StartedWith {
  principal_id: string;
  api_key_id?: string;
  session_sha256?: string;
  permissions?: Permission[];
}

/** A run, as the clients see it. */
export interface Run {
  run_id: string;
  thread_id: string;
  assistant_id: string;
  created_at: string;
  updated_at: string;
  status: RunStatus;
  metadata: Record<string, unknown>;
  kwargs: Record<string, unknown>;
  multitask_strategy: string;
  /** Why it was cancelled, or is to be; null where nobody has asked for that. */
  cancel_reason: string | null;
}

/** The members of a run, which a list may be asked for one by one. */
export const RUN_MEMBERS = [
  "run_id",
  "thread_id",
  "assistant_id",
  "created_at",
  "updated_at",
  "status",
  "metadata",
  "kwargs",
  "multitask_strategy",
  "cancel_reason",
] as const satisfies readonly (keyof Run)[];
