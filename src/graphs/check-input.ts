import type { Fault } from "../protocol/fault.ts";
import type { LoadedGraph } from "./graph-set.ts";

interface Validating {
  builder?: { channels?: Record<string, unknown> };
  _validateInput?: (input: unknown) => Promise<unknown>;
}

/**
 * What is wrong with the input of a run, before the run exists; nothing for a graph that a factory makes, because
 * which graph that will be depends on the run's config. LangGraph would say the same, but after the run had started.
 */
export async function checkInput(graph: LoadedGraph, input: unknown): Promise<Fault[]> {
  if (graph.factory || input === null || input === undefined) return [];
  return await faultsOfInput((await graph.build({})) as unknown as object, input);
}

/** What is wrong with the input of a compiled graph. */
export async function faultsOfInput(graph: object, input: unknown): Promise<Fault[]> {
  const compiled = graph as Validating;
  const channels = compiled.builder?.channels;
  const isObjectState = channels !== undefined && !("__root__" in channels);
  if (isObjectState && (typeof input !== "object" || Array.isArray(input))) {
    return [{ pointer: "", message: "the input of this graph must be a JSON object" }];
  }
  try {
    await compiled._validateInput?.(input);
    return [];
  } catch (error) {
    return faultsOf(error);
  }
}

// A StateSchema tells its first wrong field in words, with the issues as JSON behind them.
const FIELD_ERROR = /^Validation failed for field "(.*?)": (\[.*\])$/s;

function fieldFaults(field: string, json: string): Fault[] {
  const issues = JSON.parse(json) as { path?: PropertyKey[]; message: string }[];
  return issues.map(({ path = [], message }) => ({
    pointer: [field, ...path].map((key) => `/${escapePointer(String(key))}`).join(""),
    message,
  }));
}

function faultsOf(error: unknown): Fault[] {
  const issues = (error as { issues?: { path: PropertyKey[]; message: string }[] }).issues;
  if (!Array.isArray(issues)) {
    const told = error instanceof Error ? FIELD_ERROR.exec(error.message) : null;
    if (told !== null) return fieldFaults(told[1] as string, told[2] as string);
    return [
      { pointer: "", message: error instanceof Error ? error.message : "the input does not match the graph's state" },
    ];
  }
  return issues.map(({ path, message }) => ({
    pointer: path.map((key) => `/${escapePointer(String(key))}`).join(""),
    message,
  }));
}

function escapePointer(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
