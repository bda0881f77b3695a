import type { NodeExecution } from "../protocol/node-execution.ts";
import { sql } from "./sql.ts";

/** An execution that has just ended, or been left. */
export interface EndedExecution extends NodeExecution {
  /** How long ago it began. */
  readonly agoMs: number;
}

/** Whose execution it is. */
export interface NodeOwner {
  readonly tenant_id: string;
  readonly thread_id: string;
  readonly run_id: string;
  readonly attempt: number;
  readonly graph_id: string;
  readonly lease_epoch: number;
}

/** Stores an execution under the lease; once, however often it is sent. */
export const insertNodeExecution = (owner: NodeOwner, node: EndedExecution) => sql`
  insert into holdpoint.node_execution (tenant_id, thread_id, checkpoint_ns, checkpoint_id, task_id, run_id, attempt,
    graph_id, node, status, started_at, duration_ms, model_ms, tool_ms, tries, write_keys, write_bytes, input_tokens,
    output_tokens, cached_tokens, cost, is_cached, error_class)
  select ${owner.tenant_id}::text, ${owner.thread_id}::text, ${node.checkpoint_ns}::text, ${node.checkpoint_id}::uuid,
    ${node.task_id}::text, ${owner.run_id}::uuid, ${owner.attempt}::integer, ${owner.graph_id}::text, ${node.node}::text,
    ${node.status}::text, holdpoint.now() - make_interval(secs => ${node.agoMs}::float8 / 1000),
    ${node.duration_ms}::float8, ${node.model_ms}::float8, ${node.tool_ms}::float8, ${node.tries}::integer,
    ${node.write_keys}::text[], ${node.write_bytes}::integer, ${node.input_tokens}::integer,
    ${node.output_tokens}::integer, ${node.cached_tokens}::integer, ${node.cost}::float8, ${node.is_cached}::boolean,
    ${node.error_class}::text
  where exists (
    select 1 from holdpoint.thread t
    where t.tenant_id = ${owner.tenant_id}::text and t.thread_id = ${owner.thread_id}::text and t.deleted_at is null
      and t.lease_epoch = ${owner.lease_epoch}::bigint)
  on conflict (thread_id, run_id, checkpoint_ns, checkpoint_id, task_id, attempt) do nothing`;
