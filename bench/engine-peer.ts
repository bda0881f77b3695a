import { fileURLToPath } from "node:url";
import { type BaseCheckpointSaver, MemorySaver } from "@langchain/langgraph";
import { openPool } from "../src/postgres/pool.ts";
import { fourNodes, withSaver } from "./checkpointer/graphs.ts";
import { repeat } from "./checkpointer/measure.ts";
import { loadPeers } from "./checkpointer/peers.ts";
import { IN_FLIGHT, settledRate } from "./engine-rate.ts";

// One of those that Holdpoint is compared with, in a process of its own: engine-peer.ts <job> <database> <count>
const CONNECTIONS = 10;
const QUEUE = "bench";
// Its default is one look a second; this is as often as a user could want it.
const LOOK_MS = 10;
const STEPS = ["a", "b", "c", "d"];

interface State {
  text: string;
  count: number;
}

interface Dbos {
  registerWorkflow(body: (input: State) => Promise<State>, options: { name: string }): (input: State) => Promise<State>;
  runStep<Result>(body: () => Promise<Result>, options: { name: string }): Promise<Result>;
  setConfig(config: Record<string, unknown>): void;
  launch(): Promise<void>;
  shutdown(): Promise<void>;
  registerQueue(name: string, options: Record<string, unknown>): Promise<unknown>;
  startWorkflow(
    workflow: (input: State) => Promise<State>,
    options: { queueName: string },
  ): (input: State) => Promise<unknown>;
}

const [job, url = "", count = "0"] = process.argv.slice(2);
const peers = await loadPeers((line) => process.stderr.write(`bench: ${line}\n`));
switch (job) {
  case "official":
    await runOfficial(Number(count));
    break;
  case "memory":
    await invokeAll(new MemorySaver(), Number(count));
    break;
  case "enqueue":
    await enqueue(Number(count));
    break;
  case "work":
    await work();
    break;
  default:
    throw new Error(`${fileURLToPath(import.meta.url)} ${job}: use official, memory, enqueue or work`);
}

/** The official saver, called directly: no queue, nobody else may take over. */
async function runOfficial(runs: number): Promise<void> {
  const pool = openPool({ connectionString: url, max: CONNECTIONS });
  const saver = new peers.official!.PostgresSaver(pool);
  await saver.setup();
  await invokeAll(saver, runs);
  await pool.end();
}

async function invokeAll(saver: BaseCheckpointSaver, runs: number): Promise<void> {
  const graph = withSaver(fourNodes(), saver);
  const ends: number[] = [];
  await repeat(runs, IN_FLIGHT, async (index) => {
    await graph.invoke({ text: "", count: 0 }, { configurable: { thread_id: `t${index}` }, durability: "sync" });
    ends.push(performance.now());
  });
  console.log(settledRate(ends));
}

async function openDbos(listens: boolean): Promise<{ DBOS: Dbos; workflow: (input: State) => Promise<State> }> {
  const DBOS = peers.dbos!.DBOS as unknown as Dbos;
  const workflow = DBOS.registerWorkflow(
    async (input) => {
      let state = input;
      for (const step of STEPS) {
        const { text, count: steps } = state;
        state = await DBOS.runStep(async () => ({ text: `${text}${step}`, count: steps + 1 }), { name: step });
      }
      return state;
    },
    { name: "four-steps" },
  );
  const pool = openPool({ connectionString: url, max: CONNECTIONS });
  const queues = listens ? {} : { listenQueues: ["none"] };
  DBOS.setConfig({ name: "bench", systemDatabaseUrl: url, systemDatabasePool: pool, logLevel: "error", ...queues });
  await DBOS.launch();
  await DBOS.registerQueue(QUEUE, { workerConcurrency: IN_FLIGHT, minPollingIntervalMs: LOOK_MS });
  return { DBOS, workflow };
}

async function enqueue(workflows: number): Promise<void> {
  const { DBOS, workflow } = await openDbos(false);
  const begin = performance.now();
  const one = () => DBOS.startWorkflow(workflow, { queueName: QUEUE })({ text: "", count: 0 });
  await repeat(workflows, IN_FLIGHT, one);
  const took = performance.now() - begin;
  await DBOS.shutdown();
  console.log((workflows / took) * 1000);
  process.exit(0);
}

async function work(): Promise<void> {
  await openDbos(true);
  console.log("DBOS works.");
}
