import { readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { parseEnv } from "node:util";
import type { z } from "zod";
import { HoldpointError } from "../../protocol/errors.ts";
import { oneLine } from "../load-error.ts";
import { parseReference } from "../reference.ts";
import { duplicateKeys } from "./duplicate-keys.ts";
import { type ProjectJson, projectSchema, withoutEffect } from "./schema.ts";

/** One graph as a project names it. */
export interface ProjectGraph {
  graph_id: string;
  /** As it is written: `./src/agent.ts:graph`. */
  reference: string;
  description?: string;
}

/** A LangGraph project as its `langgraph.json` describes it. */
export interface Project extends Pick<ProjectJson, "auth" | "http" | "store" | "checkpointer"> {
  /** The file. */
  path: string;
  /** The folder it is in, which paths in it are relative to. */
  directory: string;
  graphs: readonly ProjectGraph[];
  /** Variables for what the project's environment does not say. */
  env: Readonly<Record<string, string>>;
  /** Lines worth telling: keys without effect, variables that are missing. */
  warnings: readonly string[];
}

/** What a project's file is called. */
export const PROJECT_FILE = "langgraph.json";

const MAX_BYTES = 1_048_576;

/** Reads a project's file, or the one in the folder given. All that is wrong is told at once. Throws `configuration_invalid`. */
export function readProject(given: string, environment: ReadonlySet<string>): Project {
  const path = fileOf(given);
  const directory = dirname(path);
  const text = textOf(path);
  const json = jsonOf(path, text);
  const parsed = projectSchema.safeParse(json);
  const wrong = parsed.success ? [] : parsed.error.issues.map(faultOf);
  wrong.push(...duplicateKeys(text).map((key) => `the key ${JSON.stringify(oneLine(key))} stands twice in one object`));
  if (!parsed.success) throw refuse(path, wrong);
  const { graphs, env, auth, http, store, checkpointer } = parsed.data;
  const listed = Object.entries(graphs).map(([graph_id, entry]): ProjectGraph => {
    const { path: reference, description } = typeof entry === "string" ? { path: entry } : entry;
    return { graph_id, reference, ...(description === undefined ? {} : { description }) };
  });
  const references: [string, string | undefined][] = [
    ...listed.map(({ graph_id, reference }): [string, string] => [`graphs.${oneLine(graph_id)}`, reference]),
    ["auth.path", auth?.path],
    ["http.app", http?.app],
  ];
  for (const [key, reference] of references) {
    const why = reference === undefined ? undefined : outside(reference, directory);
    if (why !== undefined) wrong.push(`${key} is ${JSON.stringify(oneLine(reference ?? ""))}, which ${why}`);
  }
  wrong.push(...regexFault(http?.cors?.allow_origin_regex));
  const variables = variablesOf(env, directory, environment);
  if (typeof variables === "string") wrong.push(variables);
  if (wrong.length > 0 || typeof variables === "string") throw refuse(path, wrong);
  return {
    path,
    directory,
    graphs: listed,
    env: variables.env,
    warnings: [...withoutEffect(json), ...variables.missing].map((line) => `${PROJECT_FILE}: ${oneLine(line)}`),
    ...(auth === undefined ? {} : { auth }),
    ...(http === undefined ? {} : { http }),
    ...(store === undefined ? {} : { store }),
    ...(checkpointer === undefined ? {} : { checkpointer }),
  };
}

/** Where a reference of a project leads. */
export const pathOf = (reference: string, directory: string): string =>
  resolve(directory, parseReference(reference).file);

function fileOf(given: string): string {
  try {
    return statSync(given).isDirectory() ? join(given, PROJECT_FILE) : given;
  } catch {
    return given;
  }
}

function textOf(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES / 1024} KB`);
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (cause) {
    throw refuse(path, [`it cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`], cause);
  }
}

function jsonOf(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refuse(path, [`it is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`], cause);
  }
}

function faultOf({ path, message }: z.core.$ZodIssue): string {
  const key = path.map(String).join(".");
  return `${key === "" ? "the file" : oneLine(key)}: ${message.replace(/^Invalid input: /, "")}`;
}

const PYTHON = /\.py$/;

/** Why a reference leads nowhere; undefined when it leads to a file of the project. */
function outside(reference: string, directory: string): string | undefined {
  const path = pathOf(reference, directory);
  const inside = relative(directory, path);
  if (inside === "" || inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside))
    return "is not inside the project's folder";
  if (PYTHON.test(path)) return "is Python; what is loaded here is TypeScript and JavaScript";
  return undefined;
}

function regexFault(source: string | undefined): string[] {
  try {
    new RegExp(source ?? "");
    return [];
  } catch {
    return ["http.cors.allow_origin_regex is no regular expression"];
  }
}

interface Variables {
  env: Record<string, string>;
  missing: string[];
}

function variablesOf(env: ProjectJson["env"], directory: string, environment: ReadonlySet<string>): Variables | string {
  if (env === undefined) return { env: {}, missing: [] };
  if (Array.isArray(env)) {
    const absent = env.filter((name) => !environment.has(name));
    return { env: {}, missing: absent.map((name) => `env names ${name}, which the environment does not have`) };
  }
  if (typeof env !== "string") return { env, missing: [] };
  try {
    const parsed = parseEnv(readFileSync(resolve(directory, env), "utf8")) as Record<string, string>;
    return { env: parsed, missing: [] };
  } catch (cause) {
    return `env names the file ${JSON.stringify(oneLine(env))}, which cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
}

function refuse(path: string, wrong: readonly string[], cause?: unknown): HoldpointError {
  const lines = wrong.slice(0, 20).map((line) => `${path}: ${oneLine(line)}`);
  return new HoldpointError("configuration_invalid", lines.join("\n"), {
    facts: { path, wrong },
    ...(cause === undefined ? {} : { cause }),
  });
}
