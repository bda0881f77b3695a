import { existsSync, readFileSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { formatLoadError } from "../graphs/graph-set.ts";
import { migrate } from "../postgres/migrate.ts";
import type { Cli } from "./cli.ts";
import { withDatabaseUrl } from "./commands/db.ts";
import { count } from "./format.ts";
import { graphsPlace, loadLocalGraphs } from "./local-graphs.ts";
import { sanitiseLine } from "./sanitise.ts";

/** What a check saw, and what to do about it. Several lines are several things found. */
export interface Finding {
  ok: boolean;
  found: string;
  advice?: string;
}

/** One thing an installation needs. */
export interface Check {
  name: string;
  examine(): Promise<Finding> | Finding;
}

const OLDEST_NODE = [22, 18] as const;
const LEAST_FREE_BYTES = 1024 ** 3;
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Everything that is checked, in the order in which things depend on each other. */
export function installationChecks(cli: Cli): Check[] {
  return [
    { name: "node", examine: checkNode },
    { name: "packages", examine: checkPackages },
    { name: "configuration", examine: () => checkConfiguration(cli) },
    { name: "disk", examine: () => checkDisk(cli) },
    { name: "database", examine: () => checkDatabase(cli) },
    { name: "graphs", examine: () => checkGraphs(cli) },
    { name: "policy", examine: () => checkPolicy(cli) },
    { name: "server", examine: () => checkServer(cli) },
  ];
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const ok = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  return {
    ok,
    found: `Node ${process.versions.node}`,
    ...(ok ? {} : { advice: `install Node ${OLDEST_NODE.join(".")} or newer` }),
  };
}

function checkPackages(): Finding {
  const { dependencies } = readPackage(join(ROOT, "package.json")) as { dependencies: Record<string, string> };
  const wrong = Object.entries(dependencies).flatMap(([name, wanted]) => {
    // Beside this package's own, where it is itself a dependency.
    const path = [join(ROOT, "node_modules"), dirname(ROOT)]
      .map((folder) => join(folder, name, "package.json"))
      .find(existsSync);
    if (path === undefined) return [`${name} is not installed`];
    const { version } = readPackage(path) as { version: string };
    return /^\d/.test(wanted) && version !== wanted ? [`${name} is ${version}, ${wanted} is wanted`] : [];
  });
  if (wrong.length > 0) return { ok: false, found: wrong.join("\n"), advice: "install them: npm ci --include=dev" };
  return { ok: true, found: `${Object.keys(dependencies).length} installed, as pinned` };
}

function checkConfiguration(cli: Cli): Finding {
  const { warnings } = cli.config();
  return { ok: true, found: warnings.length === 0 ? "nothing wrong" : warnings.join("\n") };
}

function checkDisk(cli: Cli): Finding {
  let folder = cli.config().dataDir;
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const found = `${(free / 1024 ** 3).toFixed(1)} GB free in ${folder}`;
  return free >= LEAST_FREE_BYTES
    ? { ok: true, found }
    : { ok: false, found, advice: "make room: PostgreSQL stops when the disk is full" };
}

async function checkDatabase(cli: Cli): Promise<Finding> {
  const { databaseUrl, dataDir } = cli.config();
  const kind = databaseUrl === undefined ? "embedded" : "DATABASE_URL";
  if (databaseUrl === undefined && !existsSync(join(dataDir, "pg18.lock"))) {
    const { findBinaries } = await import("../postgres/embedded-binaries.ts");
    findBinaries(undefined, () => undefined);
    return { ok: true, found: "embedded, not made yet: the first start makes it" };
  }
  return await withDatabaseUrl(cli, async (url) => {
    // Does everything and takes it back: says what is pending without changing anything.
    const { applied, newer } = await migrate({ url, dryRun: true });
    const pending =
      applied.length === 0 ? "migrated" : `${count(applied.length, "migration")} to apply, which starting does`;
    const ahead = newer.length === 0 ? "" : `, ${count(newer.length, "migration")} of a newer version`;
    return {
      ok: true,
      found: `${kind}, ${pending}${ahead}`,
    };
  });
}

async function checkGraphs(cli: Cli): Promise<Finding> {
  const { graphs, errors } = await loadLocalGraphs(cli.config());
  const names = [...graphs.keys()].join(", ");
  if (errors.length > 0)
    return {
      ok: false,
      found: errors.map(formatLoadError).join("\n"),
      advice: `mend these files; the others load (${names || "none"})`,
    };
  if (graphs.size === 0)
    return {
      ok: false,
      found: `none in ${graphsPlace(cli.config())}`,
      advice: "put a graph file there, or set HOLDPOINT_WORKFLOWS_DIR",
    };
  return { ok: true, found: `${count(graphs.size, "graph")}: ${names}` };
}

async function checkPolicy(cli: Cli): Promise<Finding> {
  // Loaded only here, as where it is checked by itself.
  const { readPolicyFile } = await import("../compose/policy-file.ts");
  const read = await readPolicyFile(cli.config());
  if (read === undefined) return { ok: true, found: "no file: every review goes by the defaults" };
  if (read.ok) return { ok: true, found: `${count(read.value.rules.length, "rule")} in ${read.path}` };
  return {
    ok: false,
    found: `${count(read.faults.length, "fault")} in ${read.path}`,
    advice: "holdpoint policy check says where",
  };
}

async function checkServer(cli: Cli): Promise<Finding> {
  const { dataDir, serverUrl, port, host, isPortExplicit } = cli.config();
  if (serverUrl !== undefined || existsSync(join(dataDir, "server.json"))) {
    const api = cli.api();
    const { body } = await api.request("GET", "/info", z.looseObject({ version: z.string() }));
    return { ok: true, found: `version ${sanitiseLine(body.version)} answers at ${api.connection.url}` };
  }
  const isFree = await canListen(port, host);
  if (isFree) return { ok: true, found: `not running; port ${port} is free` };
  if (!isPortExplicit) return { ok: true, found: `not running; port ${port} is taken, the next free one will be used` };
  return {
    ok: false,
    found: `not running; port ${port} is taken`,
    advice: "set PORT to another one, or stop what listens there",
  };
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

function readPackage(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
