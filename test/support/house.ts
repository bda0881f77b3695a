import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import pg from "pg";
import type { GraphSet } from "../../src/graphs/graph-set.ts";
import { loadGraphs } from "../../src/graphs/load.ts";
import * as holdpoint from "../../src/index.ts";
import type { PolicyOf } from "../../src/policy/review/open.ts";
import { createWriteBatcher } from "../../src/postgres/batch.ts";
import { createSaver } from "../../src/postgres/checkpointer/saver.ts";
import { claimCandidates } from "../../src/postgres/claim.sql.ts";
import { type CreateRun, createRun, createThread } from "../../src/postgres/create-run.ts";
import { type Database, openDatabase } from "../../src/postgres/database.ts";
import { createSharedGuards } from "../../src/postgres/guards/shared-guards.ts";
import { openWakeups, type Wakeups } from "../../src/postgres/notify.ts";
import { type RunRow, selectRunById } from "../../src/postgres/runs.sql.ts";
import { selectThread, type ThreadRow } from "../../src/postgres/threads.sql.ts";
import { DEFAULT_REVIEW_POLICY } from "../../src/protocol/review-policy.ts";
import type { RunKwargs } from "../../src/protocol/run.ts";
import type { RunnerParts } from "../../src/runtime/runner.ts";
import { createWorker, type Worker, type WorkerOptions } from "../../src/runtime/worker.ts";
import { openLog } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { TRANSFORMED } from "./caches.ts";
import type { TestDatabase } from "./postgres.ts";

/** The graphs that tests of the engine run. */
export const FIXTURES = fileURLToPath(new URL("../fixtures/workflows", import.meta.url));

/** The parts of the product without HTTP, over a database of their own; tests step the worker. */
export interface House {
  url: string;
  database: Database;
  wakeups: Wakeups;
  parts: RunnerParts;
  /** What its questions are opened under; a test may put something else there. */
  policy: { of: PolicyOf };
  graphs: GraphSet;
  worker: Worker;
  newWorker(options?: Partial<WorkerOptions>): Worker;
  /** Queues a run on a new thread, or on the one given. */
  start(graph_id: string, kwargs: RunKwargs, options?: Partial<CreateRun>): Promise<RunRow>;
  run(run_id: string): Promise<RunRow>;
  thread(thread_id: string): Promise<ThreadRow>;
  /** What a decision on a review of this graph is checked against. */
  factsOf(graph_id: string): Promise<(graph_id: string) => { fingerprint: string; nodes: ReadonlySet<string> } | null>;
  /** Moves the database's clock, and with it every lease and deadline. */
  pass(seconds: number): Promise<void>;
  /** Ticks until nothing is due any more. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a house in a database of its own or the one given; `settings` are Postgres settings of it. */
export async function openHouse(
  directory = FIXTURES,
  settings: Readonly<Record<string, string>> = {},
  given?: TestDatabase,
): Promise<House> {
  // Loaded when it is needed: a process that no test runner has started has no such thing.
  const test = given ?? (await (await import("./postgres.ts")).createTestDatabase());
  await configure(test, settings);
  const database = openDatabase({ url: test.url, max: 20 });
  const wakeups = openWakeups({ url: test.url });
  const graphs = await loadGraphs({ directory, virtualModules: { holdpoint }, cacheDirectory: TRANSFORMED });
  const batcher = createWriteBatcher(database.pool);
  const saver = createSaver({ pool: database.pool, batcher });
  const log = openLog({ level: process.env["TEST_LOG"] ?? "silent", pretty: false });
  const metrics = createMetrics(async () => []);
  const policy: House["policy"] = { of: () => DEFAULT_REVIEW_POLICY };
  const parts: RunnerParts = {
    database,
    wakeups,
    saver,
    batcher,
    graphs: () => graphs,
    databasePort: () => database.pool,
    log,
    metrics,
    guards: createSharedGuards({ database, log, metrics }),
    policyOf: (question) => policy.of(question),
    mayUse: async () => true,
    modelPrices: new Map([["gpt-4.1-mini", { input: 0.4, output: 1.6, cached: 0.1 }]]),
  };
  const workers: Worker[] = [];
  const newWorker = (options: Partial<WorkerOptions> = {}) => {
    const worker = createWorker(parts, {
      slots: 10,
      leaseMs: 60_000,
      drainMs: 0,
      url: test.url,
      prepare: true,
      tenant_id: "default",
      ...options,
    });
    workers.push(worker);
    return worker;
  };
  const worker = newWorker();
  return {
    url: test.url,
    database,
    wakeups,
    parts,
    policy,
    graphs,
    worker,
    newWorker,
    async start(graph_id, kwargs, options = {}) {
      const thread_id =
        options.thread_id ??
        (await createThread(database, { tenant_id: "default", metadata: {}, if_exists: "raise" })).thread_id;
      return await createRun(database, {
        tenant_id: "default",
        thread_id,
        run_id: randomUUID(),
        principal_id: "test:ana",
        kind: "run",
        graph_id,
        guarded: graphs.graphs.get(graph_id)?.guarded ?? false,
        assistant_id: null,
        kwargs,
        metadata: {},
        multitask_strategy: "enqueue",
        after_seconds: 0,
        if_not_exists: "reject",
        ...options,
      });
    },
    run: (run_id) => database.one(selectRunById("default", run_id)),
    thread: (thread_id) => database.one(selectThread("default", thread_id)),
    async factsOf(graph_id) {
      const graph = graphs.graphs.get(graph_id);
      if (graph === undefined) throw new Error(`no graph ${graph_id}: ${JSON.stringify(graphs.errors)}`);
      const facts = { fingerprint: graph.fingerprint, nodes: new Set(Object.keys((await graph.build({})).nodes)) };
      return (asked) => (asked === graph_id ? facts : null);
    },
    async pass(seconds) {
      await database.pool.query("update holdpoint.clock set shift = shift + make_interval(secs => $1)", [seconds]);
    },
    async settle() {
      const graph_ids = [...graphs.graphs.keys()];
      const noLimits = graph_ids.map(() => null);
      const due = async () => (await database.many(claimCandidates(graph_ids, noLimits, [], 1))).length > 0;
      // Bound: a thread's queue only gets shorter here; a run that cannot be claimed fails the test by its time-out.
      while (await due()) await worker.tick();
    },
    async close() {
      for (const worker of workers) await worker.stop();
      await wakeups.close();
      await database.close();
      await test.drop();
    },
  };
}

async function configure({ url, name }: TestDatabase, settings: Readonly<Record<string, string>>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const [setting, value] of Object.entries(settings)) {
    await client.query(`alter database ${name} set ${setting} = '${value}'`);
  }
  await client.end();
}
