import { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import type pg from "pg";
import { importPackage, installPackages, wantedVersions } from "../packages.ts";

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

const PACKAGES = {
  official: ["@langchain/langgraph-checkpoint-postgres"],
  dbos: ["@dbos-inc/dbos-sdk"],
  mastra: ["@mastra/core", "@mastra/pg"],
} as const;

/** Loads the peers, after installing those that are missing; one that cannot be had is left out with a line that says so. */
export async function loadPeers(say: (line: string) => void): Promise<Peers> {
  const absent = await installPackages(Object.values(PACKAGES).flat(), say);
  const peers: Peers = {};
  for (const [peer, packages] of Object.entries(PACKAGES)) {
    const missing = packages.find((name) => absent.includes(name));
    try {
      if (missing !== undefined)
        throw new Error(`${missing} ${wantedVersions()[missing]} could not be installed in bench/`);
      await load(peers, peer as keyof Peers);
    } catch (error) {
      say(`without ${peer}: ${(error as Error).message.split("\n")[0]}`);
    }
  }
  return peers;
}

async function load(peers: Peers, peer: keyof Peers): Promise<void> {
  if (peer === "official") {
    const official = await importPackage<NonNullable<Peers["official"]>>("@langchain/langgraph-checkpoint-postgres");
    if (!(official.PostgresSaver.prototype instanceof BaseCheckpointSaver)) {
      throw new Error("it has a copy of LangGraph of its own, which compares nothing; delete bench/node_modules");
    }
    peers.official = official;
  } else if (peer === "dbos") {
    peers.dbos = await importPackage("@dbos-inc/dbos-sdk");
  } else {
    process.env["MASTRA_TELEMETRY_DISABLED"] = "1";
    peers.mastra = {
      core: await importPackage("@mastra/core/mastra"),
      workflows: await importPackage("@mastra/core/workflows"),
      pg: await importPackage("@mastra/pg"),
    };
  }
}
