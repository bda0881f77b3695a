import { randomUUID } from "node:crypto";
import type { RunnableConfig } from "@langchain/core/runnables";
import { withUser } from "../policy/run-settings.ts";
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

type LibraryMode = "values" | "updates" | "messages" | "custom" | "tasks" | "checkpoints" | "debug" | "tools";

/**
 * The wire's `messages-tuple` is the library's `messages`; `events` and the wire's `messages` are none of its modes:
 * callbacks tell the former, the latter is made of two others.
 */
function libraryModes(modes: readonly StreamMode[]): LibraryMode[] {
  return modes.flatMap((mode) => {
    if (mode === "events" || mode === "messages") return [];
    return [mode === "messages-tuple" ? "messages" : mode];
  });
}

/** Whether messages are told as they are written, and once as a whole. */
export function showsMessages({ stream_mode }: RunKwargs): boolean {
  return stream_mode?.includes("messages") === true;
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
  const written: LibraryMode[] = showsMessages(kwargs) ? ["messages"] : [];
  const modes = new Set<LibraryMode>([...(shownModes(kwargs) as ReadonlySet<LibraryMode>), "checkpoints", ...written]);
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
      // What a proxy says of who asks counts before what they say themselves.
      ...withUser({ ...configurable, ...kwargs.headers }, kwargs.user),
      thread_id: run.thread_id,
      ...(checkpoint_id === undefined ? {} : { checkpoint_id }),
      // An answer whose question is not pending is an error, never silently the answer to another one.
      __pregel_strict_resume: true,
    },
  };
}
