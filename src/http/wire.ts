import type { RunRow } from "../postgres/runs.sql.ts";
import type { ThreadRow } from "../postgres/threads.sql.ts";
import { assistantIdOf } from "../protocol/assistant.ts";
import type { Run, RunKwargs } from "../protocol/run.ts";
import type { Thread } from "../protocol/thread.ts";
import type { HttpSettings } from "./deps.ts";
import { aliasedByTask } from "./hitl-aliases.ts";

/** A run as the clients see it. */
export function wireRun(row: RunRow): Run {
  return {
    run_id: row.run_id,
    thread_id: row.thread_id,
    assistant_id: row.assistant_id ?? assistantIdOf(row.graph_id),
    created_at: row.created_at,
    updated_at: row.updated_at,
    status: row.status,
    metadata: row.metadata,
    kwargs: wireKwargs(row.kwargs),
    multitask_strategy: row.multitask_strategy,
    cancel_reason: row.cancel_reason,
  };
}

/** Of who started it a run shows the name alone: what else the project's Auth says of them is for the graph. */
function wireKwargs(stored: string): Record<string, unknown> {
  const { user: _user, started_with: _with, headers: _headers, ...kwargs } = JSON.parse(stored) as RunKwargs;
  return kwargs as Record<string, unknown>;
}

/** A thread as the clients see it. */
export function wireThread(row: ThreadRow, { hitlAliases = true }: Pick<HttpSettings, "hitlAliases">): Thread {
  const interrupts = JSON.parse(row.interrupts) as Thread["interrupts"];
  return {
    thread_id: row.thread_id,
    created_at: row.created_at,
    updated_at: row.updated_at,
    state_updated_at: row.state_updated_at,
    metadata: row.metadata,
    status: row.status,
    config: JSON.parse(row.config),
    values: row.values === null ? null : JSON.parse(row.values),
    interrupts: hitlAliases ? aliasedByTask(interrupts) : interrupts,
    error: row.error === null ? null : JSON.parse(row.error),
  };
}
