import { basename } from "node:path";
import { nodeNames } from "../graphs/describe.ts";
import { formatLoadError, type GraphSet, type LoadedGraph } from "../graphs/graph-set.ts";
import { isHeld } from "../policy/access-filter.ts";
import type { GraphFacts } from "../policy/review/decide.ts";
import { readAssistant } from "../postgres/assistants.ts";
import type { ThreadRow } from "../postgres/threads.sql.ts";
import { type Assistant, assistantIdOf } from "../protocol/assistant.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { uuidSchema } from "../protocol/json.ts";
import { movedQuestions } from "./moved-questions.ts";
import type { Call } from "./route.ts";

/** The assistant a client named, by its id or by its graph's. Throws `not_found`. */
export async function findAssistant(call: Call, named: string): Promise<Assistant> {
  return (await assistantOf(call, named)) ?? refuse(call, named, `Assistant not found: ${quoted(named)} is`);
}

async function assistantOf({ deps, principal }: Call, named: string): Promise<Assistant | undefined> {
  const isGraph = deps.graphs().graphs.has(named);
  const id = isGraph ? assistantIdOf(named) : uuidSchema.safeParse(named).data;
  return id === undefined ? undefined : await readAssistant(deps.database, principal.tenant_id, id);
}

function quoted(named: string): string {
  return JSON.stringify(named.slice(0, 100));
}

// Clients tell by the beginning what it was that was not found.
function refuse({ deps }: Call, named: string, beginning: string): never {
  const known = [...deps.graphs().graphs.keys()].slice(0, 20).join(", ");
  const why = loadErrorOf(deps.graphs(), named);
  throw new HoldpointError(
    "not_found",
    `${beginning} ${why === undefined ? `no assistant and no graph; graphs: ${known || "none"}` : `not loaded: ${why}`}`,
  );
}

/**
 * The assistant that somebody wants to start. A graph's own is everybody's, like the graph; of the others those that may
 * be seen. Throws `not_found`.
 */
export async function startableAssistant(call: Call, named: string): Promise<Assistant> {
  const assistant =
    (await assistantOf(call, named)) ?? refuse(call, named, `No assistant found for ${quoted(named)}: it is`);
  const { assistant_id, graph_id, metadata } = assistant;
  if (assistant_id === assistantIdOf(graph_id)) return assistant;
  if (isHeld(await call.access.ask("assistants:read", { assistant_id }), metadata)) return assistant;
  throw new HoldpointError("not_found", `No assistant found for ${quoted(named)}`);
}

/** The graph of an assistant, for a new run. Throws `not_found`. */
export function graphForRun({ deps }: Call, graph_id: string): LoadedGraph {
  return loaded(deps.graphs(), graph_id, "not_found");
}

/** The graph a thread belongs to, for its state. Not `not_found`: the clients take that for a missing thread. Throws `graph_not_loaded`. */
export function graphOfThread({ deps }: Call, graph_id: string): LoadedGraph {
  return loaded(deps.graphs(), graph_id, "graph_not_loaded");
}

function loaded(set: GraphSet, graph_id: string, code: "not_found" | "graph_not_loaded"): LoadedGraph {
  const graph = set.graphs.get(graph_id);
  if (graph !== undefined) return graph;
  const why = loadErrorOf(set, graph_id) ?? "no workflow file has it now";
  throw new HoldpointError(code, `graph "${graph_id}" is not loaded: ${why}`, { facts: { graph_id } });
}

function loadErrorOf({ errors }: GraphSet, graph_id: string): string | undefined {
  const error = errors.find(
    ({ path, message }) => basename(path, ".ts") === graph_id || message.includes(`"${graph_id}"`),
  );
  return error === undefined ? undefined : formatLoadError(error);
}

const factsByGraph = new WeakMap<LoadedGraph, GraphFacts>();

/** What answers of a thread are checked against: the graph, and which questions of the thread it fits no more. */
export async function factsForAnswer(call: Call, graph_id: string, thread_id: string): Promise<GraphFacts | null> {
  const facts = await factsOf(call, graph_id);
  const graph = call.deps.graphs().graphs.get(graph_id);
  // Loaded anew meanwhile: what carries the answer compares by itself.
  if (facts === null || graph?.fingerprint !== facts.fingerprint) return facts;
  return { ...facts, ...(await movedQuestions(call, graph, thread_id)) };
}

/** The graph as it is loaded now; null when it is not, or when its factory makes none without a run's config. */
export async function factsOf({ deps }: Call, graph_id: string | null): Promise<GraphFacts | null> {
  const graph = graph_id === null ? undefined : deps.graphs().graphs.get(graph_id);
  if (graph === undefined) return null;
  const known = factsByGraph.get(graph);
  if (known !== undefined) return known;
  try {
    const facts = { fingerprint: graph.fingerprint, nodes: new Set(nodeNames(await graph.build({}))) };
    factsByGraph.set(graph, facts);
    return facts;
  } catch (error) {
    deps.log.warn({ graph_id, err: error }, "a graph's factory made no graph to check a decision against");
    return null;
  }
}

/** The nodes of a thread's graph, which a factory makes as the thread's config says; null when it makes none now. */
export async function nodesOfThread(
  call: Call,
  { graph_id, config }: Pick<ThreadRow, "graph_id" | "config">,
): Promise<ReadonlySet<string> | null> {
  const graph = graph_id === null ? undefined : call.deps.graphs().graphs.get(graph_id);
  if (graph?.factory !== true) return (await factsOf(call, graph_id))?.nodes ?? null;
  try {
    return new Set(nodeNames(await graph.build(JSON.parse(config))));
  } catch {
    // What is wrong with it is said by the run that comes next.
    return null;
  }
}
