import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseEnv } from "node:util";
import type { z } from "zod";
import { postgresAddress, type ValueKind } from "./config-values.ts";
import { FIELDS, PORT_VARIABLE, VARIABLES } from "./config-variables.ts";
import { type GraphDefaults, parseGraphDefaults } from "./graphs/project/graph-defaults.ts";
import { PROJECT_FILE, type Project, readProject } from "./graphs/project/read-project.ts";
import { HoldpointError } from "./protocol/errors.ts";

type Fields = typeof FIELDS;
type Values = { readonly [Key in keyof Fields]: z.output<Fields[Key]["schema"]> | Fields[Key]["fallback"] };

/** Everything the environment says, checked. Paths are absolute. */
export interface Config extends Values {
  /** True when PORT was given: taken is an error then. */
  readonly isPortExplicit: boolean;
  /** Where the policy file is looked for when none is named, in this order. */
  readonly policyPlaces: readonly string[];
  /** The LangGraph project whose graphs are loaded; undefined where the workflows folder has them. */
  readonly project: Project | undefined;
  /** The Auth that says who the users are: as it is written, and where from. */
  readonly authExport: { readonly reference: string; readonly directory: string } | undefined;
  /** Reads the project's file again, as it is when it is called. */
  readonly readProjectAgain: () => Project;
  /** What the graphs' own assistants have been told, by graph. */
  readonly graphDefaults: GraphDefaults;
  /** Address of each database port by its name in lower case. */
  readonly databasePorts: ReadonlyMap<string, string>;
  /** Lines worth telling: variables that look like ours and are not. */
  readonly warnings: readonly string[];
}

/** The environment of a process; a variable set to nothing counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the environment over the file `.env` in `cwd`. All that is wrong is told at once, a line each. */
export function readConfig(env: Environment, cwd: string): Config {
  const found = findProject(merge(env, cwd, {}), cwd);
  const readProjectAgain = () => readProject(found as string, new Set(Object.keys(env)));
  const project = found === undefined ? undefined : readProjectAgain();
  const given = merge(env, cwd, project?.env ?? {});
  const wrong: string[] = [];
  const check = <Value>(name: string, kind: ValueKind<Value>): Value | undefined => {
    const entry = given.get(name);
    if (entry === undefined) return undefined;
    const parsed = kind.schema.safeParse(entry.text);
    if (!parsed.success) wrong.push(`${name} is ${kind.show(entry.text)}${entry.from}; allowed is ${kind.allowed}`);
    return parsed.data;
  };
  const entries = Object.entries(FIELDS).map(([key, { name, fallback, ...kind }]) => [
    key,
    check<unknown>(name, kind) ?? fallback,
  ]);
  const databasePorts = new Map<string, string>();
  for (const name of given.keys()) {
    const port = PORT_VARIABLE.exec(name)?.[1];
    if (port === undefined || port === "DIRECT") continue;
    databasePorts.set(port.toLowerCase(), check(name, postgresAddress()) ?? "");
  }
  if (wrong.length > 0) throw new HoldpointError("configuration_invalid", wrong.join("\n"), { facts: { wrong } });
  const config = Object.fromEntries(entries) as Values;
  const workflowsDir = resolve(cwd, config.workflowsDir);
  return {
    ...config,
    dataDir: resolve(cwd, config.dataDir),
    workflowsDir,
    smtpCaFile: config.smtpCaFile === undefined ? undefined : resolve(cwd, config.smtpCaFile),
    policyFile: config.policyFile === undefined ? undefined : resolve(cwd, config.policyFile),
    policyPlaces: [...new Set([project?.directory ?? dirname(workflowsDir), resolve(cwd)])].map((folder) =>
      join(folder, POLICY_FILE),
    ),
    project,
    authExport: authExport(config.auth, cwd, project),
    readProjectAgain,
    graphDefaults: parseGraphDefaults(project === undefined ? undefined : given.get("LANGGRAPH_CONFIG")?.text),
    isPortExplicit: given.has(FIELDS.port.name),
    databasePorts,
    warnings: [...findStrangers(given), ...(project?.warnings ?? []), ...unusedFolder(given, cwd, project)],
  };
}

const POLICY_FILE = "policy.yaml";
const SECRETS = new Set([
  "DATABASE_URL",
  "HOLDPOINT_API_KEY",
  "HOLDPOINT_WEBHOOK_SECRETS",
  "HOLDPOINT_SMTP_URL",
  "HOLDPOINT_SEARCH_KEY",
]);

/** Takes addresses and keys out of the environment once they are read: graphs and their children need not see them. */
export function forgetSecrets(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(env)) {
    if (SECRETS.has(name) || PORT_VARIABLE.test(name)) delete env[name];
  }
}

/** Gives graphs the variables that their project says and the environment does not. Those of this server are not for them. */
export function lendVariables(env: NodeJS.ProcessEnv, { project }: Pick<Config, "project">): void {
  for (const [name, text] of Object.entries(project?.env ?? {})) {
    if (SECRETS.has(name) || name.startsWith("HOLDPOINT_")) continue;
    env[name] ??= text;
  }
  // By this graphs know that they are told who has started them, as where LangGraph's own server builds the project.
  if (project?.auth?.path !== undefined) env["LANGGRAPH_AUTH"] ??= JSON.stringify(project.auth);
}

/** The file of the project that was named, or lies in the working directory while no other folder was named. */
function findProject(given: ReadonlyMap<string, Given>, cwd: string): string | undefined {
  const named = given.get(FIELDS.projectFile.name)?.text;
  // What is no path is told with everything else that is wrong.
  if (named !== undefined) return FIELDS.projectFile.schema.safeParse(named).success ? resolve(cwd, named) : undefined;
  if (given.has(FIELDS.workflowsDir.name)) return undefined;
  const beside = join(resolve(cwd), PROJECT_FILE);
  return existsSync(beside) ? beside : undefined;
}

/** Of the two places that may name it the environment comes first. */
function authExport(named: string | undefined, cwd: string, project: Project | undefined): Config["authExport"] {
  if (named !== undefined) return { reference: named, directory: resolve(cwd) };
  const reference = project?.auth?.path;
  return reference === undefined ? undefined : { reference, directory: project?.directory ?? cwd };
}

function unusedFolder(given: ReadonlyMap<string, Given>, cwd: string, project: Project | undefined): string[] {
  const { name, fallback } = FIELDS.workflowsDir;
  const folder = resolve(cwd, given.get(name)?.text ?? fallback);
  if (project === undefined || given.has(FIELDS.projectFile.name) || !existsSync(folder)) return [];
  return [`the graphs are those of ${project.path}, and none of the folder ${folder}; ${name} alone would load that`];
}

interface Given {
  text: string;
  /** Where it stands, when that is not the environment. */
  from: string;
}

function merge(env: Environment, cwd: string, ofProject: Environment): Map<string, Given> {
  const given = new Map<string, Given>();
  const add = (name: string, text: string | undefined, from: string) => {
    const trimmed = text?.trim() ?? "";
    if (trimmed !== "") given.set(name, { text: trimmed, from });
  };
  for (const [name, text] of Object.entries(readEnvFile(join(cwd, ".env")))) add(name, text, " (in .env)");
  for (const [name, text] of Object.entries(ofProject)) add(name, text, ` (in the env of ${PROJECT_FILE})`);
  for (const [name, text] of Object.entries(env)) add(name, text, "");
  return given;
}

function readEnvFile(path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, "utf8"));
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return {};
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HoldpointError("configuration_invalid", `cannot read ${path}: ${reason}`, { cause });
  }
}

function findStrangers(given: ReadonlyMap<string, Given>): string[] {
  const known = new Set(VARIABLES.map(({ name }) => name));
  return [...given.keys()]
    .filter((name) => name.startsWith("HOLDPOINT_") && !known.has(name) && !PORT_VARIABLE.test(name))
    .map((name) => `${name} is not a variable of Holdpoint and has no effect`);
}
