import { type FSWatcher, watch } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { GraphLoadError, GraphSet, LoadedGraph } from "./graph-set.ts";
import { displayPath, graphFileNames, type LoadOptions, loadGraphs } from "./load.ts";
import { localFiles } from "./local-files.ts";

/** What to load, and whom to tell. */
export interface WatchOptions extends LoadOptions {
  /** Called with each new set, after files changed. */
  onChange: (set: GraphSet) => void;
  /** How long files must have been quiet; 100 ms unless given. */
  debounceMs?: number;
}

/** A folder of graphs that follows its files. */
export interface GraphWatch {
  /** The newest set: of a file that is broken now, the last good graphs. */
  current(): GraphSet;
  close(): void;
}

const DEFAULT_DEBOUNCE_MS = 100;

/** Loads a folder of graphs and loads it again whenever one of its files, or a file they refer to, was edited. */
export async function watchGraphs(options: WatchOptions): Promise<GraphWatch> {
  const directory = resolve(options.directory);
  const watchers = new Map<string, FSWatcher>();
  let set = await loadGraphs(options);
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let loading = Promise.resolve();

  const reload = async () => {
    const next = keepLastGood(set, await loadGraphs(options), await graphFileNames(directory), directory);
    if (closed) return;
    set = next;
    await follow();
    options.onChange(set);
  };
  const changed = () => {
    clearTimeout(timer);
    // One load at a time: an edit while loading starts another one afterwards.
    timer = setTimeout(() => {
      loading = loading.then(reload).catch(() => undefined);
    }, options.debounceMs ?? DEFAULT_DEBOUNCE_MS);
  };
  const follow = async () => {
    for (const folder of await foldersOf(directory)) {
      if (closed || watchers.has(folder)) continue;
      const watcher = openWatcher(folder, folder === directory, changed);
      if (watcher !== undefined) watchers.set(folder, watcher);
    }
  };

  await follow();
  return {
    current: () => set,
    close() {
      closed = true;
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

/** A broken file goes on with what it last had, and its error says so; a deleted file is gone. */
export function keepLastGood(
  last: GraphSet,
  next: GraphSet,
  names: readonly string[] | undefined,
  directory: string,
): GraphSet {
  const present = new Set(names?.map((name) => displayPath(join(directory, name), directory)));
  const broken = new Set(next.errors.map(({ path }) => path));
  const kept = [...last.graphs.values()].filter(
    (graph) => !next.graphs.has(graph.graph_id) && present.has(graph.path) && broken.has(graph.path),
  );
  return { graphs: merged(next.graphs, kept), errors: next.errors.map((error) => explained(error, kept)) };
}

function merged(graphs: GraphSet["graphs"], kept: readonly LoadedGraph[]): GraphSet["graphs"] {
  return new Map([...graphs, ...kept.map((graph) => [graph.graph_id, graph] as const)]);
}

function explained(error: GraphLoadError, kept: readonly LoadedGraph[]): GraphLoadError {
  const ids = kept.filter(({ path }) => path === error.path).map(({ graph_id }) => graph_id);
  if (ids.length === 0) return error;
  return { ...error, message: `${error.message}; the last good version of ${ids.join(", ")} goes on` };
}

// The folder itself with all below it, and the folders outside it that graph files import from.
async function foldersOf(directory: string): Promise<Set<string>> {
  const folders = new Set([directory]);
  for (const name of (await graphFileNames(directory)) ?? []) {
    const files = await localFiles(join(directory, name)).catch(() => []);
    for (const { path } of files) {
      if (!path.startsWith(`${directory}/`)) folders.add(dirname(path));
    }
  }
  return folders;
}

function openWatcher(folder: string, recursive: boolean, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { recursive, persistent: false }, changed);
    // A folder that was deleted is no reason to stop; the others go on.
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
