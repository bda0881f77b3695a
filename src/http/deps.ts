import type { GraphSet } from "../graphs/graph-set.ts";
import type { CheckpointReader } from "../graphs/read-state.ts";
import type { StaticSchemaReader } from "../graphs/static-schemas.ts";
import type { HeaderRule } from "../policy/configurable-headers.ts";
import type { AllowList } from "../policy/private-address.ts";
import type { GraphLimits } from "../postgres/claim.ts";
import type { Database } from "../postgres/database.ts";
import type { Wakeups } from "../postgres/notify.ts";
import type { Embedder } from "../postgres/store/embedder.ts";
import type { StoreTerms } from "../postgres/store/terms.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { ProjectAuth } from "./auth/project-auth.ts";
import type { Pages } from "./console.ts";
import type { Origins } from "./cors.ts";
import type { ProjectApp } from "./project-app.ts";
import type { ReviewFeeds } from "./review-feed.ts";
import type { RunFeeds } from "./run-feed.ts";
import type { ThreadFeeds } from "./thread-feed.ts";

/** What answering requests needs; wired by compose. */
export interface HttpDeps {
  database: Database;
  wakeups: Wakeups;
  /** The runs that clients of this process follow. */
  runFeeds: RunFeeds;
  /** The threads that clients of this process follow. */
  threadFeeds: ThreadFeeds;
  /** The reviews that clients of this process follow. */
  reviewFeeds: ReviewFeeds;
  /** Only read from and pruned here: whatever writes a checkpoint is queued as a run. */
  saver: CheckpointReader & { prune(options: { thread_ids: string[]; keepLast: number }): Promise<unknown> };
  /** The graphs as they are loaded now; a reload changes what this gives. */
  graphs: () => GraphSet;
  /** Reads schemas out of types; without it only those that are there at run time are known. */
  types?: StaticSchemaReader | undefined;
  /** Makes the vectors by which the store is searched; by words alone unless given. */
  embedder?: Embedder | undefined;
  /** How long items of the store stay of which nobody says it; for good unless given. */
  storeTerms?: StoreTerms | undefined;
  log: Log;
  metrics: Metrics;
  settings: HttpSettings;
  /** Who the users of the project are and what they may see; without it only keys and sessions are asked. */
  auth?: ProjectAuth | undefined;
  /** What a project answers itself, beside and around what is answered here. */
  project?: ProjectApp | undefined;
  isReady: () => Readiness | Promise<Readiness>;
  /** The console; without it only the API is answered. */
  pages?: Pages;
}

/** Whether requests can be answered now, and why not. */
interface Readiness {
  ready: boolean;
  reasons: string[];
}

/** How requests are answered. */
export interface HttpSettings {
  version: string;
  maxBodyBytes: number;
  /** Whether a bare value may answer the only open question of an unguarded graph. */
  allowScalarResume: boolean;
  /** Whether questions of LangChain.js are told in both spellings; they are unless this is false. */
  hitlAliases?: boolean;
  /** True only while nothing but the loopback address is listened on: who shows no credentials is its owner. */
  loopbackOwner: boolean;
  /** Other origins whose pages may read what is answered, to who shows a key; none unless given. */
  corsOrigins?: Origins;
  /** Private hosts and networks that webhooks may go to; none unless given. */
  webhookAllow?: AllowList;
  /** How many runs of a graph execute at once, as every worker should have it too. */
  graphLimits?: GraphLimits;
  /** Which headers of a request graphs are told of; none unless given. */
  graphHeaders?: HeaderRule | undefined;
  /** How long threads stay of which nobody says it; for good unless given. */
  threadTtl?: { ttl: number; strategy: "delete" | "keep_latest" } | undefined;
  /** What every path may begin with, as a proxy in front of this server sends it. */
  mountPrefix?: string | undefined;
  /** How long a state edit or a copy waits for a worker before it is taken back; 30 s unless given. */
  writeWaitMs?: number;
}
