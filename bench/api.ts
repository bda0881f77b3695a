import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { measureIdle } from "./api-idle.ts";
import { type DevProcess, startDevServer } from "./dev-process.ts";
import { startWorker } from "./engine-process.ts";
import { createHttpClient, type HttpClient } from "./http-client.ts";
import { type ModelServer, startModelServer } from "./model-server.ts";
import { installPackages } from "./packages.ts";
import { type BenchServer, benchFolder, startServer } from "./server.ts";
import { bootCounting, type CountingPostgres } from "./statements.ts";
import { ms, percentile, type Row } from "./table.ts";

const PROJECT = fileURLToPath(new URL("project", import.meta.url));
const CLIENTS = 32;
const WORKERS = 2;
const SLOTS = CLIENTS / WORKERS;
const WORD_MS = 20;
const INPUT = { text: "", count: 0 };

/** What both servers are asked, and by whom. */
interface Contestant {
  client: HttpClient;
  /** How much of everything: the development server looks for work once a second at most. */
  share: number;
}

/** What a client of the API waits for, beside LangGraph's development server with the same graphs. */
export async function measureApi({ quick }: { quick: boolean }): Promise<Row[]> {
  const missing = await installPackages(["@langchain/langgraph-api"], (line) => console.error(line));
  if (missing.length > 0) throw new Error(`${missing.join(", ")} could not be installed in bench/`);
  const folder = await benchFolder();
  const model = await startModelServer(WORD_MS);
  process.env["BENCH_MODEL_URL"] = model.url;
  const postgres = await bootCounting(folder);
  const dev = await startDevServer(join(PROJECT, "langgraph.json"));
  const theirs: Contestant = { client: createHttpClient(dev.url), share: 0.1 };
  try {
    const rows = await measureOneProcess(folder, postgres, theirs, model, quick);
    return [...rows, ...(await measureManyProcesses(folder, postgres, dev, theirs, quick))];
  } finally {
    theirs.client.close();
    await dev.stop();
    await postgres.close();
    await model.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Latency, where `holdpoint start` does everything. */
async function measureOneProcess(
  folder: string,
  postgres: CountingPostgres,
  theirs: Contestant,
  model: ModelServer,
  quick: boolean,
): Promise<Row[]> {
  const server = await startServer(folder, PROJECT, { databaseUrl: postgres.url });
  const ours: Contestant = { client: createHttpClient(server.url), share: 1 };
  try {
    const rounds = quick ? 50 : 200;
    await waits(ours, 50);
    await postgres.statements();
    const own = await waits(ours, rounds);
    const statements = (await postgres.statements()) / rounds;
    const other = await waits(theirs, rounds);
    const words = quick ? 10 : 40;
    await firstWords(ours, model, 5);
    const [ownWords, otherWords] = [await firstWords(ours, model, words), await firstWords(theirs, model, words * 5)];
    return [
      { what: "runs.wait of four nodes, p50", figure: ms(percentile(own, 0.5)), expected: "≤ 12 ms" },
      { what: "runs.wait of four nodes, p99", figure: ms(percentile(own, 0.99)), expected: "" },
      against("runs.wait of four nodes, p50: dev server / ours", percentile(other, 0.5), percentile(own, 0.5)),
      { what: "statements a run, its thread included", figure: statements.toFixed(1), expected: "≤ 20" },
      {
        what: "first word at the client after the model sent it, p50",
        figure: ms(percentile(ownWords, 0.5)),
        expected: "≤ 10 ms",
      },
      {
        what: "first word at the client after the model sent it, p99",
        figure: ms(percentile(ownWords, 0.99)),
        expected: "",
      },
      against("first word, p50: dev server / ours", percentile(otherWords, 0.5), percentile(ownWords, 0.5)),
    ];
  } finally {
    ours.client.close();
    await server.stop();
  }
}

/** Throughput and idle streams, where one process answers and two execute. */
async function measureManyProcesses(
  folder: string,
  postgres: CountingPostgres,
  dev: DevProcess,
  theirs: Contestant,
  quick: boolean,
): Promise<Row[]> {
  const server: BenchServer = await startServer(join(folder, "api"), PROJECT, {
    databaseUrl: postgres.url,
    command: "serve",
  });
  const workers = await Promise.all(
    Array.from({ length: WORKERS }, () => startWorker(postgres.url, SLOTS, 10_000, PROJECT)),
  );
  const ours: Contestant = { client: createHttpClient(server.url), share: 1 };
  try {
    const forMs = quick ? 4_000 : 12_000;
    await rate(ours, 2_000);
    await postgres.statements();
    const own = await rate(ours, forMs);
    const statements = (await postgres.statements()) / own.runs;
    const other = await rate(theirs, forMs);
    const idle = await measureIdle({ server, dev, ours: ours.client, theirs: theirs.client, postgres, quick });
    const what = `${CLIENTS} clients, ${WORKERS} workers`;
    return [
      { what: `${what}: runs a second, threads made for them`, figure: own.perSecond.toFixed(0), expected: "≥ 245" },
      against(`${what}: runs a second, ours / dev server`, own.perSecond, other.perSecond),
      { what: `${what}: statements a run`, figure: statements.toFixed(1), expected: "≤ 20" },
      ...idle,
    ];
  } finally {
    ours.client.close();
    await Promise.all([server, ...workers].map((process) => process.stop()));
  }
}

const against = (what: string, more: number, less: number): Row => ({
  what,
  figure: `${(more / less).toFixed(1)} × (${more.toFixed(1)} / ${less.toFixed(1)})`,
  expected: "",
});

async function wait({ client }: Contestant): Promise<number> {
  const { thread_id } = await client.post<{ thread_id: string }>("/threads", {});
  const begin = performance.now();
  const values = await client.post(`/threads/${thread_id}/runs/wait`, { assistant_id: "four", input: INPUT });
  if (values["count"] !== 4) throw new Error(`a run gave ${JSON.stringify(values)}`);
  return performance.now() - begin;
}

/** How long each took, one after the other. */
async function waits(contestant: Contestant, rounds: number): Promise<number[]> {
  const samples: number[] = [];
  for (let round = 0; round < rounds * contestant.share; round += 1) samples.push(await wait(contestant));
  return samples;
}

async function rate(contestant: Contestant, forMs: number): Promise<{ runs: number; perSecond: number }> {
  const begin = performance.now();
  let runs = 0;
  const client = async () => {
    while (performance.now() - begin < forMs) {
      await wait(contestant);
      runs += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return { runs, perSecond: (runs / (performance.now() - begin)) * 1000 };
}

/** From the moment the model sent its first word until the client has it. */
async function firstWords({ client, share }: Contestant, model: ModelServer, rounds: number): Promise<number[]> {
  const samples: number[] = [];
  const input = { messages: [{ role: "user", content: "how many words?" }] };
  for (let round = 0; round < rounds * share; round += 1) {
    const { thread_id } = await client.post<{ thread_id: string }>("/threads", {});
    const body = { assistant_id: "talks", input, stream_mode: "messages-tuple" };
    const response = await client.open("POST", `/threads/${thread_id}/runs/stream`, body);
    let at: number | undefined;
    for await (const chunk of response) {
      if (at === undefined && String(chunk).includes("Two ")) at = performance.timeOrigin + performance.now();
    }
    const sentAt = model.firstWordAt.at(-1);
    if (at === undefined || sentAt === undefined) throw new Error("the model's first word never came");
    samples.push(at - sentAt);
  }
  return samples;
}
