import type { Pool } from "pg";

/** Adds reviews like one that a graph has really opened: as large as it is, of many graphs, people, risks and times. */
export async function seedReviews(pool: Pool, like: string, open: number, closed: number): Promise<void> {
  await pool.query(COPIES, [like, open, "open"]);
  await pool.query(COPIES, [like, closed, "closed"]);
  await pool.query(DECISIONS);
  await pool.query("analyze holdpoint.review, holdpoint.decision");
}

// Without next_at: nothing becomes of them while others are measured.
const COPIES = `
  insert into holdpoint.review
  select copy.*
  from holdpoint.review r cross join generate_series(1, $2::int) n, jsonb_populate_record(r, jsonb_build_object(
    'id', gen_random_uuid(), 'group_id', gen_random_uuid(), 'thread_id', gen_random_uuid(), 'run_id', gen_random_uuid(),
    'checkpoint_id', gen_random_uuid(), 'interrupt_id', md5($3 || n), 'graph_id', 'graph-' || n % 40,
    'title', 'Refund invoice ' || n, 'status', $3::text, 'next_at', null, 'priority', n % 101,
    'risk', case n % 10 when 0 then 'high' when 1 then 'low' else 'medium' end,
    'candidate_groups', array['group-' || n % 20],
    'assignee', case n % 50 when 0 then 'local-owner' when 1 then 'ana' end,
    'claimed_by', case n % 20 when 3 then 'bo' end,
    'claimed_until', case n % 20 when 3 then holdpoint.now() + interval '1 hour' end,
    'snoozed_until', case n % 100 when 7 then holdpoint.now() + interval '1 day' end,
    'opened_at', holdpoint.now() - n * interval '1 second',
    'due_at', holdpoint.now() + (n - 1000) * interval '1 minute',
    'outcome', case $3::text when 'closed' then 'approved' end,
    'decided_at', case $3::text when 'closed' then holdpoint.now() end,
    'closed_at', case $3::text when 'closed' then holdpoint.now() end)) copy
  where r.id = $1::uuid`;

const DECISIONS = `
  insert into holdpoint.decision (id, review_id, seq, principal_id, channel, decisions, decisions_digest, diff, binding)
  select gen_random_uuid(), id, 1, 'local-owner', 'api', '[{"type":"approve"}]', request_digest, '[]', 'digest'
  from holdpoint.review where status = 'closed'
  on conflict do nothing`;
