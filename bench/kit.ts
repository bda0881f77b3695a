import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Client } from "@langchain/langgraph-sdk";
import { createMemoryGuards } from "../src/kit/memory-guards.ts";
import { model } from "../src/kit/models/model.ts";
import { type Database, openDatabase } from "../src/postgres/database.ts";
import { bootEmbedded } from "../src/postgres/embedded.ts";
import { createSharedGuards } from "../src/postgres/guards/shared-guards.ts";
import { createGuardPorts } from "../src/runtime/guard-ports.ts";
import { openLog } from "../src/telemetry/log.ts";
import { createMetrics } from "../src/telemetry/metrics.ts";
import { withTestPorts } from "../src/testing.ts";
import { InstantModel } from "./kit-model.ts";
import { measureNodes } from "./kit-nodes.ts";
import { benchFolder, startServer } from "./server.ts";
import { ms, percentile, type Row } from "./table.ts";

const WORKFLOWS = fileURLToPath(new URL("workflows", import.meta.url));
const CALLS = 20;

/** What the kit adds to a node, a call and a question, beside the same without it. */
export async function measureKit({ quick }: { quick: boolean }): Promise<Row[]> {
  const nodes = await measureNodes({ quick });
  const folder = await benchFolder();
  const server = await startServer(folder, WORKFLOWS);
  try {
    const ledger = await measureLedger(server.url, quick ? 5 : 30);
    return [...nodes, ...ledger, ...(await measureCache(folder, quick ? 100 : 1_000))];
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Calls of a node in real runs: as they are, and on record. */
async function measureLedger(url: string, runs: number): Promise<Row[]> {
  const client = new Client({ apiUrl: url });
  const bare: number[] = [];
  const kept: number[] = [];
  for (let run = -3; run < runs; run += 1) {
    const { thread_id } = await client.threads.create();
    const values = (await client.runs.wait(thread_id, "ledger", { input: { calls: CALLS } })) as {
      bare: number[];
      kept: number[];
    };
    if (run < 0) continue;
    bare.push(...values.bare);
    kept.push(...values.kept);
  }
  const added = percentile(kept, 0.5) - percentile(bare, 0.5);
  return [
    { what: "a call on record in the ledger, more than the bare call, p50", figure: ms(added, 2), expected: "≤ 2 ms" },
    { what: "a call on record in the ledger, p99", figure: ms(percentile(kept, 0.99), 2), expected: "" },
  ];
}

/** A question to a model that was asked before: by another process, then by this one. */
async function measureCache(dataDir: string, rounds: number): Promise<Row[]> {
  const postgres = await bootEmbedded({ dataDir });
  const database = openDatabase({ url: postgres.url, max: 4 });
  try {
    const instant = new InstantModel({ said: "the same" });
    const [first, second] = [asking(instant, database), asking(instant, database)];
    const samples = { database: [] as number[], memory: [] as number[] };
    for (let round = -20; round < rounds; round += 1) {
      await first(`question ${round}`);
      const asked = instant.asked;
      const times = { database: await second(`question ${round}`), memory: await second(`question ${round}`) };
      if (instant.asked !== asked) throw new Error("an answer was not kept");
      if (round < 0) continue;
      samples.database.push(times.database);
      samples.memory.push(times.memory);
    }
    const row = (what: string, times: number[], share: number, expected: string) => {
      return { what, figure: ms(percentile(times, share), 2), expected };
    };
    return [
      row("a kept answer of a model, this process has it, p50", samples.memory, 0.5, "≤ 1 ms"),
      row("a kept answer of a model, this process has it, p99", samples.memory, 0.99, ""),
      row("a kept answer of a model, another process had it, p50", samples.database, 0.5, "≤ 4 ms"),
      row("a kept answer of a model, another process had it, p99", samples.database, 0.99, ""),
    ];
  } finally {
    await database.close();
    await postgres.release();
  }
}

/** A process of its own, as far as answers are kept: asks, and says how long it took. */
function asking(instant: InstantModel, database: Database): (question: string) => Promise<number> {
  const log = openLog({ level: "silent", pretty: false });
  const shared = createSharedGuards({ database, log, metrics: createMetrics(async () => []) });
  const run = {
    tenant_id: "default",
    graph_id: "bench",
    thread_id: randomUUID(),
    run_id: randomUUID(),
    lease_epoch: 1,
  };
  const { cache } = createGuardPorts(shared, run as never);
  const guards = { ...createMemoryGuards(), cache };
  return async (question) =>
    await withTestPorts({ guards }, async () => {
      const begin = performance.now();
      const chat = await model({ use: instant, cache: { ttl_ms: 600_000 } });
      await chat?.invoke(question);
      return performance.now() - begin;
    });
}
