import { type AccessFilter, EVERYTHING } from "../policy/access-filter.ts";
import type { ReviewCounts } from "../protocol/review.ts";
import { REVIEW, type ReviewRow } from "./reviews.sql.ts";
import { columns, sql } from "./sql.ts";

/** Which reviews are wanted; what is left out or null does not matter. */
export interface ReviewWish {
  graph_id?: string | null | undefined;
  risk?: string | null | undefined;
  assignee?: string | null | undefined;
  /** Assigned to this person, claimed by them, or asked of them by name. */
  mine?: string | null | undefined;
  /** Asked of one of these groups. */
  groups?: readonly string[] | null | undefined;
  unclaimed?: boolean | null | undefined;
  overdue?: boolean | null | undefined;
  snoozed?: boolean | null | undefined;
  due_before?: string | null | undefined;
  /** A part of the title. */
  q?: string | null | undefined;
  sort?: ReviewSort | undefined;
  /** Which threads' reviews may be seen. */
  seen?: AccessFilter | undefined;
}

/** What comes first: what has waited longest, what came last, what is due next, what matters most. */
export const REVIEW_SORTS = ["opened_at", "newest", "due_at", "priority"] as const;

/** What comes first. */
export type ReviewSort = (typeof REVIEW_SORTS)[number];

/** The part of a list. */
export interface ReviewPage {
  limit: number;
  offset: number;
}

// One value: a statement's text never depends on what is asked for.
const WISH = columns`w(graph_id text, risk text, assignee text, mine text, groups text[], unclaimed boolean, overdue boolean, snoozed boolean,
    due_before timestamptz, q text, sort text, seen jsonb)`;

// The clock is read once: asked for by each row, it would be most of what a list does.
const MATCHES = columns`(w.graph_id is null or r.graph_id = w.graph_id)
      and (w.risk is null or r.risk = w.risk)
      and (w.assignee is null or r.assignee = w.assignee)
      and (w.mine is null or r.assignee = w.mine or w.mine = any(r.candidate_users)
        or (r.claimed_by = w.mine and r.claimed_until > clock.at))
      and (w.groups is null or r.candidate_groups && w.groups)
      and (w.unclaimed is null or (r.assignee is null and coalesce(r.claimed_until <= clock.at, true)) = w.unclaimed)
      and (w.overdue is null
        or coalesce(r.due_at < clock.at and r.status in ('open', 'info_requested'), false) = w.overdue)
      and (w.snoozed is null or coalesce(r.snoozed_until > clock.at, false) = w.snoozed)
      and (w.due_before is null or r.due_at < w.due_before)
      and (w.q is null or strpos(lower(r.title), lower(w.q)) > 0)
      and (w.seen is null or exists (
        select 1 from holdpoint.thread t
        where t.tenant_id = r.tenant_id and t.thread_id = r.thread_id and t.deleted_at is null
          and case when t.metadata @> w.seen then true else false end))`;

// Said in so many words, because only then does Postgres look at the index of these alone, whatever has gone before.
const NOT_OVER = columns`r.status in ('open', 'info_requested', 'decided', 'resuming', 'resume_failed', 'stale')`;
const WAITS = columns`r.status in ('open', 'info_requested')`;

const KEYS = columns`r.id, count(*) over () as total, case when w.sort = 'priority' then r.priority end as by_priority,
    case when w.sort = 'due_at' then r.due_at end as by_due, case when w.sort = 'newest' then r.opened_at end as by_newest,
    r.opened_at as by_age`;
// Not by the number of each row: to give every row its own, all are sorted for the few that are shown.
const ORDER = columns`by_priority desc, by_due, by_newest desc, by_age, id`;

// "case when … then true": of many conditions Postgres supposes that no row meets them all, and would read everything at once
// rather than in order until there are enough; of one value it supposes that every other row has it.

/** More are not counted where what is over is listed: it only grows, and nobody pages through it to the end. */
export const MOST_COUNTED = 1_000;

/** How many reviews a list has, of which at most one over `MOST_COUNTED` are looked for. */
export const countListed = (tenant_id: string, statuses: readonly string[], wish: ReviewWish) => sql<{ total: number }>`
  with clock as materialized (select holdpoint.now() as at),
  w as materialized (select * from jsonb_to_record(${JSON.stringify(wish)}::jsonb) as ${WISH})
  select count(*) as total from (
    select from clock cross join w cross join unnest(${statuses}::text[]) as wanted (status) cross join lateral (
      select from holdpoint.review r
      where r.tenant_id = ${tenant_id} and r.status = wanted.status and case when ${MATCHES} then true else false end
      order by r.opened_at desc limit ${MOST_COUNTED}::int + 1) found
    limit ${MOST_COUNTED}::int + 1) counted`;

/**
 * Reviews by filter, the newest first, also of what is over: of each status no more is read than the page takes, in the order
 * of its index.
 */
export const listNewestReviews = (
  tenant_id: string,
  statuses: readonly string[],
  wish: ReviewWish,
  { limit, offset }: ReviewPage,
) => sql<ReviewRow>`
  with clock as materialized (select holdpoint.now() as at),
  w as materialized (select * from jsonb_to_record(${JSON.stringify(wish)}::jsonb) as ${WISH}),
  page as (
    select found.id, found.opened_at
    from clock cross join w cross join unnest(${statuses}::text[]) as wanted (status) cross join lateral (
      select r.id, r.opened_at from holdpoint.review r
      where r.tenant_id = ${tenant_id} and r.status = wanted.status and case when ${MATCHES} then true else false end
      order by r.opened_at desc, r.id limit ${limit}::int + ${offset}::int) found
    order by found.opened_at desc, found.id limit ${limit}::int offset ${offset}::int
  )
  select ${REVIEW} from page join holdpoint.review using (id, opened_at)
  where tenant_id = ${tenant_id}
  order by opened_at desc, id`;

/** The same with the oldest first. */
export const listOldestReviews = (
  tenant_id: string,
  statuses: readonly string[],
  wish: ReviewWish,
  { limit, offset }: ReviewPage,
) => sql<ReviewRow>`
  with clock as materialized (select holdpoint.now() as at),
  w as materialized (select * from jsonb_to_record(${JSON.stringify(wish)}::jsonb) as ${WISH}),
  page as (
    select found.id, found.opened_at
    from clock cross join w cross join unnest(${statuses}::text[]) as wanted (status) cross join lateral (
      select r.id, r.opened_at from holdpoint.review r
      where r.tenant_id = ${tenant_id} and r.status = wanted.status and case when ${MATCHES} then true else false end
      order by r.opened_at, r.id limit ${limit}::int + ${offset}::int) found
    order by found.opened_at, found.id limit ${limit}::int offset ${offset}::int
  )
  select ${REVIEW} from page join holdpoint.review using (id, opened_at)
  where tenant_id = ${tenant_id}
  order by opened_at, id`;

/** Reviews by filter, in any order. Only what tells them apart is sorted and counted: their rows are read of the page alone. */
export const listReviews = (tenant_id: string, statuses: readonly string[], wish: ReviewWish, page: ReviewPage) => sql<
  ReviewRow & { total: number }
>`
  with clock as materialized (select holdpoint.now() as at), page as (
    select ${KEYS}
    from clock cross join jsonb_to_record(${JSON.stringify(wish)}::jsonb) as ${WISH}
      join holdpoint.review r on r.tenant_id = ${tenant_id} and r.status = any(${statuses}::text[])
    where ${MATCHES}
    order by ${ORDER} limit ${page.limit}::int offset ${page.offset}::int
  )
  select ${REVIEW}, page.total from page join holdpoint.review using (id)
  where tenant_id = ${tenant_id}
  order by ${ORDER}`;

/** The same of those that are not over, however many are. */
export const listWaitingReviews = (
  tenant_id: string,
  statuses: readonly string[],
  wish: ReviewWish,
  page: ReviewPage,
) => sql<ReviewRow & { total: number }>`
  with clock as materialized (select holdpoint.now() as at), page as (
    select ${KEYS}
    from clock cross join jsonb_to_record(${JSON.stringify(wish)}::jsonb) as ${WISH}
      join holdpoint.review r on r.tenant_id = ${tenant_id} and ${NOT_OVER}
      and r.status = any(${statuses}::text[])
    where ${MATCHES}
    order by ${ORDER} limit ${page.limit}::int offset ${page.offset}::int
  )
  select ${REVIEW}, page.total from page join holdpoint.review using (id)
  where tenant_id = ${tenant_id}
  order by ${ORDER}`;

/** The same of one thread, which are few. */
export const listReviewsOfThread = (
  tenant_id: string,
  thread_id: string,
  statuses: readonly string[],
  wish: ReviewWish,
  page: ReviewPage,
) => sql<ReviewRow & { total: number }>`
  with clock as materialized (select holdpoint.now() as at), page as (
    select ${KEYS}
    from clock cross join jsonb_to_record(${JSON.stringify(wish)}::jsonb) as ${WISH}
      join holdpoint.review r on r.tenant_id = ${tenant_id} and r.thread_id = ${thread_id}
      and r.status = any(${statuses}::text[])
    where ${MATCHES}
    order by ${ORDER} limit ${page.limit}::int offset ${page.offset}::int
  )
  select ${REVIEW}, page.total from page join holdpoint.review using (id)
  where tenant_id = ${tenant_id}
  order by ${ORDER}`;

/** Counts what is not over; whose it is and how urgent, of what waits for a person. */
export const countReviews = (
  tenant_id: string,
  principal_id: string,
  groups: readonly string[],
  seen: AccessFilter = EVERYTHING,
) => sql<ReviewCounts>`
  with clock as materialized (select holdpoint.now() as at)
  select count(*) filter (where r.status = 'open') as open,
    count(*) filter (where r.status = 'info_requested') as info_requested,
    count(*) filter (where r.status = 'decided') as decided,
    count(*) filter (where r.status = 'resuming') as resuming,
    count(*) filter (where r.status = 'resume_failed') as resume_failed,
    count(*) filter (where r.status = 'stale') as stale,
    count(*) filter (where ${WAITS} and (r.assignee = w.mine or w.mine = any(r.candidate_users)
      or (r.claimed_by = w.mine and r.claimed_until > clock.at))) as mine,
    count(*) filter (where ${WAITS} and r.candidate_groups && w.groups) as my_groups,
    count(*) filter (where ${WAITS} and r.assignee is null and coalesce(r.claimed_until <= clock.at, true)) as unclaimed,
    count(*) filter (where ${WAITS} and r.due_at < clock.at) as overdue,
    count(*) filter (where ${WAITS} and r.snoozed_until > clock.at) as snoozed,
    count(*) filter (where ${WAITS} and r.risk = 'high') as high_risk
  from clock cross join (select ${principal_id}::text as mine, ${groups}::text[] as groups) w
    join holdpoint.review r on r.tenant_id = ${tenant_id} and ${NOT_OVER}
  where ${JSON.stringify(seen)}::jsonb = '{}' or exists (
    select 1 from holdpoint.thread t
    where t.tenant_id = r.tenant_id and t.thread_id = r.thread_id and t.deleted_at is null
      and case when t.metadata @> ${JSON.stringify(seen)}::jsonb then true else false end)`;
