import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { graphsOfModule } from "./exports.ts";
import type { GraphLoadError, GraphSet, LoadedGraph } from "./graph-set.ts";
import { type ImportOptions, importFile } from "./import-file.ts";
import { loadError } from "./load-error.ts";
import { fallbackName, loadedGraph, marksOf, withoutClashes } from "./loaded-graph.ts";
import { type LocalFile, localFiles } from "./local-files.ts";
import { loadProject } from "./project/load-project.ts";
import type { Project } from "./project/read-project.ts";
import { DEFAULT_TIMEOUT_MS } from "./timeout.ts";

/** Where graphs are, and what they see of the host. The time is also what a factory has to make its graph. */
export interface LoadOptions extends ImportOptions {
  /** The folder whose `*.ts` files are graph files; folders inside it are theirs to import from. */
  directory: string;
  /** Reads the project whose graphs are loaded instead, as it is now. */
  project?: () => Project;
}

const GRAPH_FILE = /^[^.].*(?<!\.d|\.test)\.ts$/;

/** Loads every graph of a folder or of a project. A broken file is one line among the errors and does not take the others down. */
export async function loadGraphs(options: LoadOptions): Promise<GraphSet> {
  if (options.project !== undefined) return await loadProject(options.project, options);
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
    const loaded = graphs.map((graph) =>
      loadedGraph(graph, { shown, fallbackName: fallbackName(graph.export_name, path), marks, timeoutMs }),
    );
    return { graphs: loaded, errors };
  } catch (error) {
    const paths = files.map((file) => file.path);
    return { graphs: [], errors: [loadError(shown, error, path, paths)] };
  }
}
