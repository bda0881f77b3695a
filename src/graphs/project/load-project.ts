import { stat } from "node:fs/promises";
import { relative, sep } from "node:path";
import { graphOfExport } from "../exports.ts";
import type { GraphLoadError, GraphSet, LoadedGraph } from "../graph-set.ts";
import type { ImportOptions } from "../import-file.ts";
import { loadError } from "../load-error.ts";
import { loadedGraph, marksOf, withoutClashes } from "../loaded-graph.ts";
import { type LocalFile, localFiles } from "../local-files.ts";
import { parseReference } from "../reference.ts";
import { DEFAULT_TIMEOUT_MS } from "../timeout.ts";
import { openModules, ownFiles, type ProjectModules } from "./modules.ts";
import { PROJECT_FILE, type Project, type ProjectGraph, pathOf } from "./read-project.ts";

/** Loads the graphs that a project names. A broken one is one line among the errors and does not take the others down. */
export async function loadProject(read: () => Project, options: ImportOptions): Promise<GraphSet> {
  let project: Project;
  try {
    project = read();
  } catch (error) {
    return { graphs: new Map(), errors: [loadError(PROJECT_FILE, error, PROJECT_FILE, [])] };
  }
  const modules = openModules(project.directory, options);
  const resolveName = ownFiles(project.directory);
  const graphs: LoadedGraph[] = [];
  const errors: GraphLoadError[] = [];
  // One after the other: they share what they import, and nobody may see half of a file that another is loading.
  for (const graph of project.graphs) {
    const found = await loadOne(graph, { project, modules, resolveName }, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    if ("message" in found) errors.push(found);
    else graphs.push(found);
  }
  return withoutClashes(graphs, errors);
}

/** A file's name in messages and in the database: the same on every machine. */
export function shownPath(path: string, { directory }: Pick<Project, "directory">): string {
  return relative(directory, path).split(sep).join("/");
}

interface Loading {
  project: Project;
  modules: ProjectModules;
  resolveName: ReturnType<typeof ownFiles>;
}

async function loadOne(
  graph: ProjectGraph,
  { project, modules, resolveName }: Loading,
  timeoutMs: number,
): Promise<LoadedGraph | GraphLoadError> {
  const { graph_id, reference } = graph;
  const { export_name } = parseReference(reference);
  const path = pathOf(reference, project.directory);
  const shown = shownPath(path, project);
  const named = `graphs.${graph_id} in ${PROJECT_FILE}`;
  let files: LocalFile[] = [];
  try {
    if (!(await isFile(path))) throw new Error("there is no such file");
    files = await localFiles(path, resolveName);
    const module = await modules.load(path);
    if (!(export_name in module)) {
      const names = Object.keys(module).slice(0, 20).join(", ");
      throw new Error(`the file has no export ${export_name}; it exports ${names === "" ? "nothing" : names}`);
    }
    const exported = await graphOfExport(export_name, module[export_name], timeoutMs);
    if (exported === undefined) {
      throw new Error(`its export ${export_name} is no graph: neither a StateGraph or a compiled one nor a function`);
    }
    const description = graph.description ?? exported.description;
    const settled = { ...exported, stated_name: graph_id, description };
    return loadedGraph(settled, { shown, fallbackName: graph_id, marks: marksOf(path, files), timeoutMs });
  } catch (error) {
    const found = loadError(
      shown,
      error,
      path,
      files.map((file) => file.path),
    );
    return { ...found, message: `${named}: ${found.message}` };
  }
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
