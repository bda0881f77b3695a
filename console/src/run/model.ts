// A process, as the server tells it: a run that somebody started, and the runs that carried its answers.
import type { EffectStatus } from "../../../src/protocol/effect.ts";
import type { NodeExecution } from "../../../src/protocol/node-execution.ts";
import type { RunKind, RunStatus } from "../../../src/protocol/run.ts";

/** Where a process stands. */
export type ProcessStatus = RunStatus | "waiting" | "stale" | "superseded";

/** What went wrong. */
export interface RunError {
  error: string;
  message: string;
}

/** A process as it is listed. */
export interface ListedRun {
  run_id: string;
  last_run_id: string;
  last_run_status: RunStatus;
  thread_id: string;
  graph_id: string;
  assistant_id: string;
  principal_id: string;
  started_by: string;
  metadata: Record<string, unknown>;
  status: ProcessStatus;
  created_at: string;
  due_at: string;
  ended_at: string | null;
  runs: number;
  attempts: number;
  queue_ms: number;
  error: RunError | null;
  reviews: number;
  review_id: string | null;
  review_title: string | null;
  review_node: string | null;
  review_due_at: string | null;
  waiting_since: string | null;
  node: string | null;
  node_status: string | null;
  input_tokens: number;
  output_tokens: number;
  cost: number | null;
  now: string;
}

/** One run of a process. */
export interface Part {
  run_id: string;
  kind: RunKind;
  status: RunStatus;
  started_by: string;
  metadata: Record<string, unknown>;
  cancel_action: string | null;
  cancelled_by: string | null;
  created_at: string;
  due_at: string;
  started_at: string | null;
  ended_at: string | null;
  error: RunError | null;
  attempts: Attempt[];
  /** Null where it is too long to be sent along. */
  given: { input: unknown; command: unknown } | null;
  input_bytes: number;
  output: unknown;
  output_bytes: number;
}

/** One attempt at a run. */
export interface Attempt {
  attempt: number;
  worker_id: string;
  started_at: string;
  ended_at: string | null;
  outcome: string | null;
  error_class: string | null;
}

/** A question of a process, and who answered it. */
export interface Question {
  id: string;
  run_id: string;
  resume_run_id: string | null;
  title: string;
  node: string;
  checkpoint_id: string;
  status: string;
  outcome: string | null;
  status_reason: string | null;
  risk: string | null;
  opened_at: string;
  due_at: string | null;
  decided_at: string | null;
  closed_at: string | null;
  decided_by: string | null;
}

/** One execution of a node. */
export interface Execution extends NodeExecution {
  run_id: string;
  attempt: number;
  started_at: string;
}

/** A process with everything it is made of. */
export interface RunDetail extends ListedRun {
  graph: { is_loaded: boolean; is_guarded: boolean | null };
  parts: Part[];
  questions: Question[];
  executions: Execution[];
  is_cut: boolean;
}

/** What was begun outside. */
export interface Effect {
  effect_id: string;
  run_id: string;
  checkpoint_id: string;
  name: string;
  kind: "read" | "idempotent" | "once";
  status: EffectStatus;
  attempt: number;
  args: unknown;
  args_bytes: number;
  result: unknown;
  result_bytes: number;
  error: string | null;
  intent_at: string;
  receipt_at: string | null;
}

/** A page of what a run has stored. */
export interface EventPage {
  events: { seq: number; event: string; data: unknown }[];
  next: number | null;
  status: RunStatus;
}

/** A state of the thread, at one checkpoint. */
export interface Snapshot {
  values: unknown;
  next: string[];
  tasks: { id: string; name: string; error: unknown; interrupts: unknown[]; result: unknown }[];
  metadata: { source?: string; step?: number; run_id?: string } & Record<string, unknown>;
  created_at: string | null;
  checkpoint: { checkpoint_id: string | null; checkpoint_ns: string };
  parent_checkpoint: { checkpoint_id: string | null } | null;
}

const OVER: readonly ProcessStatus[] = ["success", "error", "timeout", "interrupted", "stale", "superseded"];

/** True when nothing happens any more unless somebody does something. */
export const isOver = (status: ProcessStatus) => OVER.includes(status);

/** True while a worker has it, or will. */
export const isMoving = (status: ProcessStatus) => status === "pending" || status === "running";

/** What a node is called. */
export function nodeName(id: string): string {
  if (id === "__start__") return "start";
  if (id === "__end__") return "end";
  return id;
}

/** A node as people name it: with the nodes it is inside of. */
export function nodePath({ checkpoint_ns, node }: Pick<Execution, "checkpoint_ns" | "node">): string {
  const outer = checkpoint_ns.split("|").filter((segment) => segment !== "" && !/^\d+$/.test(segment));
  return [...outer.map((segment) => segment.split(":", 1)[0] as string), node].join(" / ");
}
