import { z } from "zod";
import { metadataSchema, uuidSchema } from "./json.ts";

/** `interrupted`: the thread waits for a person (or stands at a breakpoint). */
export const THREAD_STATUSES = ["idle", "busy", "interrupted", "error"] as const;

/** Where a thread stands. */
export type ThreadStatus = (typeof THREAD_STATUSES)[number];

/** The body of POST /threads. */
export const threadCreateSchema = z.object({
  thread_id: uuidSchema.nullish(),
  metadata: metadataSchema.nullish(),
  if_exists: z.enum(["raise", "do_nothing"]).nullish(),
});

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
