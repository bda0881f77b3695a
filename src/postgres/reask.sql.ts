import type { EffectRow } from "./effects.sql.ts";
import { columns, sql } from "./sql.ts";

const BEGUN = columns`e.effect_id, e.name, e.status, e.run_id`;

/**
 * The first effect that a question's step would begin anew if the step were taken again: begun in it before the question
 * was asked, by its own tasks or in their subgraphs, or by whatever has run since it was answered. A subgraph's task that
 * has written to no other step of the thread is taken for one of this step.
 */
export const effectOfStep = (review: {
  tenant_id: string;
  thread_id: string;
  checkpoint_id: string;
  resume_run_id: string | null;
}) => sql<Pick<EffectRow, "effect_id" | "name" | "status" | "run_id">>`
  select ${BEGUN} from holdpoint.effect e
  where e.tenant_id = ${review.tenant_id} and e.thread_id = ${review.thread_id}
    and (
      (e.checkpoint_ns = '' and e.checkpoint_id = ${review.checkpoint_id}::uuid)
      or (e.checkpoint_ns <> '' and not exists (
        select 1 from holdpoint.checkpoint_write w
        where w.tenant_id = e.tenant_id and w.thread_id = e.thread_id and w.checkpoint_ns = ''
          and w.checkpoint_id <> ${review.checkpoint_id}::uuid
          and w.task_id = split_part(split_part(e.checkpoint_ns, '|', 1), ':', 2)))
      or e.run_id in (
        select later.run_id from holdpoint.run later, holdpoint.run carried
        where carried.tenant_id = e.tenant_id and carried.run_id = ${review.resume_run_id}::uuid
          and later.tenant_id = e.tenant_id and later.thread_id = e.thread_id and later.queue_seq >= carried.queue_seq))
  order by e.intent_at, e.effect_id
  limit 1`;
