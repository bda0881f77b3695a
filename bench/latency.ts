import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { MemorySaver } from "@langchain/langgraph";
import { Client } from "@langchain/langgraph-sdk";
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
    const { served, inProcess } = await measureWait(client);
    const resumed = await measureResume(client, server.url);
    const ratio = percentile(served, 0.5) / percentile(inProcess, 0.5);
    return [
      { what: "runs.wait of two nodes, p50", figure: ms(percentile(served, 0.5)), expected: "≤ 12 ms" },
      { what: "runs.wait of two nodes, p99", figure: ms(percentile(served, 0.99)), expected: "" },
      { what: "the same graph in process, p50", figure: ms(percentile(inProcess, 0.5)), expected: "" },
      { what: "served / in process", figure: `${ratio.toFixed(1)} ×`, expected: "≤ 3 ×" },
      { what: "decision → resumed node starts, p50", figure: ms(percentile(resumed, 0.5)), expected: "≤ 15 ms" },
      { what: "decision → resumed node starts, p99", figure: ms(percentile(resumed, 0.99)), expected: "" },
    ];
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureWait(client: Client) {
  const graph = twoNodes;
  graph.checkpointer = new MemorySaver();
  const served: number[] = [];
  const inProcess: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    const { thread_id } = await client.threads.create();
    const first = performance.now();
    await client.runs.wait(thread_id, "two-nodes", { input: { count: 0 } });
    const second = performance.now();
    await graph.invoke({ count: 0 }, { configurable: { thread_id } });
    const third = performance.now();
    if (round < 0) continue;
    served.push(second - first);
    inProcess.push(third - second);
  }
  return { served, inProcess };
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
