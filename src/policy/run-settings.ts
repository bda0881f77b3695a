import type { ProjectUser } from "../protocol/principal.ts";
import type { RunCreate } from "../protocol/run.ts";

/** What a run is configured with. */
export type RunConfig = NonNullable<RunCreate["config"]>;

/** What a graph is told of who started its run, as LangGraph's own server tells it. */
const USER_KEYS = ["langgraph_auth_user", "langgraph_auth_user_id", "langgraph_auth_permissions"] as const;

/** Tells a graph who started its run: nobody, where no Auth has said who, whatever a client has put there. */
export function withUser(
  configurable: Readonly<Record<string, unknown>>,
  user: ProjectUser | undefined,
): Record<string, unknown> {
  const told = Object.entries(configurable).filter(([key]) => !(USER_KEYS as readonly string[]).includes(key));
  if (user === undefined) return Object.fromEntries(told);
  const [whole, id, permissions] = USER_KEYS;
  return { ...Object.fromEntries(told), [whole]: user, [id]: user.identity, [permissions]: user.permissions };
}

// What the server itself puts there: a client's own value would point the run at another thread or another run.
const SERVER_KEYS = new Set([
  "thread_id",
  "checkpoint_id",
  "checkpoint_ns",
  "checkpoint_map",
  "run_id",
  "assistant_id",
  "graph_id",
  ...USER_KEYS,
]);

/** Lays configurations over each other, the last one on top. */
export function mergeConfigs(configs: readonly RunConfig[]): RunConfig {
  const merged: RunConfig = {};
  for (const { tags, recursion_limit, configurable, metadata } of configs) {
    if (tags !== undefined) merged.tags = [...new Set([...(merged.tags ?? []), ...tags])];
    if (recursion_limit !== undefined) merged.recursion_limit = recursion_limit;
    if (configurable !== undefined) merged.configurable = { ...merged.configurable, ...configurable };
    if (metadata !== undefined) merged.metadata = { ...merged.metadata, ...metadata };
  }
  return merged;
}

/** Internal keys are left out; on a guarded graph they stay, so that the request is refused instead of half obeyed. */
export function configurableOf({ configurable }: RunConfig, guarded: boolean): Pick<RunConfig, "configurable"> {
  if (configurable === undefined) return {};
  const kept = Object.entries(configurable).filter(
    ([key]) => !SERVER_KEYS.has(key) && (guarded || !key.startsWith("__")),
  );
  return { configurable: Object.fromEntries(kept) };
}

/** The assistant's context, and over it the run's. */
export function mergeContexts(assistant: Record<string, unknown>, run: unknown): unknown {
  if (run == null) return Object.keys(assistant).length === 0 ? null : assistant;
  return typeof run === "object" && !Array.isArray(run) ? { ...assistant, ...run } : run;
}
