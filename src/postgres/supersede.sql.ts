import { REVIEW, type ReviewRow } from "./reviews.sql.ts";
import { sql } from "./sql.ts";

/**
 * The questions that a run has left behind by its input, and that the checkpoint still asks; not those it has asked again
 * there, nor those whose answer has reached the graph: there it stays, and would answer the new question as well.
 */
export const reviewsSupersededBy = (
  tenant_id: string,
  thread_id: string,
  run_id: string,
  checkpoint_id: string | null,
) => sql<ReviewRow>`
  select ${REVIEW} from holdpoint.review v
  where v.tenant_id = ${tenant_id} and v.thread_id = ${thread_id} and v.status = 'superseded'
    and v.checkpoint_id = ${checkpoint_id}::uuid
    and not exists (
      select 1 from holdpoint.review again
      where again.tenant_id = v.tenant_id and again.id = v.superseded_by and again.checkpoint_id = v.checkpoint_id)
    and not exists (
      select 1 from holdpoint.audit failed
      where failed.tenant_id = v.tenant_id and failed.review_id = v.id and failed.kind = 'resume_failed')
    and exists (
      select 1 from holdpoint.audit a
      where a.tenant_id = v.tenant_id and a.review_id = v.id and a.kind = 'superseded' and a.run_id = ${run_id}::uuid)
  order by v.id`;

/**
 * Names what is asked in the place of questions that were left behind: by this run's input, or by an edit of the state after
 * which this is the first run. The same node's question, else the first of the pause.
 */
export const linkSuperseded = (tenant_id: string, thread_id: string, run_id: string, group_id: string) => sql`
  update holdpoint.review v
  set version = v.version + 1, superseded_by = (
    select n.id from holdpoint.review n
    where n.tenant_id = v.tenant_id and n.group_id = ${group_id}::uuid
    order by n.node <> v.node, n.opened_at, n.id
    limit 1)
  where v.tenant_id = ${tenant_id} and v.thread_id = ${thread_id} and v.status = 'superseded' and v.superseded_by is null
    and exists (
      select 1 from holdpoint.audit a
      where a.tenant_id = v.tenant_id and a.review_id = v.id and a.kind = 'superseded'
        and (a.run_id = ${run_id}::uuid or a.run_id in (
          select edit.run_id from holdpoint.run edit
          where edit.tenant_id = v.tenant_id and edit.thread_id = v.thread_id and edit.kind = 'state_update'
            and not exists (
              select 1 from holdpoint.run other
              where other.tenant_id = v.tenant_id and other.thread_id = v.thread_id and other.kind <> 'state_update'
                and other.run_id <> ${run_id}::uuid and other.queue_seq > edit.queue_seq))))`;

/** Names the review that asks a question again which somebody had left behind. */
export const setSupersededBy = (tenant_id: string, id: string, superseded_by: string) => sql`
  update holdpoint.review
  set version = version + 1, superseded_by = ${superseded_by}::uuid
  where tenant_id = ${tenant_id} and id = ${id}::uuid`;
