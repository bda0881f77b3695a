import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import type pg from "pg";

/** What of the peers' APIs is used here; they are not installed where types are checked. */
export interface Peers {
  official?: { PostgresSaver: new (pool: pg.Pool) => BaseCheckpointSaver & { setup(): Promise<void> } };
  dbos?: { DBOS: Dbos };
  mastra?: { core: MastraCore; workflows: MastraWorkflows; pg: MastraPg };
}

type Step = (input: Record<string, unknown>) => Promise<Record<string, unknown>>;

interface Dbos {
  registerWorkflow(body: Step, options: { name: string }): Step;
  runStep<Result>(body: () => Promise<Result>, options: { name: string }): Promise<Result>;
  setConfig(config: Record<string, unknown>): void;
  launch(): Promise<void>;
  shutdown(): Promise<void>;
}

interface MastraWorkflow {
  then(step: unknown): MastraWorkflow;
  commit(): MastraWorkflow;
  createRun(): Promise<{ start(options: { inputData: unknown }): Promise<{ status: string; result?: unknown }> }>;
}

interface MastraCore {
  Mastra: new (options: Record<string, unknown>) => { getWorkflow(name: string): MastraWorkflow };
}

interface MastraWorkflows {
  createWorkflow(options: Record<string, unknown>): MastraWorkflow;
  createStep(options: Record<string, unknown>): unknown;
}

interface MastraPg {
  PostgresStore: new (options: { id: string; pool: pg.Pool }) => { init(): Promise<void> };
}

const FOLDER = fileURLToPath(new URL("..", import.meta.url));
const PACKAGES = {
  official: ["@langchain/langgraph-checkpoint-postgres"],
  dbos: ["@dbos-inc/dbos-sdk"],
  mastra: ["@mastra/core", "@mastra/pg"],
} as const;

/** Loads the peers, after installing those that are missing; one that cannot be had is left out with a line that says so. */
export async function loadPeers(say: (line: string) => void): Promise<Peers> {
  const wanted = wantedVersions();
  if (Object.entries(wanted).some(([name, version]) => installedVersion(name) !== version)) {
    say("installing what is compared with (once) …");
    await install();
  }
  const peers: Peers = {};
  for (const [peer, packages] of Object.entries(PACKAGES)) {
    const missing = packages.find((name) => installedVersion(name) !== wanted[name]);
    try {
      if (missing !== undefined) throw new Error(`${missing} ${wanted[missing]} could not be installed in bench/`);
      await load(peers, peer as keyof Peers);
    } catch (error) {
      say(`without ${peer}: ${(error as Error).message.split("\n")[0]}`);
    }
  }
  return peers;
}

async function load(peers: Peers, peer: keyof Peers): Promise<void> {
  if (peer === "official") {
    const official = await importPeer<NonNullable<Peers["official"]>>("@langchain/langgraph-checkpoint-postgres");
    if (!(official.PostgresSaver.prototype instanceof BaseCheckpointSaver)) {
      throw new Error("it has a copy of LangGraph of its own, which compares nothing; delete bench/node_modules");
    }
    peers.official = official;
  } else if (peer === "dbos") {
    peers.dbos = await importPeer("@dbos-inc/dbos-sdk");
  } else {
    process.env["MASTRA_TELEMETRY_DISABLED"] = "1";
    peers.mastra = {
      core: await importPeer("@mastra/core/mastra"),
      workflows: await importPeer("@mastra/core/workflows"),
      pg: await importPeer("@mastra/pg"),
    };
  }
}

/** By a name that the type checker cannot follow: in a fresh clone the package is not there yet. */
const importPeer = async <Module>(name: string): Promise<Module> => (await import(name)) as Module;

function wantedVersions(): Record<string, string> {
  const manifest = JSON.parse(readFileSync(join(FOLDER, "package.json"), "utf8")) as {
    optionalDependencies: Record<string, string>;
  };
  return manifest.optionalDependencies;
}

function installedVersion(name: string): string | undefined {
  const manifest = join(FOLDER, "node_modules", name, "package.json");
  if (!existsSync(manifest)) return undefined;
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}

/** Without their peer dependencies: those are found one folder further up, so that there is one LangGraph. */
function install(): Promise<void> {
  const cli = process.env["npm_execpath"];
  const [command, first] =
    cli !== undefined && basename(cli) === "npm-cli.js" ? [process.execPath, [cli]] : ["npm", []];
  const flags = [
    "--legacy-peer-deps",
    "--no-package-lock",
    "--ignore-scripts",
    "--prefer-offline",
    "--fetch-retries=1",
  ];
  const quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
  const child = spawn(command, [...first, "install", ...flags, ...quiet], { cwd: FOLDER, stdio: ["ignore", 2, 2] });
  // What is missing afterwards is left out by name.
  return new Promise((resolve) => {
    child.on("error", () => resolve());
    child.on("exit", () => resolve());
  });
}
