import { sql } from "./sql.ts";

/** Writes what people have changed about a review; the caller holds its row and has checked. */
export const updateAttendance = (
  tenant_id: string,
  id: string,
  row: {
    status: string;
    assignee: string | null;
    claimed_by: string | null;
    claimed_until: string | null;
    snoozed_until: string | null;
  },
  versions: number,
) => sql`
  update holdpoint.review
  set status = ${row.status}, assignee = ${row.assignee}, claimed_by = ${row.claimed_by}, claimed_until = ${row.claimed_until}::timestamptz,
      snoozed_until = ${row.snoozed_until}::timestamptz, version = version + ${versions}::int
  where tenant_id = ${tenant_id} and id = ${id}::uuid`;

/** Whether somebody has seen this version of a review before. */
export const hasViewed = (tenant_id: string, review_id: string, principal_id: string) => sql<{ version: number }>`
  select max((body::jsonb ->> 'version')::int) as version from holdpoint.audit
  where tenant_id = ${tenant_id} and review_id = ${review_id}::uuid and kind = 'viewed' and principal_id = ${principal_id}`;

/** The last question that was asked about a review. */
export const lastQuestion = (tenant_id: string, review_id: string) => sql<{ question: string; to: string | null }>`
  select body::jsonb ->> 'question' as question, body::jsonb ->> 'to' as "to" from holdpoint.audit
  where tenant_id = ${tenant_id} and review_id = ${review_id}::uuid and kind = 'info_requested'
  order by review_seq desc limit 1`;
