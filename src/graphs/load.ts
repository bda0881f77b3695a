import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { RunnableConfig } from "@langchain/core/runnables";
import { type GraphCode, readCode } from "./code.ts";
import { cloneGraph, graphFromFactory } from "./compiled.ts";
import { type ExportedGraph, graphsOfModule } from "./exports.ts";
import { fingerprint } from "./fingerprint.ts";
import type { GraphLoadError, GraphSet, LoadedGraph } from "./graph-set.ts";
import { DEFAULT_TIMEOUT_MS, type ImportOptions, importFile } from "./import-file.ts";
import { loadError } from "./load-error.ts";
import { type LocalFile, localFiles } from "./local-files.ts";
import { withTimeout } from "./timeout.ts";

/** Where graphs are, and what they see of the host. The time is also what a factory has to make its graph. */
export interface LoadOptions extends ImportOptions {
  /** The folder whose `*.ts` files are graph files; folders inside it are theirs to import from. */
  directory: string;
}

const GRAPH_FILE = /^[^.].*(?<!\.d|\.test)\.ts$/;
const GRAPH_ID = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,99}$/u;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Loads every graph of a folder. A broken file is one line among the errors and does not take the others down. */
export async function loadGraphs(options: LoadOptions): Promise<GraphSet> {
  const directory = resolve(options.directory);
  const names = await graphFileNames(directory);
  if (names === undefined) {
    return { graphs: new Map(), errors: [{ path: basename(directory), message: `there is no folder ${directory}` }] };
  }
  const files = await Promise.all(names.map((name) => loadFile(join(directory, name), directory, options)));
  return withoutClashes(
    files.flatMap(({ graphs }) => graphs),
    files.flatMap(({ errors }) => errors),
  );
}

/** The graph files of a folder, in one order everywhere; undefined when there is no such folder. */
export async function graphFileNames(directory: string): Promise<string[] | undefined> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return undefined;
  const names = entries.filter((entry) => !entry.isDirectory() && GRAPH_FILE.test(entry.name)).map(({ name }) => name);
  const isFile = await Promise.all(
    names.map((name) =>
      // A link that leads nowhere is kept, so that it is reported.
      stat(join(directory, name)).then(
        (found) => found.isFile(),
        () => true,
      ),
    ),
  );
  return names.filter((_name, index) => isFile[index]).sort();
}

/** A file's name in messages and in the database: the same on every machine. */
export function displayPath(path: string, directory: string): string {
  return relative(dirname(resolve(directory)), path);
}

interface LoadedFile {
  graphs: LoadedGraph[];
  errors: GraphLoadError[];
}

async function loadFile(path: string, directory: string, options: LoadOptions): Promise<LoadedFile> {
  const shown = displayPath(path, directory);
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  let files: LocalFile[] = [];
  try {
    files = await localFiles(path);
    const module = await importFile(path, options);
    const { graphs, faults } = await graphsOfModule(module, timeoutMs);
    const paths = files.map((file) => file.path);
    const errors = faults.map(({ export_name, error }) => {
      const found = loadError(shown, error, path, paths);
      return { ...found, message: `export ${export_name}: ${found.message}` };
    });
    if (graphs.length === 0 && errors.length === 0) {
      errors.push({
        path: shown,
        message: "exports no graph; export a StateGraph, or keep helpers in a folder of their own",
      });
    }
    const marks = marksOf(path, files);
    return { graphs: graphs.map((graph) => loadedGraph(graph, path, shown, marks, timeoutMs)), errors };
  } catch (error) {
    const paths = files.map((file) => file.path);
    return { graphs: [], errors: [loadError(shown, error, path, paths)] };
  }
}

function marksOf(path: string, files: readonly LocalFile[]): Pick<LoadedGraph, "fingerprint" | "code"> {
  let code: GraphCode | undefined;
  return {
    fingerprint: fingerprint(path, files),
    code() {
      code ??= readCode(path, files);
      return code;
    },
  };
}

function loadedGraph(
  exported: ExportedGraph,
  path: string,
  shown: string,
  marks: Pick<LoadedGraph, "fingerprint" | "code">,
  timeoutMs: number,
): LoadedGraph {
  const { export_name, source, description } = exported;
  const byDefault = export_name === "default" ? basename(path, ".ts") : export_name;
  const factory = "factory" in source;
  return {
    graph_id: exported.stated_name ?? byDefault,
    path: shown,
    export_name,
    ...marks,
    guarded: exported.guarded,
    ...(description === undefined ? {} : { description }),
    factory,
    async build(config: RunnableConfig) {
      if (!factory) return cloneGraph(source.compiled);
      const origin = `${shown} (export ${export_name})`;
      const made = graphFromFactory(source.factory, config, origin);
      return cloneGraph(await withTimeout(made, timeoutMs, `${origin} did not make its graph within ${timeoutMs} ms`));
    },
  };
}

// Neither of two graphs with one id is served: whichever won, somebody's runs would execute the other's code.
function withoutClashes(found: readonly LoadedGraph[], errors: readonly GraphLoadError[]): GraphSet {
  const graphs = new Map<string, LoadedGraph>();
  const faults = [...errors];
  for (const [graph_id, group] of Map.groupBy(found, (graph) => graph.graph_id)) {
    const [graph] = group;
    const problem = group.length > 1 ? clash(graph_id, group) : unusableId(graph_id);
    if (problem === undefined) graphs.set(graph_id, graph!);
    else faults.push(...[...new Set(group.map(({ path }) => path))].map((path) => ({ path, message: problem })));
  }
  return { graphs, errors: faults };
}

function clash(graph_id: string, group: readonly LoadedGraph[]): string {
  const places = group.map(({ path, export_name }) => `${path} (export ${export_name})`);
  return `the graph id "${graph_id}" is used by ${places.join(" and ")}; none of them is served: give each its own name`;
}

function unusableId(graph_id: string): string | undefined {
  if (GRAPH_ID.test(graph_id) && !UUID.test(graph_id)) return undefined;
  const seen = JSON.stringify(graph_id.slice(0, 100));
  return `${seen} cannot be a graph's id; use up to 100 letters, digits, ".", "_" and "-", and no UUID: assistants have those`;
}
