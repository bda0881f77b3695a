import type { ClaimedRun } from "../postgres/claim.ts";
import type { NodeExecution } from "../protocol/node-execution.ts";
import type { RunnerParts } from "./runner.ts";

/** Counts a node that has ended, and says so where it failed. What it was given and what it said stay out of the log. */
export function noteNodeEnd({ log, metrics }: RunnerParts, { graph_id }: ClaimedRun, node: NodeExecution): void {
  const { status, duration_ms, tries, error_class, checkpoint_ns, task_id } = node;
  metrics.node_seconds.observe({ graph: graph_id, status }, duration_ms / 1000);
  if (status !== "error") return;
  log.warn({ node: node.node, error_class, tries, ms: Math.round(duration_ms), checkpoint_ns, task_id }, "node failed");
}
