/** How many runs of one graph and priority wait and execute. */
export interface QueuedRuns {
  readonly graph_id: string;
  readonly priority: number;
  readonly pending: number;
  /** Those of them that come next on their thread and may start now. */
  readonly ready: number;
  /** Those that wait for their time. */
  readonly later: number;
  readonly running: number;
  /** How long the longest has been due; null where none is. */
  readonly oldest_wait_seconds: number | null;
}

/** The queue of one graph. */
export interface GraphQueue extends Omit<QueuedRuns, "priority"> {
  /** Those that wait for an earlier run of their thread. */
  readonly behind: number;
  /** How many execute at once; null: as many as there are slots. */
  readonly limit: number | null;
  /** How many live workers have the graph loaded. Where none has, its runs wait until one does. */
  readonly loaded_by: number;
  /** The pending ones by priority, the highest first. */
  readonly priorities: readonly { readonly priority: number; readonly pending: number }[];
}

/** The whole queue: the sums, and each graph, the one with the longest wait first. */
export interface QueueView extends Omit<QueuedRuns, "graph_id" | "priority"> {
  readonly behind: number;
  readonly graphs: readonly GraphQueue[];
}

/** What a queue looks like, of its counts. */
export function viewQueue(
  rows: readonly QueuedRuns[],
  loaded: readonly (readonly string[])[],
  limitOf: (graph_id: string) => number | null,
): QueueView {
  const byGraph = Map.groupBy(rows, ({ graph_id }) => graph_id);
  const graphs = [...byGraph].map(([graph_id, own]) => ({
    graph_id,
    ...sumOf(own),
    limit: limitOf(graph_id),
    loaded_by: loaded.filter((graph_ids) => graph_ids.includes(graph_id)).length,
    priorities: own
      .filter(({ pending }) => pending > 0)
      .map(({ priority, pending }) => ({ priority, pending }))
      .sort((a, b) => b.priority - a.priority),
  }));
  const longestFirst = (a: GraphQueue, b: GraphQueue) =>
    (b.oldest_wait_seconds ?? -1) - (a.oldest_wait_seconds ?? -1) || a.graph_id.localeCompare(b.graph_id);
  return { ...sumOf(rows), graphs: graphs.sort(longestFirst) };
}

function sumOf(rows: readonly QueuedRuns[]) {
  const sum = (key: "pending" | "ready" | "later" | "running") => rows.reduce((total, row) => total + row[key], 0);
  const waits = rows.flatMap(({ oldest_wait_seconds }) => (oldest_wait_seconds === null ? [] : [oldest_wait_seconds]));
  const pending = sum("pending");
  const ready = sum("ready");
  const later = sum("later");
  return {
    pending,
    ready,
    behind: pending - ready - later,
    later,
    running: sum("running"),
    oldest_wait_seconds: waits.length === 0 ? null : Math.max(...waits),
  };
}
