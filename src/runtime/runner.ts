import type { GraphSet } from "../graphs/graph-set.ts";
import type { NetworkPort } from "../kit/outside.ts";
import type { DatabasePort } from "../kit/ports.ts";
import type { ThisServer } from "../kit/this-server.ts";
import type { SearchProvider } from "../kit/tools/search/provider.ts";
import type { ModelPrices } from "../policy/model-price.ts";
import type { PolicyOf } from "../policy/review/open.ts";
import type { WriteBatcher } from "../postgres/batch.ts";
import type { HoldpointSaver } from "../postgres/checkpointer/saver.ts";
import type { Database } from "../postgres/database.ts";
import type { SharedGuards } from "../postgres/guards/shared-guards.ts";
import type { Wakeups } from "../postgres/notify.ts";
import type { Embedder } from "../postgres/store/embedder.ts";
import type { StoreTerms } from "../postgres/store/terms.ts";
import type { RunKwargs } from "../protocol/run.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { NotificationSettings } from "./notifications.ts";

/** What executing runs needs; wired by compose. */
export interface RunnerParts {
  database: Database;
  wakeups: Wakeups;
  saver: HoldpointSaver;
  /** The saver's own, so that events share its commits. */
  batcher: WriteBatcher;
  /** The graphs as they are loaded now; a reload changes what this gives. */
  graphs: () => GraphSet;
  databasePort: DatabasePort;
  log: Log;
  metrics: Metrics;
  /** What surrounds each question: who may decide, until when, and what happens otherwise. */
  policyOf: PolicyOf;
  /** How long a node may take whose graph does not say so; none: for ever. */
  nodeTimeoutMs?: number | null;
  /** What all processes share about calls to others. */
  guards: SharedGuards;
  /** What a model's tokens cost. */
  modelPrices: ModelPrices;
  /** Makes the vectors by which the store is searched; by words alone unless given. */
  embedder?: Embedder | undefined;
  /** How long items of the store stay of which nobody says it; for good unless given. */
  storeTerms?: StoreTerms | undefined;
  /** What tools may reach that is not on the internet; nothing unless given. */
  network?: NetworkPort | undefined;
  /** How workflows tell people something; nobody is told unless given. */
  notifications?: NotificationSettings | undefined;
  /** Who searches the web; nobody unless given. */
  search?: SearchProvider | undefined;
  /** How what a run executes asks this server without a connection; not at all unless given. */
  serverFor?: ((run: RunStarter) => ThisServer) | undefined;
  /** Whether who started a run may use what asks for a permission, as their rights are when it is asked. */
  mayUse: (run: RunStarter, permission: string) => Promise<boolean>;
}

/** A run, and what is known of who started it. */
export interface RunStarter extends Pick<RunKwargs, "started_with" | "user"> {
  tenant_id: string;
  run_id: string;
}
