import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseEnv } from "node:util";
import type { z } from "zod";
import { postgresAddress, type ValueKind } from "./config-values.ts";
import { FIELDS, PORT_VARIABLE, VARIABLES } from "./config-variables.ts";
import { HoldpointError } from "./protocol/errors.ts";

type Fields = typeof FIELDS;
type Values = { readonly [Key in keyof Fields]: z.output<Fields[Key]["schema"]> | Fields[Key]["fallback"] };

/** Everything the environment says, checked. Paths are absolute. */
export interface Config extends Values {
  /** True when PORT was given: taken is an error then. */
  readonly isPortExplicit: boolean;
  /** Where the policy file is looked for when none is named, in this order. */
  readonly policyPlaces: readonly string[];
  /** Address of each database port by its name in lower case. */
  readonly databasePorts: ReadonlyMap<string, string>;
  /** Lines worth telling: variables that look like ours and are not. */
  readonly warnings: readonly string[];
}

/** The environment of a process; a variable set to nothing counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the environment over the file `.env` in `cwd`. All that is wrong is told at once, a line each. */
export function readConfig(env: Environment, cwd: string): Config {
  const given = merge(env, cwd);
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
    policyPlaces: [...new Set([join(dirname(workflowsDir), POLICY_FILE), join(resolve(cwd), POLICY_FILE)])],
    isPortExplicit: given.has(FIELDS.port.name),
    databasePorts,
    warnings: findStrangers(given),
  };
}

const POLICY_FILE = "policy.yaml";
const SECRETS = new Set(["DATABASE_URL", "HOLDPOINT_API_KEY", "HOLDPOINT_WEBHOOK_SECRETS", "HOLDPOINT_SMTP_URL"]);

/** Takes addresses and keys out of the environment once they are read: graphs and their children need not see them. */
export function forgetSecrets(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(env)) {
    if (SECRETS.has(name) || PORT_VARIABLE.test(name)) delete env[name];
  }
}

interface Given {
  text: string;
  /** Where it stands, when that is not the environment. */
  from: string;
}

function merge(env: Environment, cwd: string): Map<string, Given> {
  const given = new Map<string, Given>();
  const add = (name: string, text: string | undefined, from: string) => {
    const trimmed = text?.trim() ?? "";
    if (trimmed !== "") given.set(name, { text: trimmed, from });
  };
  for (const [name, text] of Object.entries(readEnvFile(join(cwd, ".env")))) add(name, text, " (in .env)");
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
