import { sql } from "./sql.ts";

/** A review of which a step is due. */
export interface DueReview {
  tenant_id: string;
  id: string;
  thread_id: string;
  graph_id: string;
}

/**
 * Reviews of which a step is due, those that have waited longest first: a hint, looked at again under the thread's lock.
 * Passed over are those that somebody is deciding just now, and those of graphs that only other processes have loaded:
 * theirs to do. A graph that nobody has loaded is anybody's, so that its questions do not stand for ever.
 */
export const dueReviews = (graph_ids: readonly string[], limit: number) => sql<DueReview>`
  select v.tenant_id, v.id::text, v.thread_id, v.graph_id from holdpoint.review v
  where v.next_at <= holdpoint.now()
    and exists (
      select 1 from holdpoint.thread t
      where t.tenant_id = v.tenant_id and t.thread_id = v.thread_id and t.deleted_at is null)
    and (v.graph_id = any(${graph_ids}::text[]) or not exists (
      select 1 from holdpoint.worker w
      where w.tenant_id = v.tenant_id and w.stopped_at is null and v.graph_id = any(w.graph_ids)
        and w.heartbeat_at > holdpoint.now() - make_interval(secs => w.lease_ms / 1000.0)))
  order by v.next_at
  limit ${limit}::int
  for no key update of v skip locked`;

/** Notes how many steps of its timetable have been done, and when the next one is. */
export const noteSteps = (tenant_id: string, id: string, timer_step: number, next_after_seconds: number | null) => sql`
  update holdpoint.review
  set timer_step = ${timer_step}::int, next_at = opened_at + make_interval(secs => ${next_after_seconds}::float8)
  where tenant_id = ${tenant_id} and id = ${id}::uuid`;

/** Asks these people and groups, and nobody else. */
export const setCandidates = (
  tenant_id: string,
  id: string,
  users: readonly string[],
  groups: readonly string[],
) => sql`
  update holdpoint.review
  set candidate_users = ${users}::text[], candidate_groups = ${groups}::text[]
  where tenant_id = ${tenant_id} and id = ${id}::uuid`;

/** Looks at a review again later: what is due of it cannot be done just now. */
export const lookLater = (tenant_id: string, id: string, seconds: number) => sql`
  update holdpoint.review
  set next_at = holdpoint.now() + make_interval(secs => ${seconds}::float8)
  where tenant_id = ${tenant_id} and id = ${id}::uuid and next_at <= holdpoint.now()`;
