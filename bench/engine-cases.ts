import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { createRun } from "../src/postgres/create-run.ts";
import { type Database, openDatabase } from "../src/postgres/database.ts";
import { openWakeups } from "../src/postgres/notify.ts";
import type { Lab, LabDatabase } from "./checkpointer/lab.ts";
import { median, repeat } from "./checkpointer/measure.ts";
import { type EngineProcess, runPeer, startPeer, startWorker } from "./engine-process.ts";
import { IN_FLIGHT, settledRate } from "./engine-rate.ts";

const LOOK_MS = 50;
const CONNECTIONS = 10;

/** Accepts a run as the server does once it has read the request. */
async function accept(database: Database, graph_id: string, input: unknown): Promise<string> {
  const run_id = randomUUID();
  await createRun(database, {
    tenant_id: "default",
    thread_id: randomUUID(),
    run_id,
    principal_id: "local-owner",
    kind: "run",
    graph_id,
    guarded: false,
    assistant_id: null,
    kwargs: { input, stream_mode: ["values"], durability: "sync" },
    metadata: {},
    multitask_strategy: "enqueue",
    after_seconds: 0,
    if_not_exists: "create",
  });
  return run_id;
}

/** Asks the database until it answers with a row. */
async function untilRow<Row>(
  database: LabDatabase,
  text: string,
  values: unknown[] = [],
  lookMs = LOOK_MS,
): Promise<Row> {
  for (;;) {
    const [row] = await database.rows<Row>(text, values);
    if (row !== undefined) return row;
    await pause(lookMs);
  }
}

/** Workflows of four steps per second that so many worker processes get through, and runs accepted per second before. */
export async function holdpointRate(
  lab: Lab,
  count: number,
  workers: number,
): Promise<{ rate: number; accepted: number }> {
  const database = await lab.createDatabase("holdpoint");
  const pool = openDatabase({ url: database.url(0), max: CONNECTIONS });
  const begin = performance.now();
  await repeat(count, IN_FLIGHT, () => accept(pool, "four-steps", { text: "", count: 0 }));
  const accepted = (count / (performance.now() - begin)) * 1000;
  await pool.close();
  await lab.checkpoint();
  const slots = Math.ceil(IN_FLIGHT / workers);
  const processes = await Promise.all(Array.from({ length: workers }, () => startWorker(database.url(0), slots)));
  const open = "select 1 where not exists (select 1 from holdpoint.run where status in ('pending', 'running'))";
  await untilRow(database, open);
  const ends = "select extract(epoch from ended_at) * 1000 as ended_ms, status from holdpoint.run";
  const rows = await database.rows<{ ended_ms: string; status: string }>(ends);
  for (const one of processes) await one.stop();
  await database.drop();
  const failed = rows.filter(({ status }) => status !== "success").length;
  if (failed > 0) throw new Error(`${failed} of ${count} runs failed`);
  return { rate: settledRate(rows.map(({ ended_ms }) => Number(ended_ms))), accepted };
}

/** The same of DBOS through its own queue. */
export async function dbosRate(lab: Lab, count: number): Promise<{ rate: number; accepted: number }> {
  const database = await lab.createDatabase("empty");
  const accepted = Number(await runPeer("enqueue", database.url(0), count));
  await lab.checkpoint();
  const worker = await startPeer("work", database.url(0), 0);
  const open = "select 1 where not exists (select 1 from dbos.workflow_status where status in ('ENQUEUED', 'PENDING'))";
  await untilRow(database, open);
  const ends = "select completed_at as ended_ms, status from dbos.workflow_status where queue_name = 'bench'";
  const rows = await database.rows<{ ended_ms: string; status: string }>(ends);
  await worker.kill();
  await database.drop();
  const done = rows.filter(({ status }) => status === "SUCCESS");
  if (done.length !== count) throw new Error(`${done.length} of ${count} workflows of DBOS succeeded`);
  return { rate: settledRate(done.map(({ ended_ms }) => Number(ended_ms))), accepted };
}

/** The same graph called directly, on the official saver or in memory. */
export async function directRate(lab: Lab, count: number, saver: "official" | "memory"): Promise<number> {
  const database = await lab.createDatabase("empty");
  const rate = Number(await runPeer(saver, database.url(0), count));
  await database.drop();
  return rate;
}

/** From the commit that accepts a run to the start of its node in another process that has nothing to do, in ms. */
export async function queueToStart(lab: Lab, times: number): Promise<number[]> {
  const database = await lab.createDatabase("holdpoint");
  const pool = openDatabase({ url: database.url(0), max: CONNECTIONS });
  const listening = Promise.withResolvers<void>();
  const wakeups = openWakeups({ url: database.url(0), onStateChange: (is) => is && listening.resolve() });
  await listening.promise;
  const worker = await startWorker(database.url(0), IN_FLIGHT);
  const samples: number[] = [];
  for (let time = -times / 4; time < times; time += 1) {
    const run_id = await accept(pool, "starts", { asked_at: 0 });
    wakeups.wake("runs");
    const acceptedAt = performance.timeOrigin + performance.now();
    const text = "select output from holdpoint.run where run_id = $1 and status = 'success'";
    const { output } = await untilRow<{ output: string }>(database, text, [run_id]);
    if (time >= 0) samples.push(JSON.parse(output).started_at - acceptedAt);
  }
  await worker.stop();
  await wakeups.close();
  await pool.close();
  await database.drop();
  return samples;
}

/** How long after the lease of a killed worker was over its run went on in another process, in ms. */
export async function recovery(lab: Lab, times: number, leaseMs: number): Promise<number[]> {
  const database = await lab.createDatabase("holdpoint");
  const pool = openDatabase({ url: database.url(0), max: CONNECTIONS });
  const samples: number[] = [];
  for (let time = 0; time < times; time += 1) {
    const victim = await startWorker(database.url(0), 1, leaseMs);
    const run_id = await accept(pool, "holds", { asked_at: 0 });
    const attempt = "select 1 from holdpoint.run where run_id = $1 and status = 'running' and attempt = $2";
    await untilRow(database, attempt, [run_id, 1]);
    const heir: EngineProcess = await startWorker(database.url(0), 1, leaseMs);
    const killedAt = performance.now();
    await victim.kill();
    await untilRow(database, attempt, [run_id, 2], 5);
    samples.push(performance.now() - killedAt - leaseMs);
    await heir.kill();
    // Nobody shall find it in the next round.
    await database.rows("update holdpoint.run set graph_id = 'gone' where run_id = $1", [run_id]);
  }
  await pool.close();
  await database.drop();
  return samples;
}

/** The middle of what some rounds of each give, taking turns. */
export async function inTurns(
  rounds: number,
  contestants: Record<string, () => Promise<number>>,
): Promise<Record<string, number>> {
  const names = Object.keys(contestants);
  const figures = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) figures.get(name)?.push((await contestants[name]?.()) as number);
  }
  return Object.fromEntries([...figures].map(([name, samples]) => [name, median(samples)]));
}
