import type { RunnableConfig } from "@langchain/core/runnables";
import { StateGraph } from "@langchain/langgraph";
import { GRAPH_MARK, type GraphMark } from "../protocol/graph-mark.ts";
import { isGraphValue, toCompiled } from "./compiled.ts";
import type { CompiledGraph } from "./graph-set.ts";
import { withTimeout } from "./timeout.ts";

/** Makes a graph for a config, and for what its second argument says. */
type GraphFactory = (config: RunnableConfig, runtime: unknown) => unknown;

/** A graph as one export offers it. */
export interface ExportedGraph {
  export_name: string;
  /** What the author calls it, if anything. */
  stated_name: string | undefined;
  guarded: boolean;
  description: string | undefined;
  /** What else its author states of it. */
  stated: Pick<GraphMark, "version" | "policies" | "examples">;
  source: { compiled: CompiledGraph } | { factory: GraphFactory };
}

/** The graphs among a module's exports, and what is wrong with those that nearly are. */
export interface ModuleGraphs {
  graphs: ExportedGraph[];
  faults: { export_name: string; error: unknown }[];
}

/** Looks at every export. Nothing is called: a function that only might make a graph could as well move money. */
export async function graphsOfModule(module: Record<string, unknown>, timeoutMs: number): Promise<ModuleGraphs> {
  const found: ModuleGraphs = { graphs: [], faults: [] };
  const seen = new Set<unknown>();
  // The default export first: where one graph is exported twice, it is the default that names it.
  for (const export_name of Object.keys(module).sort(defaultFirst)) {
    try {
      const exported = module[export_name];
      if (seen.has(exported)) continue;
      seen.add(exported);
      const value = await settled(exported, timeoutMs);
      if (value !== exported && seen.has(value)) continue;
      seen.add(value);
      const graph = exportedGraph(export_name, exported, value);
      if (graph !== undefined) found.graphs.push(graph);
    } catch (error) {
      found.faults.push({ export_name, error });
    }
  }
  return found;
}

function defaultFirst(a: string, b: string): number {
  if (a === "default" || b === "default") return a === b ? 0 : a === "default" ? -1 : 1;
  return a < b ? -1 : 1;
}

async function settled(value: unknown, timeoutMs: number): Promise<unknown> {
  if (!(value instanceof Promise)) return value;
  return withTimeout(value, timeoutMs, `is a promise that was still pending after ${timeoutMs} ms`);
}

/** The graph of one export that was named as a graph: any function is a factory then. Undefined when it is none. */
export async function graphOfExport(
  export_name: string,
  exported: unknown,
  timeoutMs: number,
): Promise<ExportedGraph | undefined> {
  return exportedGraph(export_name, exported, await settled(exported, timeoutMs), true);
}

function exportedGraph(
  export_name: string,
  exported: unknown,
  value: unknown,
  isNamed = false,
): ExportedGraph | undefined {
  if (isGraphValue(value)) {
    const compiled = toCompiled(value)!;
    const mark = { ...markOf(builderOf(compiled)), ...markOf(compiled), ...markOf(value), ...markOf(exported) };
    const own = nameOf(compiled);
    return {
      export_name,
      stated_name: mark.name ?? own,
      guarded: mark.guarded === true,
      description: mark.description ?? descriptionOf(compiled),
      stated: statedIn(mark),
      source: { compiled },
    };
  }
  if (typeof value !== "function" || !isFactory(value, export_name, isNamed)) return undefined;
  const mark = markOf(value);
  return {
    export_name,
    stated_name: mark.name,
    guarded: mark.guarded === true,
    description: mark.description,
    stated: statedIn(mark),
    source: { factory: value as GraphFactory },
  };
}

const MAKES_A_GRAPH = /\bStateGraph\b|\.compile\s*\(|\bcreate(?:React)?Agent\b/;

/**
 * A factory is told from a helper without calling it: the default export is one; a named function is one when it was
 * marked with defineGraph(), or takes at most the config and its own text builds, compiles or creates a graph.
 */
function isFactory(value: object, export_name: string, isNamed: boolean): boolean {
  const text = Function.prototype.toString.call(value);
  if (/^class\b/.test(text)) return false;
  if (isNamed || export_name === "default" || GRAPH_MARK in value) return true;
  return (value as { length: number }).length <= 1 && MAKES_A_GRAPH.test(text);
}

function markOf(value: unknown): GraphMark {
  const isMarkable = (typeof value === "object" || typeof value === "function") && value !== null;
  return isMarkable ? ((value as { [GRAPH_MARK]?: GraphMark })[GRAPH_MARK] ?? {}) : {};
}

function statedIn({ version, policies, examples }: GraphMark): ExportedGraph["stated"] {
  return {
    ...(version === undefined ? {} : { version }),
    ...(policies === undefined ? {} : { policies }),
    ...(examples === undefined || examples.length === 0 ? {} : { examples }),
  };
}

function builderOf(compiled: CompiledGraph): unknown {
  const { builder } = compiled as { builder?: unknown };
  return builder instanceof StateGraph ? builder : undefined;
}

// "LangGraph" is what the library calls a graph that was given no name.
function nameOf(compiled: CompiledGraph): string | undefined {
  const { name } = compiled as { name?: unknown };
  return typeof name === "string" && name !== "" && name !== "LangGraph" ? name : undefined;
}

function descriptionOf(compiled: CompiledGraph): string | undefined {
  const { description } = compiled as { description?: unknown };
  return typeof description === "string" && description !== "" ? description : undefined;
}
