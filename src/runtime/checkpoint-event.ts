import type { RunnableConfig } from "@langchain/core/runnables";
import { type Checkpoint, checkpointOf } from "../graphs/read-state.ts";

interface CheckpointPayload {
  config: RunnableConfig;
  parentConfig?: RunnableConfig;
  tasks: { state?: unknown }[];
}

/**
 * What the modes that tell of checkpoints say, as the clients know it: a checkpoint's address is what state and history
 * give, and what a client may send back.
 */
export function shownEvent(mode: string, payload: unknown): unknown {
  if (mode === "checkpoints") return shownCheckpoint(payload as CheckpointPayload);
  if (mode !== "debug") return payload;
  const entry = payload as { type: string; payload: unknown };
  return entry.type === "checkpoint"
    ? { ...entry, payload: shownCheckpoint(entry.payload as CheckpointPayload) }
    : entry;
}

function shownCheckpoint({ config, parentConfig, tasks, ...rest }: CheckpointPayload): object {
  return {
    ...rest,
    config: withoutInternals(config),
    parent_config: parentConfig === undefined ? null : withoutInternals(parentConfig),
    checkpoint: addressOf(config),
    parent_checkpoint: parentConfig === undefined ? null : addressOf(parentConfig),
    tasks: tasks.map(shownTask),
  };
}

function addressOf(config: RunnableConfig): Checkpoint {
  return checkpointOf(config, String(config.configurable?.["thread_id"]));
}

// A task that is a graph says where that graph's state is.
function shownTask({ state, ...task }: CheckpointPayload["tasks"][number]): object {
  const { configurable } = (state ?? {}) as RunnableConfig;
  if (configurable === undefined) return state === undefined ? task : { ...task, state };
  const { thread_id, checkpoint_ns } = configurable as { thread_id?: string; checkpoint_ns?: string };
  return { ...task, checkpoint: { thread_id, checkpoint_ns } };
}

// The library keeps its own objects there, and what it is told on the way.
function withoutInternals({ configurable, callbacks: _callbacks, ...config }: RunnableConfig): RunnableConfig {
  if (configurable === undefined) return config;
  const shown = Object.entries(configurable).filter(([key]) => !key.startsWith("__"));
  return { ...config, configurable: Object.fromEntries(shown) };
}
