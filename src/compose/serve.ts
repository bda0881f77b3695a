import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Config } from "../config.ts";
import { createStaticSchemas } from "../graphs/static-schemas.ts";
import { createApp } from "../http/app.ts";
import { servePages } from "../http/console.ts";
import type { HttpDeps } from "../http/deps.ts";
import { type Listening, listen } from "../http/node.ts";
import { createReviewFeeds } from "../http/review-feed.ts";
import { operationRoutes } from "../http/routes/system.ts";
import { createRunFeeds } from "../http/run-feed.ts";
import { createThreadFeeds } from "../http/thread-feed.ts";
import { answers } from "../postgres/database.ts";
import { createLoginLink, hasApiKeys } from "../postgres/identity.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { LOCAL_OWNER } from "../protocol/principal.ts";
import type { RunnerParts } from "../runtime/runner.ts";
import type { Patient } from "./patience.ts";
import { projectSettings, servedRoutes } from "./project-app.ts";
import { ensureCliKey, writeServerFile } from "./server-files.ts";

// Streams and waits that are open when the server stops are ended after this long.
const CLOSE_GRACE_MS = 2_000;

const isLoopback = ({ host }: Config) => ["127.0.0.1", "::1", "localhost"].includes(host);

/** What answering needs; nobody is told that the process is ready before its start is over. */
export function httpDeps(
  config: Config,
  parts: RunnerParts & Pick<HttpDeps, "auth" | "project">,
  isStarted: () => boolean,
): HttpDeps {
  return {
    ...parts,
    runFeeds: createRunFeeds(parts, config.compatHitlAliases),
    threadFeeds: createThreadFeeds(parts),
    reviewFeeds: createReviewFeeds(parts),
    types: createStaticSchemas({ timeoutMs: config.schemaTimeoutMs, log: parts.log }),
    settings: {
      version: version(),
      maxBodyBytes: config.maxBodyBytes,
      allowScalarResume: config.compatScalarResume,
      hitlAliases: config.compatHitlAliases,
      // Where a project says who its users are, nobody is one for being on this machine.
      loopbackOwner: isLoopback(config) && parts.auth === undefined,
      corsOrigins: config.corsOrigins,
      webhookAllow: config.webhookAllow,
      graphLimits: config.graphConcurrency,
      ...projectSettings(config),
    },
    isReady: async () => {
      const reasons = isStarted() ? [] : ["it is still starting"];
      if (parts.graphs().graphs.size === 0) reasons.push("no graph is loaded");
      if (!(await answers(parts.database))) reasons.push("the database does not answer");
      return { ready: reasons.length === 0, reasons };
    },
  };
}

type Closers = (() => Promise<void>)[];

/** Answers requests. */
export async function serve(
  config: Config,
  deps: HttpDeps,
  { closers, patient }: { closers: Closers; patient: Patient },
): Promise<{ url: string; login_url: string }> {
  const { database } = deps;
  await patient(() => refuseOpenHost(config, deps));
  await patient(() => ensureCliKey(config.dataDir, database));
  const { secret } = await patient(() => createLoginLink(database, LOCAL_OWNER));
  const { host, port, isPortExplicit: portIsExplicit } = config;
  const pages = servePages(fileURLToPath(new URL("../../console/dist", import.meta.url)));
  const server = await listen(createApp({ ...deps, pages }, servedRoutes(config)), { host, port, portIsExplicit });
  closers.push(() => server.close(CLOSE_GRACE_MS));
  closers.push(await writeServerFile(config.dataDir, server.url));
  return { url: server.url, login_url: `${server.url}/login/${secret}` };
}

/** Answers on a port of their own how the process is doing, if there is to be one: also where nothing else is answered. */
export async function serveOperations(
  config: Config,
  deps: HttpDeps,
  closers: Closers,
): Promise<Listening | undefined> {
  const { host, metricsPort: port } = config;
  if (port === undefined) return undefined;
  await refuseOpenHost(config, deps);
  const app = createApp(deps, operationRoutes);
  const server = await listen(app, { host, port, portIsExplicit: true, variable: "HOLDPOINT_METRICS_PORT" });
  closers.push(() => server.close(CLOSE_GRACE_MS));
  return server;
}

/** Where others can reach it somebody has to have a key, or the project says who they are. */
async function refuseOpenHost(config: Config, { auth, database }: Pick<HttpDeps, "auth" | "database">): Promise<void> {
  if (isLoopback(config) || auth !== undefined || (await hasApiKeys(database))) return;
  throw new HoldpointError(
    "configuration_invalid",
    `HOST is ${config.host}, where others can reach it, and no API key exists: start on 127.0.0.1 once and make one (holdpoint keys create)`,
  );
}

function version(): string {
  const { version: text } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return text;
}
