import { randomUUID } from "node:crypto";
import type { RunnableConfig } from "@langchain/core/runnables";
import type { RunRow } from "../postgres/runs.sql.ts";
import type { RunKwargs, StreamMode } from "../protocol/run.ts";

/** How a run is executed, as LangGraph's `stream` takes it. */
export interface StreamOptions extends RunnableConfig {
  streamMode: LibraryMode[];
  subgraphs: true;
  durability: "sync" | "async" | "exit";
  context?: unknown;
  interruptBefore?: "*" | string[];
  interruptAfter?: "*" | string[];
}

type LibraryMode = "values" | "updates" | "messages" | "custom" | "tasks" | "checkpoints" | "debug";

/** The wire's `messages-tuple` is the library's `messages`; `events` is none of its modes, callbacks tell them. */
function libraryModes(modes: readonly StreamMode[]): LibraryMode[] {
  return modes.flatMap((mode) => (mode === "events" ? [] : [mode === "messages-tuple" ? "messages" : mode]));
}

/** The modes whose events are stored. `values` and `updates` always are: the result and the progress are made of them. */
export function shownModes({ stream_mode }: RunKwargs): ReadonlySet<string> {
  return new Set<LibraryMode>(["values", "updates", ...libraryModes(stream_mode ?? [])]);
}

/** The options of one execution. `checkpoints` tells the executor what comes next, without a look at the database. */
export function streamOptions(
  run: RunRow,
  kwargs: RunKwargs,
  graph_fingerprint: string,
  signal: AbortSignal,
): StreamOptions {
  const modes = new Set([...shownModes(kwargs), "checkpoints"]) as ReadonlySet<LibraryMode>;
  const { interrupt_before, interrupt_after } = kwargs;
  return {
    ...runnableConfig(run, kwargs, graph_fingerprint),
    signal,
    streamMode: [...modes],
    subgraphs: true,
    durability: kwargs.durability ?? "sync",
    ...(kwargs.context == null ? {} : { context: kwargs.context }),
    ...(interrupt_before == null ? {} : { interruptBefore: interrupt_before }),
    ...(interrupt_after == null ? {} : { interruptAfter: interrupt_after }),
  };
}

/** The part of the options that a graph factory is given too. Its metadata is stored with every checkpoint. */
export function runnableConfig(run: RunRow, kwargs: RunKwargs, graph_fingerprint: string): RunnableConfig {
  const { tags, recursion_limit, configurable = {}, metadata = {} } = kwargs.config ?? {};
  const checkpoint_id = kwargs.checkpoint?.checkpoint_id ?? undefined;
  return {
    // A run id of its own per execution: callbacks of two attempts must not be mixed up.
    runId: randomUUID(),
    ...(tags === undefined ? {} : { tags }),
    // Left out when absent: undefined would wipe the limit that the graph was bound with.
    ...(recursion_limit === undefined ? {} : { recursionLimit: recursion_limit }),
    metadata: {
      ...metadata,
      ...run.metadata,
      run_id: run.run_id,
      thread_id: run.thread_id,
      graph_id: run.graph_id,
      graph_fingerprint,
      ...(run.assistant_id === null ? {} : { assistant_id: run.assistant_id }),
      run_attempt: run.attempt,
    },
    configurable: {
      ...configurable,
      thread_id: run.thread_id,
      ...(checkpoint_id === undefined ? {} : { checkpoint_id }),
      // An answer whose question is not pending is an error, never silently the answer to another one.
      __pregel_strict_resume: true,
    },
  };
}
