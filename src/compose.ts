import { openDatabasePorts } from "./compose/database-ports.ts";
import { deliverySettings, notificationSettings } from "./compose/delivery-settings.ts";
import { readFigures } from "./compose/figures.ts";
import type { HomeDatabase } from "./compose/home-database.ts";
import { createInProcess } from "./compose/in-process.ts";
import { loadOptions } from "./compose/load-options.ts";
import { modelSettings } from "./compose/model-settings.ts";
import type { Patient } from "./compose/patience.ts";
import { openPolicy } from "./compose/policy-file.ts";
import { openProjectApp, servedRoutes } from "./compose/project-app.ts";
import { openAuth } from "./compose/project-auth.ts";
import { searchProvider } from "./compose/search-provider.ts";
import { httpDeps, serve, serveOperations } from "./compose/serve.ts";
import { announceSearch, openStoreIndex, type ProjectStore, storeTermsOf } from "./compose/store-index.ts";
import type { Config } from "./config.ts";
import type { GraphSet } from "./graphs/graph-set.ts";
import { loadGraphs } from "./graphs/load.ts";
import { watchGraphs } from "./graphs/watch.ts";
import { createApp } from "./http/app.ts";
import { configureModels } from "./kit/models/model.ts";
import { registerAssistants } from "./postgres/assistants.ts";
import { keepReviewWebhooks } from "./postgres/audit.sql.ts";
import { createWriteBatcher } from "./postgres/batch.ts";
import { createSaver } from "./postgres/checkpointer/saver.ts";
import { createSharedGuards } from "./postgres/guards/shared-guards.ts";
import { ensureLocalOwner } from "./postgres/identity.ts";
import { openWakeups } from "./postgres/notify.ts";
import { DEFAULT_TENANT } from "./protocol/principal.ts";
import type { DeliverySettings } from "./runtime/deliver.ts";
import { startDispatcher } from "./runtime/dispatch.ts";
import type { RunnerParts } from "./runtime/runner.ts";
import { createWorker } from "./runtime/worker.ts";
import type { Log } from "./telemetry/log.ts";
import { createMetrics } from "./telemetry/metrics.ts";

/** What this process does. */
export type Role = "all" | "api" | "worker";

/** How to start. */
export interface ComposeOptions {
  role: Role;
  /** Told what takes longer than a moment. */
  progress: (message: string) => void;
  /** Loads workflows again when they are edited. */
  watch?: boolean;
  log: Log;
  /** The database, which may have been starting since before this file was loaded. */
  home: Promise<HomeDatabase>;
  /** Waits while Postgres is on its way. */
  patient: Patient;
}

/** A started process. */
export interface Running {
  /** Where it answers; null for a worker. */
  url: string | null;
  /** Opens the page once, signed in; null where there is no page. */
  login_url: string | null;
  /** Where its figures are, if they have a port of their own. */
  metrics_url: string | null;
  database: HomeDatabase["kind"];
  graphs: GraphSet;
  /** The policy file in a few words; null without one. */
  policy: string | null;
  warnings: string[];
  /** Stops in the reverse order of starting, bounded in time. */
  close(): Promise<void>;
}

/** Constructs and wires everything, and starts it. Whatever was started is stopped again when a later part fails. */
export async function compose(config: Config, options: ComposeOptions): Promise<Running> {
  const closers: (() => Promise<void>)[] = [];
  // Bound: one pass over what was started.
  const close = async () => {
    for (const stop of closers.splice(0).reverse()) await stop();
  };
  try {
    return await start(config, options, closers, close);
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

async function start(
  config: Config,
  options: ComposeOptions,
  closers: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<Running> {
  const { role, progress, log, patient } = options;
  const warnings = [...config.warnings];
  configureModels(modelSettings(config));
  // Before the workflows, which may make their clients as they are read.
  const inProcess = createInProcess();
  // Reading the workflows takes this process, starting and seeding the database another one: both at once.
  const loading = openGraphs(config, options);
  const home = await options.home;
  closers.push(() => home.close());
  const policy = await openPolicy(config, options.watch === true ? { progress, log } : undefined);
  closers.push(async () => policy.close());
  const warn = (message: string) => void warnings.push(message);
  const opening = openDatabasePorts(config, home, { log, progress, warn, patient });
  const [ports, graphs] = await Promise.all([opening, loading]);
  closers.push(() => ports.close());
  closers.push(async () => graphs.close());
  await patient(() => introduce(config, home, graphs.current()));
  const embedder = await openStoreIndex(config, loadOptions(config), log, storeOf(config));
  if (embedder !== undefined) void announceSearch(home.database, embedder, log);
  const wakeups = listenForWakeups(home, log);
  closers.push(() => wakeups.close());
  const { database } = home;
  const metrics = createMetrics(() => readFigures(database, graphs.current().graphs.keys(), log));
  const batcher = createWriteBatcher(database.pool, {
    prepare: config.databasePrepare,
    onCommit: (writes) => metrics.commit_writes.observe(writes),
  });
  const budgets = { tenant: config.budgetTenantPerDay, graphs: config.budgetGraphPerDay };
  const guards = createSharedGuards({ database, log, metrics, budgets });
  const parts: RunnerParts = {
    database,
    wakeups,
    saver: createSaver({ pool: database.pool, prepare: config.databasePrepare, batcher }),
    batcher,
    graphs: graphs.current,
    databasePort: ports.port,
    network: { allow: config.toolAllow },
    search: searchProvider(config),
    notifications: notificationSettings(config),
    log,
    metrics,
    policyOf: policy.policyOf,
    nodeTimeoutMs: config.nodeTimeoutSeconds === undefined ? null : config.nodeTimeoutSeconds * 1000,
    guards,
    modelPrices: config.modelPrices,
    embedder,
    storeTerms: storeTermsOf(config),
    serverFor: inProcess.serverFor,
    mayUse: inProcess.mayUse,
  };
  let isStarted = false;
  // Also where nobody is answered: what a run executes may ask this very process.
  const auth = await openAuth(config);
  const project = await openProjectApp(config, inProcess);
  const deps = httpDeps(config, { ...parts, auth, project }, () => isStarted);
  const app = createApp(deps, servedRoutes(config));
  inProcess.open(app, deps);
  closers.push(async () => app.drain());
  const operations = await patient(() => serveOperations(config, deps, closers));
  const own: { url?: string } = {};
  if (role !== "api") {
    const delivery = deliverySettings(config, own, inProcess.webhooks);
    closers.push(startWorker(config, home, parts), startDispatch(parts, delivery));
  }
  const served = role === "worker" ? null : await serve(config, deps, { closers, patient });
  if (served !== null) own.url = served.url;
  isStarted = true;
  return {
    url: served?.url ?? null,
    login_url: served?.login_url ?? null,
    metrics_url: operations?.url ?? null,
    database: home.kind,
    graphs: graphs.current(),
    policy: policy.summary,
    warnings,
    close,
  };
}

function storeOf({ project }: Config): ProjectStore | undefined {
  return project && { index: project.store?.index, directory: project.directory };
}

/** Tells the database what this installation has; again and again, it is the same. */
async function introduce(config: Config, { database }: HomeDatabase, graphs: GraphSet): Promise<void> {
  await ensureLocalOwner(database);
  await database.run(keepReviewWebhooks(config.reviewWebhooks));
  await registerAssistants(database, graphs.graphs.values(), config.graphDefaults);
}

function listenForWakeups(home: HomeDatabase, log: Log) {
  return openWakeups({
    url: home.directUrl,
    onStateChange: (listening, error) =>
      log[listening ? "debug" : "warn"](
        { listening, err: error },
        listening ? "wake-ups arrive" : "no wake-ups; polling carries",
      ),
  });
}

async function openGraphs(config: Config, { watch, progress, log, home }: ComposeOptions) {
  if (watch !== true) {
    const set = await loadGraphs(loadOptions(config));
    return { current: () => set, close() {} };
  }
  return await watchGraphs({
    ...loadOptions(config),
    onChange(set) {
      const graphs = `${set.graphs.size} ${set.graphs.size === 1 ? "graph" : "graphs"}`;
      progress(`graphs loaded again: ${graphs}, ${set.errors.length} broken`);
      for (const error of set.errors) log.error(error, "a workflow file is broken");
      home
        .then(({ database }) => registerAssistants(database, set.graphs.values(), config.graphDefaults))
        .catch((error: unknown) => log.error({ err: error }, "assistants were not registered"));
    },
  });
}

function startWorker(config: Config, home: HomeDatabase, parts: RunnerParts): () => Promise<void> {
  const worker = createWorker(parts, {
    slots: config.workerSlots,
    limits: config.graphConcurrency,
    timeouts: config.runTimeoutSeconds,
    leaseMs: config.leaseMs,
    drainMs: config.drainMs,
    url: home.url,
    prepare: config.databasePrepare,
    tenant_id: DEFAULT_TENANT,
  });
  worker.start();
  return () => worker.stop();
}

function startDispatch(parts: RunnerParts, delivery: DeliverySettings): () => Promise<void> {
  const dispatcher = startDispatcher(parts, delivery);
  return () => dispatcher.stop();
}
