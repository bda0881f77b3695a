import { readFile, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Client } from "@langchain/langgraph-sdk";
import { bootEmbedded } from "../src/postgres/embedded.ts";
import { openPool } from "../src/postgres/pool.ts";
import { seedReviews } from "./review-seed.ts";
import { benchFolder, startServer } from "./server.ts";
import { ms, percentile, type Row } from "./table.ts";

const OPEN = 10_000;
const CLOSED = 40_000;
const WARM_UP = 10;
const AT_ONCE = 4;
const GRAPH = "refund-approval";
const fromHere = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// What the inbox asks for, 50 rows of it; the last is for comparison.
const LISTS: [string, string][] = [
  ["everything open", "/reviews?status=open&limit=50"],
  ["mine", "/reviews?status=open&limit=50&mine=true"],
  ["of a group", "/reviews?status=open&limit=50&group=group-3"],
  ["unclaimed, by what is due next", "/reviews?status=open&limit=50&unclaimed=true&sort=due_at"],
  ["overdue, by priority", "/reviews?status=open&limit=50&overdue=true&sort=priority"],
  ["of a graph", "/reviews?status=open&limit=50&graph_id=graph-7"],
  ["of high risk, newest first", "/reviews?status=open&limit=50&risk=high&sort=newest"],
  ["by a part of the title", "/reviews?status=open&limit=50&q=invoice%2099"],
  ["the hundredth page", "/reviews?status=open&limit=50&offset=4950&sort=due_at"],
  ["the counts", "/reviews/counts"],
];
const OVER: [string, string] = ["closed", "/reviews?status=closed&limit=50&sort=newest"];

/** How long the inbox takes to show what waits, and a decision to be taken, where much waits and more is over. */
export async function measureReviews({ quick }: { quick: boolean }): Promise<Row[]> {
  const folder = await benchFolder();
  const server = await startServer(folder, fromHere("../workflows"));
  try {
    const client = new Client({ apiUrl: server.url });
    const waiting = await pause(client, server.url, quick ? 60 : 300);
    await seed(folder, waiting[0] as Waiting);
    const listed = await measureLists(server.url, quick ? 10 : 60);
    const decided = await measureDecisions(client, server.url, waiting);
    return rowsOf(listed, decided);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Waiting {
  id: string;
  thread_id: string;
  request_digest: string;
}

/** Threads that a graph has really paused. */
async function pause(client: Client, url: string, count: number): Promise<Waiting[]> {
  const input = JSON.parse(await readFile(fromHere("../examples/refund-large.json"), "utf8"));
  const waiting: Waiting[] = [];
  const start = async () => {
    while (waiting.length < count) {
      const { thread_id } = await client.threads.create();
      await client.runs.wait(thread_id, GRAPH, { input });
      const [review] = (await read(`${url}/reviews?status=open&thread_id=${thread_id}`)) as Waiting[];
      if (review === undefined) throw new Error("the graph asked nothing");
      waiting.push(review);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, start));
  return waiting;
}

async function seed(dataDir: string, { id }: Waiting): Promise<void> {
  const postgres = await bootEmbedded({ dataDir });
  const pool = openPool({ connectionString: postgres.url, max: 1 });
  await seedReviews(pool, id, OPEN, CLOSED);
  await pool.end();
  await postgres.release();
}

async function read(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return await response.json();
}

/** In turns, so that what else the machine does falls on all of them. */
async function measureLists(url: string, rounds: number): Promise<Map<string, number[]>> {
  const samples = new Map<string, number[]>();
  for (let round = -WARM_UP; round < rounds; round += 1) {
    for (const [name, path] of [...LISTS, OVER]) {
      const askedAt = performance.now();
      await read(url + path);
      const tookMs = performance.now() - askedAt;
      if (round >= 0) samples.set(name, [...(samples.get(name) ?? []), tookMs]);
    }
  }
  return samples;
}

/** One after the other, each when the run that carried the one before has ended. */
async function measureDecisions(client: Client, url: string, waiting: readonly Waiting[]): Promise<number[]> {
  const samples: number[] = [];
  for (const { id, thread_id, request_digest } of waiting) {
    const decidedAt = performance.now();
    const response = await fetch(`${url}/reviews/${id}/decision`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ decisions: [{ type: "approve" }], seen_digest: request_digest }),
    });
    const body = (await response.json()) as { run_id: string };
    samples.push(performance.now() - decidedAt);
    if (!response.ok) throw new Error(`a decision was refused: ${JSON.stringify(body)}`);
    await client.runs.join(thread_id, body.run_id);
  }
  return samples.slice(WARM_UP);
}

function rowsOf(listed: Map<string, number[]>, decided: number[]): Row[] {
  const both = (samples: number[]) => `${ms(percentile(samples, 0.5))} / ${ms(percentile(samples, 0.95))}`;
  const what = `of ${OPEN} open reviews and ${CLOSED} closed`;
  const filtered = LISTS.flatMap(([name]) => listed.get(name) as number[]);
  const names = [...LISTS, OVER].map(([name]) => name);
  return [
    ...names.map((name) => ({
      what: `${what}, ${name}: p50 / p95`,
      figure: both(listed.get(name) as number[]),
      expected: "",
    })),
    { what: `${what}, all filters: p95`, figure: ms(percentile(filtered, 0.95)), expected: "≤ 50 ms" },
    { what: "a decision is taken, p50", figure: ms(percentile(decided, 0.5)), expected: "≤ 15 ms" },
    { what: "a decision is taken, p95", figure: ms(percentile(decided, 0.95)), expected: "" },
  ];
}
