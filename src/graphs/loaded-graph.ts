import { basename } from "node:path";
import type { RunnableConfig } from "@langchain/core/runnables";
import { type GraphCode, readCode } from "./code.ts";
import { cloneGraph, graphFromFactory } from "./compiled.ts";
import type { ExportedGraph } from "./exports.ts";
import { fingerprint } from "./fingerprint.ts";
import type { CompiledGraph, GraphAccess, GraphLoadError, GraphSet, LoadedGraph } from "./graph-set.ts";
import type { LocalFile } from "./local-files.ts";
import { withTimeout } from "./timeout.ts";

const GRAPH_ID = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,99}$/u;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const READS: GraphAccess = { accessContext: "assistants.read" };

/** Where a graph's file is, what its files say, and a mark that changes with them. */
export type GraphMarks = Pick<LoadedGraph, "source_file" | "fingerprint" | "code">;

/** The marks of a graph; its code is compiled when it is first asked for. */
export function marksOf(path: string, files: readonly LocalFile[]): GraphMarks {
  let code: GraphCode | undefined;
  return {
    source_file: path,
    fingerprint: fingerprint(path, files),
    code() {
      code ??= readCode(path, files);
      return code;
    },
  };
}

/** Where an exported graph was found. */
export interface GraphOrigin {
  /** The file's name in messages and in the database. */
  shown: string;
  /** The graph's id where its author does not state one. */
  fallbackName: string;
  marks: GraphMarks;
  /** How long a factory has to make its graph. */
  timeoutMs: number;
}

/** A graph as it is served. */
export function loadedGraph(exported: ExportedGraph, origin: GraphOrigin): LoadedGraph {
  const { export_name, source, description, stated } = exported;
  const { shown, marks, timeoutMs } = origin;
  const factory = "factory" in source;
  return {
    graph_id: exported.stated_name ?? origin.fallbackName,
    path: shown,
    export_name,
    ...marks,
    guarded: exported.guarded,
    ...(description === undefined ? {} : { description }),
    ...stated,
    factory,
    async build(config: RunnableConfig, access: GraphAccess = READS) {
      if (!factory) return cloneGraph(source.compiled);
      const place = `${shown} (export ${export_name})`;
      const made = graphFromFactory((given) => source.factory(given, runtimeOf(access)), config, place);
      return ownGraph(await withTimeout(made, timeoutMs, `${place} did not make its graph within ${timeoutMs} ms`));
    },
  };
}

/** A name in the file, or the file's own. */
export function fallbackName(export_name: string, path: string): string {
  return export_name === "default" ? basename(path, ".ts") : export_name;
}

function runtimeOf({ accessContext, context }: GraphAccess): unknown {
  const executionRuntime = accessContext === "threads.create_run" ? { context: context ?? undefined } : null;
  return { accessContext, executionRuntime };
}

const untouched = new WeakMap<CompiledGraph, CompiledGraph>();

/**
 * What a factory made is the caller's, as it is: it may have wrapped its own methods, which a copy would not go through.
 * Where it gives the same graph again, each caller after the first gets a copy of what it was like at first.
 */
function ownGraph(made: CompiledGraph): CompiledGraph {
  const first = untouched.get(made);
  if (first !== undefined) return cloneGraph(first);
  untouched.set(made, cloneGraph(made));
  return made;
}

/** The set, without the graphs whose ids clash: whichever won, somebody's runs would execute the other's code. */
export function withoutClashes(found: readonly LoadedGraph[], errors: readonly GraphLoadError[]): GraphSet {
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
