import { z } from "zod";
import { metadataSchema, uuidSchema } from "./json.ts";

/** `interrupted`: the thread waits for a person (or stands at a breakpoint). */
export const THREAD_STATUSES = ["idle", "busy", "interrupted", "error"] as const;

/** Where a thread stands. */
export type ThreadStatus = (typeof THREAD_STATUSES)[number];

// Ten years: longer than anybody means, and within what Postgres counts.
const MAX_TTL_MINUTES = 10 * 366 * 24 * 60;

/** How many minutes a thread stays when nothing happens on it, and what becomes of it then. */
export const threadTtlSchema = z.object({
  ttl: z.number().positive().max(MAX_TTL_MINUTES),
  strategy: z.enum(["delete", "keep_latest"]).default("delete"),
});

/** How long a thread stays. */
export type ThreadTtl = z.infer<typeof threadTtlSchema>;

const superstepSchema = z.object({
  updates: z
    .array(
      z.object({
        values: z.unknown().optional(),
        command: z
          .object({
            update: z.union([z.record(z.string(), z.unknown()), z.array(z.tuple([z.string(), z.unknown()]))]).nullish(),
            goto: z.union([z.string(), z.array(z.string())]).nullish(),
            resume: z.undefined({ error: "is a decision; a thread that is new asks nothing" }).optional(),
          })
          .nullish(),
        as_node: z.string().max(500).nullish(),
      }),
    )
    .min(1)
    .max(1_000),
});

/** The body of POST /threads. */
export const threadCreateSchema = z
  .object({
    thread_id: uuidSchema.nullish(),
    metadata: metadataSchema.nullish(),
    if_exists: z.enum(["raise", "do_nothing"]).nullish(),
    ttl: threadTtlSchema.nullish(),
    supersteps: z.array(superstepSchema).max(1_000).nullish(),
  })
  .meta({ id: "ThreadCreate" });

/** What a thread is to begin with: each superstep is a checkpoint. */
export type Superstep = z.infer<typeof superstepSchema>;

/** The body of POST /threads/:id/state. */
export const stateUpdateSchema = z.object({
  values: z.unknown().optional(),
  as_node: z.string().max(500).nullish(),
  checkpoint: z.object({ checkpoint_id: uuidSchema.nullish(), checkpoint_ns: z.string().nullish() }).nullish(),
  checkpoint_id: uuidSchema.nullish(),
});

/** An interrupt on the wire. */
export interface WireInterrupt {
  id?: string;
  value?: unknown;
  response_schema?: Record<string, unknown>;
}

/** A thread, as the clients see it. */
export interface Thread {
  thread_id: string;
  created_at: string;
  updated_at: string;
  state_updated_at: string;
  metadata: Record<string, unknown>;
  status: ThreadStatus;
  config: Record<string, unknown>;
  values: unknown;
  /** Keyed by task id, as the clients expect; not by interrupt id. */
  interrupts: Record<string, WireInterrupt[]>;
  error: unknown;
}

/** The members of a thread, which a search may ask for one by one. */
export const THREAD_MEMBERS = [
  "thread_id",
  "created_at",
  "updated_at",
  "state_updated_at",
  "metadata",
  "status",
  "config",
  "values",
  "interrupts",
  "error",
] as const satisfies readonly (keyof Thread)[];
