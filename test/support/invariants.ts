import { CHAIN_START, firstBrokenLink, linkHash, type StoredLink } from "../../src/policy/audit-chain.ts";
import { reviewAudit } from "../../src/postgres/audit.sql.ts";
import type { Database } from "../../src/postgres/database.ts";
import { REVIEW_STATUSES } from "../../src/protocol/review.ts";

interface Check {
  /** The invariant of ARCHITECTURE.md it holds. */
  name: string;
  /** Selects what breaks it. */
  text: string;
}

const CHECKS: Check[] = [
  {
    name: "I2: at most one run of a thread is running",
    text: `select thread_id from holdpoint.run where status = 'running' group by thread_id having count(*) > 1`,
  },
  {
    name: "I2: a running run has the thread's epoch, and only a running one has a lease",
    text: `select r.run_id from holdpoint.run r join holdpoint.thread t using (thread_id)
      where r.status = 'running' and (r.lease_epoch is distinct from t.lease_epoch or t.lease_until is null)
      union all
      select t.thread_id::uuid from holdpoint.thread t where t.lease_until is not null
        and not exists (select 1 from holdpoint.run r where r.thread_id = t.thread_id and r.status = 'running')`,
  },
  {
    name: "I5: a review has one decision at most",
    text: `select review_id from holdpoint.decision group by review_id having count(*) > 1`,
  },
  {
    name: "I5: a review was decided exactly when it has a decision",
    text: `select v.id, v.status from holdpoint.review v
      where (v.decided_at is not null) <> exists (select 1 from holdpoint.decision d where d.review_id = v.id)
        or (v.status in ('decided', 'resuming', 'closed', 'resume_failed') and v.decided_at is null)
        or (v.status in ('open', 'info_requested') and v.decided_at is not null)`,
  },
  {
    name: "I6: a group has a resume run exactly when its last answer is in",
    text: `select v.group_id from holdpoint.review v
      left join holdpoint.run r on r.group_id = v.group_id
      group by v.group_id
      having count(distinct r.run_id) > 1
        or (bool_and(v.decided_at is not null) and count(r.run_id) = 0)
        or (bool_or(v.status in ('open', 'info_requested')) and count(r.run_id) > 0)`,
  },
  {
    name: "I6: an answered review waits for its group or for its run, and for nothing else",
    text: `select v.id, v.status from holdpoint.review v
      where v.status in ('decided', 'resuming')
        and not exists (select 1 from holdpoint.run r where r.run_id = v.resume_run_id and r.status in ('pending', 'running'))
        and not (v.status = 'decided' and v.resume_run_id is null
          and exists (select 1 from holdpoint.review o where o.group_id = v.group_id and o.status in ('open', 'info_requested')))`,
  },
  {
    name: "I7: an open question of a thread at rest is asked by the thread's head",
    text: `select v.id from holdpoint.review v
      where v.status in ('open', 'info_requested')
        and not exists (select 1 from holdpoint.run r where r.thread_id = v.thread_id and r.status in ('pending', 'running'))
        and v.checkpoint_id <> (select c.checkpoint_id from holdpoint.checkpoint c
          where c.thread_id = v.thread_id and c.checkpoint_ns = '' order by c.checkpoint_id desc limit 1)`,
  },
  {
    name: "a thread's status says what it waits for",
    text: `select t.thread_id, t.status from holdpoint.thread t
      where t.deleted_at is null and (
        (t.status = 'busy') <> exists (select 1 from holdpoint.run r where r.thread_id = t.thread_id and r.status in ('pending', 'running'))
        or (t.status in ('idle', 'error') and exists (
          select 1 from holdpoint.review v where v.thread_id = t.thread_id and v.status in ('open', 'info_requested'))))`,
  },
  {
    name: "a thread that waits for an answer has a review of what it asks",
    text: `select t.thread_id, t.interrupts from holdpoint.thread t
      where t.deleted_at is null and t.status = 'interrupted' and t.interrupts <> '{}'
        and not exists (select 1 from holdpoint.review v where v.thread_id = t.thread_id
          and v.status in ('open', 'info_requested', 'decided', 'stale'))`,
  },
  {
    name: "only a review that waits for a person has something due, and its end is not forgotten",
    text: `select v.id, v.status, v.next_at from holdpoint.review v
      where (v.next_at is not null and v.status not in ('open', 'info_requested'))
        or (v.next_at is null and v.status in ('open', 'info_requested') and v.policy not like '%"on_timeout":"keep"%')`,
  },
  {
    name: "the first queued run of a thread at rest has a place in the queue, and nothing else has one",
    text: `select r.run_id, r.status, r.place from holdpoint.run r
      where (r.place is not null) <> (r.status = 'pending' and not exists (
        select 1 from holdpoint.run o where o.thread_id = r.thread_id and o.status in ('pending', 'running')
          and o.queue_seq < r.queue_seq))`,
  },
  {
    name: "a run whose time has not come is in nobody's way",
    text: `select r.run_id, r.place from holdpoint.run r where r.place < 'infinity' and r.not_before > holdpoint.now()`,
  },
  {
    name: "each attempt at a run has its row, and only that of a running run is under way",
    text: `select r.run_id, r.status, r.attempt from holdpoint.run r
      where r.attempt <> (select count(*) from holdpoint.run_attempt a where a.run_id = r.run_id)
        or (select count(*) from holdpoint.run_attempt a where a.run_id = r.run_id and a.ended_at is null)
          <> (case when r.status = 'running' then 1 else 0 end)`,
  },
  {
    name: "events have gap-free ids",
    text: `select thread_id from (
        select thread_id, seq_from, coalesce(lag(seq_to) over (partition by thread_id order by seq_from), 0) + 1 as expected
        from holdpoint.event) e
      where seq_from <> expected`,
  },
  {
    name: "I10: an effect has a receipt exactly when it has a time of receipt",
    text: `select effect_id from holdpoint.effect where (status = 'receipt') <> (receipt_at is not null)`,
  },
];

/** Every invariant over the tables that does not hold, with what breaks it; empty when all hold. */
export async function violations(database: Database): Promise<string[]> {
  const found: string[] = [];
  for (const { name, text } of CHECKS) {
    const { rows } = await database.pool.query(text);
    for (const row of rows) found.push(`${name}: ${JSON.stringify(row)}`);
  }
  return [...found, ...(await brokenChains(database))];
}

// Links that tell of the review's status; every other one is about something that people did, or were told.
const SETS_STATUS: ReadonlySet<string> = new Set([...REVIEW_STATUSES, "info_given"]);

async function brokenChains(database: Database): Promise<string[]> {
  const { rows } = await database.pool.query<{ id: string; status: string; decided: boolean }>(
    "select id, status, decided_at is not null as decided from holdpoint.review",
  );
  const found: string[] = [];
  for (const { id, status, decided } of rows) {
    const links = (await database.many(reviewAudit("default", id))).map(
      ({ audit_seq: _place, ...link }) => link as StoredLink,
    );
    const broken = firstBrokenLink(links);
    if (broken !== null) found.push(`I11: the chain of review ${id} breaks at link ${broken}`);
    if (links[0]?.kind !== "opened") found.push(`I11: the chain of review ${id} does not begin with its opening`);
    const decisions = links.filter(({ kind }) => kind === "decided").length;
    if (decisions !== (decided ? 1 : 0)) found.push(`I11: the chain of review ${id} has ${decisions} decisions`);
    const last = links.findLast(({ kind }) => SETS_STATUS.has(kind));
    const expected = last === undefined || last.kind === "info_given" ? "open" : last.kind;
    if (expected !== status) found.push(`I11: review ${id} is ${status}, its chain says ${expected}`);
  }
  return found;
}

/** A chain of links that holds, for tests that break one. */
export function chainOf(bodies: readonly string[]): StoredLink[] {
  let previous = CHAIN_START;
  return bodies.map((body, position) => {
    const link = {
      tenant_id: "default",
      review_id: "00000000-0000-4000-8000-000000000001",
      review_seq: position + 1,
      kind: position === 0 ? "opened" : "decided",
      at: "2026-01-01T00:00:00.000Z",
      principal_id: "user:ana",
      thread_id: "t",
      run_id: null,
      body,
    };
    const stored = { ...link, prev_hash: previous, hash: linkHash(previous, link) };
    previous = stored.hash;
    return stored;
  });
}
