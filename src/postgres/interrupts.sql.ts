import type { AskingTask } from "../protocol/interrupt.ts";
import { sql } from "./sql.ts";

/**
 * The innermost task that asks a question: it is written (slot -3) by every task on the way up, and a namespace gets
 * longer with every subgraph.
 */
export const selectAskingTask = (tenant_id: string, thread_id: string, interrupt_id: string) => sql<AskingTask>`
  select checkpoint_ns as asking_ns, checkpoint_id::text as asking_checkpoint_id, task_id as asking_task_id
  from holdpoint.checkpoint_write
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and slot = -3 and strpos(body, ${interrupt_id}::text) > 0
  order by length(checkpoint_ns) desc, checkpoint_id desc
  limit 1`;
