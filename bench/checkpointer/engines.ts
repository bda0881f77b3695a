import { z } from "zod";
import { openPool } from "../../src/postgres/pool.ts";
import type { Lab } from "./lab.ts";
import type { Latency } from "./options.ts";
import type { Peers } from "./peers.ts";
import type { Column } from "./row.ts";

/** An engine of its own kind doing what the graph of four nodes does. */
export interface Engine {
  readonly column: Column;
  /** One run of four steps, with its database if the caller wants to look at it. */
  run(): Promise<unknown>;
  bytes(): Promise<number>;
  close(): Promise<void>;
}

const CONNECTIONS = 10;
const STEPS = ["a", "b", "c", "d"];
const next = ({ text, count }: { text: string; count: number }, step: string) => ({
  text: `${text}${step}`,
  count: count + 1,
});

/** Opens the engines that are installed, each on a fresh database with a pool of ten. */
export async function openEngines(lab: Lab, road: Latency | "counted"): Promise<Engine[]> {
  const engines: Engine[] = [];
  if (lab.peers.dbos !== undefined) engines.push(await openDbos(lab, lab.peers.dbos, road));
  if (lab.peers.mastra !== undefined) engines.push(await openMastra(lab, lab.peers.mastra, road));
  return engines;
}

type Dbos = NonNullable<Peers["dbos"]>["DBOS"];
let registered: ((input: Record<string, unknown>) => Promise<unknown>) | undefined;

/** DBOS is one of a kind in its process, and so are its workflows. */
function registerOnce(DBOS: Dbos) {
  registered ??= DBOS.registerWorkflow(
    async (input) => {
      let state = input as { text: string; count: number };
      for (const step of STEPS) state = await DBOS.runStep(async () => next(state, step), { name: step });
      return state;
    },
    { name: "four-steps" },
  );
  return registered;
}

async function openDbos(lab: Lab, { DBOS }: { DBOS: Dbos }, road: Latency | "counted"): Promise<Engine> {
  const workflow = registerOnce(DBOS);
  const database = await lab.createDatabase("empty");
  const url = database.url(road);
  const pool = openPool({ connectionString: url, max: CONNECTIONS });
  DBOS.setConfig({ name: "bench", systemDatabaseUrl: url, systemDatabasePool: pool, logLevel: "error" });
  await DBOS.launch();
  return {
    column: "dbos",
    run: () => workflow({ text: "", count: 0 }),
    bytes: () => database.bytes(),
    async close() {
      await DBOS.shutdown();
      if (!pool.ended) await pool.end();
      await database.drop();
    },
  };
}

async function openMastra(
  lab: Lab,
  { core, workflows, pg }: NonNullable<Peers["mastra"]>,
  road: Latency | "counted",
): Promise<Engine> {
  const database = await lab.createDatabase("empty");
  const pool = openPool({ connectionString: database.url(road), max: CONNECTIONS });
  const storage = new pg.PostgresStore({ id: "bench", pool });
  await storage.init();
  const schema = z.object({ text: z.string(), count: z.number() });
  let building = workflows.createWorkflow({ id: "four", inputSchema: schema, outputSchema: schema });
  for (const id of STEPS) {
    const execute = async ({ inputData }: { inputData: { text: string; count: number } }) => next(inputData, id);
    building = building.then(workflows.createStep({ id, inputSchema: schema, outputSchema: schema, execute }));
  }
  const mastra = new core.Mastra({ workflows: { four: building.commit() }, storage, logger: false });
  return {
    column: "mastra",
    async run() {
      const run = await mastra.getWorkflow("four").createRun();
      const { status } = await run.start({ inputData: { text: "", count: 0 } });
      if (status !== "success") throw new Error(`the run of Mastra ended ${status}`);
    },
    bytes: () => database.bytes(),
    async close() {
      if (!pool.ended) await pool.end();
      await database.drop();
    },
  };
}
