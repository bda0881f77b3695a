import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { JsonSchema, SubgraphSchemas } from "../protocol/assistant.ts";
import type { Log } from "../telemetry/log.ts";
import type { LoadedGraph } from "./graph-set.ts";

/** What the thread is started with. */
export interface SchemaQuestion {
  /** The compiler of schemas, as a URL. */
  module: string;
  sourceFile: string;
  exportSymbol: string;
}

/** The schemas that a graph's types say: its own under "", those of the graphs inside by their paths. */
export type StaticSchemas = ReadonlyMap<string, SubgraphSchemas>;

/** Reads schemas out of the types of graphs, for those whose state has none at run time. */
export interface StaticSchemaReader {
  /** Null where there are none to be had; why is logged, once unless it was the time. Never throws. */
  read(graph: LoadedGraph): Promise<StaticSchemas | null>;
}

const MODULE = "@langchain/langgraph-api/schema";
const KEPT = 200;
const MEMORY_MB = 1_024;
/** A machine that is busy now has time later; types that never end are not read for ever. */
const MOST_TRIES = 3;
/** Longer than any form: an answer is not parsed that would keep everybody waiting. */
const LONGEST_ANSWER = 4_000_000;

// The compiled package has .js files where the sources have .ts.
const THREAD = new URL(import.meta.url.endsWith(".ts") ? "./schema-thread.ts" : "./schema-thread.js", import.meta.url);

/**
 * A reader with LangGraph's own compiler of schemas, where the graph's project has it installed. It takes seconds and
 * hundreds of megabytes, so it works in a thread, at one graph at a time, and each version of a graph is read once. What
 * was not read in time is tried again when it is asked for again, a few times.
 */
export function createStaticSchemas({ timeoutMs, log }: { timeoutMs: number; log: Log }): StaticSchemaReader {
  const known = new Map<string, Promise<StaticSchemas | null>>();
  const late = new Map<string, number>();
  let last: Promise<unknown> = Promise.resolve();
  const readOnce = async (graph: LoadedGraph, version: string): Promise<StaticSchemas | null> => {
    const { graph_id, export_name, source_file } = graph;
    const none = (why: string) => {
      log.info({ graph_id, why }, "this graph's state has no schema; describe it with zod to have a form for it");
      return null;
    };
    const module = findModule(source_file);
    if (module === undefined) return none(`${MODULE} is not installed beside it to read its types`);
    const turn = last.then(() => ask({ module, sourceFile: source_file, exportSymbol: export_name }, timeoutMs));
    last = turn.catch(() => {});
    try {
      return schemasOf(await turn, export_name) ?? none("its types say nothing about it");
    } catch (error) {
      if (error instanceof TooLate) {
        const tries = (late.get(version) ?? 0) + 1;
        late.set(version, tries);
        if (tries < MOST_TRIES) known.delete(version);
      }
      return none((error as Error).message.slice(0, 500));
    }
  };
  return {
    read(graph) {
      const version = JSON.stringify([graph.fingerprint, graph.source_file, graph.export_name]);
      const found = known.get(version) ?? readOnce(graph, version);
      // What was asked for last is kept longest.
      known.delete(version);
      known.set(version, found);
      for (const oldest of known.keys()) {
        if (known.size <= KEPT) break;
        known.delete(oldest);
        late.delete(oldest);
      }
      return found;
    },
  };
}

function findModule(file: string): string | undefined {
  try {
    return pathToFileURL(createRequire(file).resolve(MODULE)).href;
  } catch {
    return undefined;
  }
}

class TooLate extends Error {
  override readonly name = "TooLate";
}

/** Throws `TooLate` where no answer comes in time, and otherwise where it is none. */
async function ask(question: SchemaQuestion, timeoutMs: number): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const thread = new Worker(THREAD, {
    workerData: question,
    // It tells of every error in the types, and nobody here reads that.
    stdout: true,
    stderr: true,
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  });
  // A process that stops does not wait for it.
  thread.unref();
  thread.stdout.resume();
  thread.stderr.resume();
  const timer = setTimeout(() => reject(new TooLate(`reading its types took longer than ${timeoutMs} ms`)), timeoutMs);
  timer.unref();
  thread.on("message", resolve);
  thread.on("messageerror", reject);
  thread.on("error", (error: unknown) => reject(error instanceof Error ? error : new Error(String(error))));
  thread.on("exit", (code) => reject(new Error(`reading its types ended with ${code} and without an answer`)));
  try {
    const answer = await promise;
    if (typeof answer !== "string") throw new Error("reading its types gave no JSON");
    if (answer.length > LONGEST_ANSWER) throw new Error(`its schema is ${answer.length} characters long`);
    return JSON.parse(answer) as unknown;
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What of an answer is a schema. */
function schemasOf(answer: unknown, export_name: string): StaticSchemas | undefined {
  if (!isObject(answer)) return undefined;
  const found = new Map<string, SubgraphSchemas>();
  for (const [name, schemas] of Object.entries(answer)) {
    const path =
      name === export_name ? "" : name.startsWith(`${export_name}|`) ? name.slice(export_name.length + 1) : null;
    if (path === null || !isObject(schemas)) continue;
    const { state, input, output, config } = schemas;
    const read = { state: saying(state), input: saying(input), output: saying(output), config: saying(config) };
    if (read.state !== null || read.input !== null) found.set(path, read);
  }
  return found.size === 0 ? undefined : found;
}

/** A schema that says something; where the compiler understood nothing it gives one that allows everything. */
function saying(schema: unknown): JsonSchema | null {
  return isObject(schema) && Object.keys(schema).some((key) => key !== "$schema") ? schema : null;
}
