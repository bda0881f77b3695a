import { type AccessFilter, EVERYTHING } from "../policy/access-filter.ts";
import type { Delivery, DeliveryAttempt, DeliveryChannel, WebhookAnswer } from "../protocol/delivery.ts";
import { columns, sql } from "./sql.ts";

/** A delivery that an attempt has been started for. */
export interface TakenDelivery {
  tenant_id: string;
  delivery_id: string;
  channel: DeliveryChannel;
  event: string;
  thread_id: string;
  run_id: string;
  review_id: string | null;
  /** Of a mail: `mailto:` and the address. */
  url: string;
  /** Of a run: its row as it ended, as JSON. */
  run: string | null;
  values: string | null;
  /** Of a review: what there is to say, as JSON. */
  body: string | null;
  created_at: string;
  attempt: number;
  failures: number;
  left_ms: number;
  now: string;
}

const TAKEN = columns`tenant_id, delivery_id, channel, event, thread_id, run_id, review_id, url, run, "values", body, attempt, failures,
  created_at`;

/** Deliveries that are due; a hint only, everything is checked again when one is taken. */
export const dueDeliveries = (channel: DeliveryChannel, limit: number) => sql<{
  tenant_id: string;
  id: string;
  turn: string;
}>`
  select tenant_id, delivery_id::text as id, attempt::text as turn from holdpoint.delivery
  where channel = ${channel} and next_at <= holdpoint.now()
  order by next_at limit ${limit}::int`;

/** Starts an attempt, unless somebody else has: the row is due again when this one is not heard of any more. */
export const takeDelivery = (
  tenant_id: string,
  delivery_id: string,
  lostAfterMs: Readonly<Record<DeliveryChannel, number>>,
) => sql<TakenDelivery>`
  with taken as (
    update holdpoint.delivery
    set attempt = attempt + 1, updated_at = holdpoint.now(), next_at = holdpoint.now() + make_interval(secs =>
          case channel when 'mail' then ${lostAfterMs.mail}::float8 else ${lostAfterMs.webhook}::float8 end / 1000)
    where tenant_id = ${tenant_id} and delivery_id = ${delivery_id}::uuid and next_at <= holdpoint.now()
    returning ${TAKEN}, retry_until
  ), begun as (
    insert into holdpoint.delivery_attempt (tenant_id, delivery_id, attempt)
    select tenant_id, delivery_id, attempt from taken
  )
  select ${TAKEN}, (extract(epoch from retry_until - holdpoint.now()) * 1000)::float8 as left_ms, holdpoint.now() as now
  from taken`;

/** Writes down what came of an attempt. */
export const endAttempt = (
  tenant_id: string,
  delivery_id: string,
  attempt: number,
  { status, body, error, duration_ms }: WebhookAnswer,
) => sql`
  update holdpoint.delivery_attempt
  set ended_at = holdpoint.now(), duration_ms = ${duration_ms}::int, answer_status = ${status}::int, answer_body = ${body}::text,
      error = ${error}::text
  where tenant_id = ${tenant_id} and delivery_id = ${delivery_id}::uuid and attempt = ${attempt}::int and ended_at is null`;

/** Decides what is next; nothing when a later attempt has been started, because this one was given up for lost. */
export const settleDelivery = (
  { tenant_id, delivery_id, attempt }: { tenant_id: string; delivery_id: string; attempt: number },
  { status, waitMs, failures }: { status: string; waitMs: number | null; failures: number },
) => sql`
  update holdpoint.delivery
  set status = ${status}, failures = ${failures}::int, next_at = holdpoint.now() + make_interval(secs => ${waitMs}::float8 / 1000),
      updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and delivery_id = ${delivery_id}::uuid and attempt = ${attempt}::int and status = 'pending'`;

const SHOWN = columns`d.delivery_id, d.channel, d.event, d.run_id, d.thread_id, d.review_id, d.url, d.status, d.attempt as attempts,
    d.next_at, d.retry_until, a.answer_status, a.error, d.created_at, d.updated_at`;

/** Deliveries by filter, newest first, each with what its last attempt came to. */
export const listDeliveries = (
  tenant_id: string,
  filter: {
    status: string | null;
    run_id: string | null;
    thread_id: string | null;
    review_id: string | null;
    limit: number;
    offset: number;
    /** Deliveries about which threads may be seen; also those whose thread is gone, where that is all. */
    seen?: AccessFilter | undefined;
  },
) => sql<Delivery & { total: number }>`
  select ${SHOWN}, count(*) over () as total
  from holdpoint.delivery d
  left join holdpoint.delivery_attempt a on a.delivery_id = d.delivery_id and a.attempt = d.attempt
  where d.tenant_id = ${tenant_id}
    and (${filter.status}::text is null or d.status = ${filter.status})
    and (${filter.run_id}::uuid is null or d.run_id = ${filter.run_id}::uuid)
    and (${filter.thread_id}::text is null or d.thread_id = ${filter.thread_id})
    and (${filter.review_id}::uuid is null or d.review_id = ${filter.review_id}::uuid)
    and (${JSON.stringify(filter.seen ?? EVERYTHING)}::jsonb = '{}' or exists (
      select 1 from holdpoint.thread t
      where t.tenant_id = d.tenant_id and t.thread_id = d.thread_id and t.deleted_at is null
        and case when t.metadata @> ${JSON.stringify(filter.seen ?? EVERYTHING)}::jsonb then true else false end))
  order by d.created_at desc, d.delivery_id
  limit ${filter.limit}::int offset ${filter.offset}::int`;

/** One delivery. */
export const selectDelivery = (tenant_id: string, delivery_id: string) => sql<Delivery>`
  select ${SHOWN}
  from holdpoint.delivery d
  left join holdpoint.delivery_attempt a on a.delivery_id = d.delivery_id and a.attempt = d.attempt
  where d.tenant_id = ${tenant_id} and d.delivery_id = ${delivery_id}::uuid`;

/** The attempts of a delivery, the last ones first. */
export const listAttempts = (tenant_id: string, delivery_id: string, limit: number) => sql<DeliveryAttempt>`
  select attempt, started_at, ended_at, duration_ms, answer_status, answer_body, error
  from holdpoint.delivery_attempt
  where tenant_id = ${tenant_id} and delivery_id = ${delivery_id}::uuid
  order by attempt desc limit ${limit}::int`;

/**
 * Makes a delivery due now. One that has ended gets three days again; of one that waits only the wait is cut short, and
 * one that is under way stays as it is, so that asking twice sends nothing twice.
 */
export const replayDelivery = (tenant_id: string, delivery_id: string) => sql<{ thread_id: string; run_id: string }>`
  update holdpoint.delivery d
  set status = 'pending',
      failures = case when d.status = 'pending' then d.failures else 0 end,
      retry_until = case when d.status = 'pending' then d.retry_until else holdpoint.now() + interval '3 days' end,
      next_at = case when d.status <> 'pending' then holdpoint.now()
        when exists (select 1 from holdpoint.delivery_attempt a
          where a.delivery_id = d.delivery_id and a.attempt = d.attempt and a.ended_at is null) then d.next_at
        else least(d.next_at, holdpoint.now()) end,
      updated_at = holdpoint.now()
  where d.tenant_id = ${tenant_id} and d.delivery_id = ${delivery_id}::uuid
  returning d.thread_id, d.run_id`;
