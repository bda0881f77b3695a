import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type BaseCheckpointSaver, MemorySaver } from "@langchain/langgraph";
import { Client } from "@langchain/langgraph-sdk";
import { HoldpointSaver } from "../src/checkpointer.ts";
import { cloneGraph } from "../src/graphs/compiled.ts";
import type { CompiledGraph } from "../src/graphs/graph-set.ts";
import { bootEmbedded } from "../src/postgres/embedded.ts";
import { benchFolder, startServer } from "./server.ts";
import { ms, percentile, type Row } from "./table.ts";
import { twoNodes } from "./workflows/bench.ts";

const WORKFLOWS = fileURLToPath(new URL("workflows", import.meta.url));
const WARM_UP = 50;
const ROUNDS = 200;

/** What a client waits for, through the official SDK over a socket, beside the same graph run in process. */
export async function measureLatency(): Promise<Row[]> {
  const folder = await benchFolder();
  const server = await startServer(folder, WORKFLOWS);
  try {
    const client = new Client({ apiUrl: server.url });
    const { served, durable, inMemory } = await measureWait(client, folder);
    const resumed = await measureResume(client, server.url);
    const times = (samples: number[]) => `${(percentile(served, 0.5) / percentile(samples, 0.5)).toFixed(1)} ×`;
    return [
      { what: "runs.wait of two nodes, p50", figure: ms(percentile(served, 0.5)), expected: "≤ 12 ms" },
      { what: "runs.wait of two nodes, p99", figure: ms(percentile(served, 0.99)), expected: "" },
      { what: "the same graph in process, same database, p50", figure: ms(percentile(durable, 0.5)), expected: "" },
      { what: "the same graph in process, in memory, p50", figure: ms(percentile(inMemory, 0.5)), expected: "" },
      { what: "served / in process, same database", figure: times(durable), expected: "≤ 3 ×" },
      { what: "served / in process, in memory", figure: times(inMemory), expected: "" },
      { what: "decision → resumed node starts, p50", figure: ms(percentile(resumed, 0.5)), expected: "≤ 15 ms" },
      { what: "decision → resumed node starts, p99", figure: ms(percentile(resumed, 0.99)), expected: "" },
    ];
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureWait(client: Client, folder: string) {
  const postgres = await bootEmbedded({ dataDir: folder });
  const saver = HoldpointSaver.fromConnString(postgres.url);
  const inDatabase = withSaver(saver);
  const forgetful = withSaver(new MemorySaver());
  const samples = { served: [] as number[], durable: [] as number[], inMemory: [] as number[] };
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    const { thread_id } = await client.threads.create();
    const options = { configurable: { thread_id: `in-process-${round}` }, durability: "sync" as const };
    const marks = [performance.now()];
    await client.runs.wait(thread_id, "two-nodes", { input: { count: 0 } });
    marks.push(performance.now());
    await inDatabase.invoke({ count: 0 }, options);
    marks.push(performance.now());
    await forgetful.invoke({ count: 0 }, options);
    marks.push(performance.now());
    if (round < 0) continue;
    for (const [position, of] of Object.values(samples).entries()) of.push(marks[position + 1]! - marks[position]!);
  }
  await saver.end();
  await postgres.release();
  return samples;
}

function withSaver(checkpointer: BaseCheckpointSaver) {
  const graph = cloneGraph(twoNodes as unknown as CompiledGraph);
  graph.checkpointer = checkpointer;
  return graph;
}

async function measureResume(client: Client, url: string): Promise<number[]> {
  const samples: number[] = [];
  for (let round = -WARM_UP / 2; round < ROUNDS / 2; round += 1) {
    const { thread_id } = await client.threads.create();
    await client.runs.wait(thread_id, "asks", { input: { count: 0 } });
    const listed = await fetch(`${url}/reviews?status=open&thread_id=${thread_id}`);
    const [review] = (await listed.json()) as { id: string; request_digest: string }[];
    if (review === undefined) throw new Error("the graph asked nothing");
    const decidedAt = performance.timeOrigin + performance.now();
    const answer = await fetch(`${url}/reviews/${review.id}/decision`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ decisions: [{ type: "respond", value: "yes" }], seen_digest: review.request_digest }),
    });
    const { run_id } = (await answer.json()) as { run_id: string };
    const values = (await client.runs.join(thread_id, run_id)) as { started_at: number };
    if (round >= 0) samples.push(values.started_at - decidedAt);
  }
  return samples;
}
