import { getConfig } from "@langchain/langgraph";
import type { TaskKey } from "../postgres/task-questions.sql.ts";
import { HoldpointError } from "../protocol/errors.ts";

/** The task that the calling code runs in. */
export interface CurrentTask {
  task: TaskKey;
  /** Of the task and of the graphs around it. */
  checkpoint_ids: string[];
  /** The node's own signals: its time may be over while the run's is not. */
  stopped: AbortSignal[];
}

/** The task this code runs in, as the checkpointer names it: the same for every execution of it. `what` asks. */
export function currentTask(what: string): CurrentTask {
  const config = getConfig();
  const configurable = config?.configurable;
  const task_id = configurable?.["__pregel_task_id"];
  const task_ns = configurable?.["checkpoint_ns"];
  if (typeof task_id !== "string" || typeof task_ns !== "string") {
    throw new HoldpointError("outside_run", `${what} was called outside a node; call it inside the function of a node`);
  }
  const checkpoint_ns = task_ns.split("|").slice(0, -1).join("|");
  const checkpoints = (configurable?.["checkpoint_map"] ?? {}) as Record<string, string>;
  const checkpoint_id = checkpoints[checkpoint_ns];
  if (checkpoint_id === undefined)
    throw new HoldpointError("outside_run", `no checkpoint is known for the task ${task_ns}`);
  return {
    task: { checkpoint_ns, checkpoint_id, task_id },
    checkpoint_ids: Object.values(checkpoints),
    stopped: config?.signal === undefined ? [] : [config.signal],
  };
}

/** The id of the task this code runs in; undefined outside of one. */
export function currentTaskId(): string | undefined {
  const task_id = getConfig()?.configurable?.["__pregel_task_id"];
  return typeof task_id === "string" ? task_id : undefined;
}
