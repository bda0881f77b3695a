import { z } from "zod";
import { runCreateSchema } from "./run.ts";

const timeSchema = z.iso.datetime({ offset: true, error: "must be a moment like 2027-01-31T09:00:00Z" });

/** What the runs of a cron are asked to do: a run's body without what makes sense once only. */
export const cronPayloadSchema = runCreateSchema.pick({
  input: true,
  config: true,
  context: true,
  interrupt_before: true,
  interrupt_after: true,
  stream_mode: true,
  stream_subgraphs: true,
  stream_resumable: true,
  multitask_strategy: true,
  durability: true,
  webhook: true,
});

/** What the runs of a cron are asked to do. */
export type CronPayload = z.infer<typeof cronPayloadSchema>;

const cronFieldsSchema = cronPayloadSchema.extend({
  schedule: z.string().max(500),
  timezone: z.string().max(100).nullish(),
  end_time: timeSchema.nullish(),
  enabled: z.boolean().nullish(),
  on_run_completed: z.enum(["delete", "keep"]).nullish(),
  metadata: runCreateSchema.shape.metadata,
});

/** The body of POST /runs/crons and POST /threads/:id/runs/crons. */
export const cronCreateSchema = cronFieldsSchema
  .extend({ assistant_id: runCreateSchema.shape.assistant_id })
  .meta({ id: "CronCreate" });

/** The body of PATCH /runs/crons/:id: what is absent stays, and an `end_time` of null takes it away. */
export const cronUpdateSchema = cronFieldsSchema.partial().meta({ id: "CronUpdate" });

/** A validated request to change a cron. */
export type CronUpdate = z.infer<typeof cronUpdateSchema>;

/** A cron, as the clients see it. */
export interface Cron {
  cron_id: string;
  assistant_id: string;
  thread_id: string | null;
  on_run_completed: "delete" | "keep";
  schedule: string;
  timezone: string;
  end_time: string | null;
  enabled: boolean;
  payload: CronPayload;
  metadata: Record<string, unknown>;
  user_id: string;
  next_run_date: string | null;
  /** The last occurrence, and its run or why there is none. */
  last_run_date: string | null;
  last_run_id: string | null;
  last_error: string | null;
  created_at: string;
  updated_at: string;
}

/** The members of a cron, which a search may ask for one by one; `now` is one to the clients. */
export const CRON_MEMBERS = [
  "cron_id",
  "assistant_id",
  "thread_id",
  "on_run_completed",
  "schedule",
  "timezone",
  "end_time",
  "enabled",
  "payload",
  "metadata",
  "user_id",
  "next_run_date",
  "created_at",
  "updated_at",
  "now",
] as const satisfies readonly (keyof Cron | "now")[];
