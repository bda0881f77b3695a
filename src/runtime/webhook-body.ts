import type { RunRow } from "../postgres/runs.sql.ts";
import { assistantIdOf } from "../protocol/assistant.ts";

/** What is kept of a run that has ended, and the moment it is told. */
interface EndedRun {
  run: string;
  values: string | null;
  now: string;
}

/** What a webhook is sent: the run as the clients know it, when it ran, and the thread's values at its end. */
export function webhookBody({ run: row, values, now }: EndedRun): string {
  const run = JSON.parse(row) as RunRow;
  const error = run.error === null ? undefined : (JSON.parse(run.error) as { message: string }).message;
  return JSON.stringify({
    run_id: run.run_id,
    thread_id: run.thread_id,
    assistant_id: run.assistant_id ?? assistantIdOf(run.graph_id),
    created_at: moment(run.created_at),
    updated_at: moment(run.updated_at),
    status: run.status,
    metadata: run.metadata,
    kwargs: JSON.parse(run.kwargs),
    multitask_strategy: run.multitask_strategy,
    run_started_at: moment(run.started_at),
    run_ended_at: moment(run.ended_at),
    webhook_sent_at: now,
    values: valuesOf(values, run.output),
    ...(error === undefined ? {} : { error }),
  });
}

/** The values, and with them what the thread waits for: a run that paused ends `success` like any other. */
function valuesOf(values: string | null, output: string | null): unknown {
  const known: unknown = JSON.parse(values ?? "null");
  const answer: unknown = JSON.parse(output ?? "null");
  if (typeof answer !== "object" || answer === null || !("__interrupt__" in answer)) return known;
  return { ...(typeof known === "object" ? known : {}), __interrupt__: answer.__interrupt__ };
}

function moment(text: string | null): string | null {
  return text === null ? null : new Date(text).toISOString();
}
