import { type FSWatcher, watch } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { GraphLoadError, GraphSet, LoadedGraph } from "./graph-set.ts";
import { displayPath, graphFileNames, type LoadOptions, loadGraphs } from "./load.ts";
import { localFiles } from "./local-files.ts";
import { shownPath } from "./project/load-project.ts";
import { ownFiles } from "./project/modules.ts";
import { type Project, pathOf } from "./project/read-project.ts";

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
    const next = keepLastGood(set, await loadGraphs(options), await entriesOf(options));
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
    for (const folder of await foldersOf(options)) {
      if (closed || watchers.has(folder)) continue;
      // Not all below a project, which has its packages there: the folders of its own files are known.
      const watcher = openWatcher(folder, folder === directory && options.project === undefined, changed);
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
export function keepLastGood(last: GraphSet, next: GraphSet, entries: readonly GraphEntry[] | undefined): GraphSet {
  const present = new Set(entries?.map(({ shown }) => shown));
  const broken = new Set(next.errors.map(({ path }) => path));
  const kept = [...last.graphs.values()].filter(
    ({ graph_id, path }) =>
      !next.graphs.has(graph_id) && (entries === undefined || (present.has(path) && broken.has(path))),
  );
  return { graphs: merged(next.graphs, kept), errors: next.errors.map((error) => explained(error, kept)) };
}

/** A file with graphs, and its name in messages. */
interface GraphEntry {
  path: string;
  shown: string;
}

/** The files with graphs that there are now; undefined where the project's file does not say. */
async function entriesOf({ project: readNow, directory }: LoadOptions): Promise<GraphEntry[] | undefined> {
  if (readNow === undefined) {
    const names = (await graphFileNames(directory)) ?? [];
    return names
      .map((name) => join(resolve(directory), name))
      .map((path) => ({ path, shown: displayPath(path, directory) }));
  }
  const project = projectNow(readNow);
  return project?.graphs.map(({ reference }) => {
    const path = pathOf(reference, project.directory);
    return { path, shown: shownPath(path, project) };
  });
}

function projectNow(read: () => Project): Project | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function merged(graphs: GraphSet["graphs"], kept: readonly LoadedGraph[]): GraphSet["graphs"] {
  return new Map([...graphs, ...kept.map((graph) => [graph.graph_id, graph] as const)]);
}

function explained(error: GraphLoadError, kept: readonly LoadedGraph[]): GraphLoadError {
  const ids = kept.filter(({ path }) => path === error.path).map(({ graph_id }) => graph_id);
  if (ids.length === 0) return error;
  return { ...error, message: `${error.message}; the last good version of ${ids.join(", ")} goes on` };
}

// The folder itself with all below it, or the project's, and the folders elsewhere that graph files import from.
async function foldersOf(options: LoadOptions): Promise<Set<string>> {
  const project = options.project && projectNow(options.project);
  const directory = project?.directory ?? resolve(options.directory);
  const resolveName = project && ownFiles(directory);
  const folders = new Set([directory]);
  for (const entry of (await entriesOf(options)) ?? []) {
    const files = await localFiles(entry.path, resolveName).catch(() => []);
    for (const { path } of files) {
      if (project !== undefined || !path.startsWith(`${directory}/`)) folders.add(dirname(path));
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
