import { sql } from "../sql.ts";

/** A checkpoint without its values: what decides whether it may go. */
export interface CheckpointNode {
  readonly checkpoint_ns: string;
  readonly checkpoint_id: string;
  readonly parent_checkpoint_id: string | null;
  readonly run_id: string | null;
  readonly remnant: boolean;
  /** The first characters of the body: version and time. */
  readonly beginning: string;
  /** For a subgraph's checkpoint: under which checkpoints of the graphs around it, by namespace. */
  readonly parents: unknown;
  /** An object whose keys are the graph's delta channels. */
  readonly delta_counters: unknown;
}

/** Every checkpoint of a thread. */
export const selectNodes = (tenant_id: string, thread_id: string) => sql<CheckpointNode>`
  select c.checkpoint_ns, c.checkpoint_id::text, c.parent_checkpoint_id::text, c.run_id::text, c.remnant,
    left(c.body, 100) as beginning,
    case when strpos(c.checkpoint_ns, ':') > 0 then c.metadata -> 'parents' end as parents,
    c.metadata -> 'counters_since_delta_snapshot' as delta_counters
  from holdpoint.checkpoint c
  where c.tenant_id = ${tenant_id}::text and c.thread_id = ${thread_id}::text
  order by c.checkpoint_ns, c.checkpoint_id desc`;

/**
 * The checkpoints that somebody is about to come back to: those of questions that are not settled, of effects without a
 * receipt, and those named anywhere in what an unfinished run was asked to do.
 */
export const selectPins = (tenant_id: string, thread_id: string) => sql<{ checkpoint_id: string }>`
  select r.checkpoint_id::text from holdpoint.review r
  where r.tenant_id = ${tenant_id}::text and r.thread_id = ${thread_id}::text
    and r.status in ('open', 'info_requested', 'decided', 'resuming', 'resume_failed', 'stale')
  union
  select r.asking_checkpoint_id::text from holdpoint.review r
  where r.tenant_id = ${tenant_id}::text and r.thread_id = ${thread_id}::text and r.asking_checkpoint_id is not null
    and r.status in ('open', 'info_requested', 'decided', 'resuming', 'resume_failed', 'stale')
  union
  select e.checkpoint_id::text from holdpoint.effect e
  where e.tenant_id = ${tenant_id}::text and e.thread_id = ${thread_id}::text and e.status <> 'receipt'
  union
  select lower(named.id[1])
  from holdpoint.run r
    cross join lateral regexp_matches(r.kwargs, '"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"', 'gi') as named (id)
  where r.tenant_id = ${tenant_id}::text and r.thread_id = ${thread_id}::text and r.status in ('pending', 'running')`;

/** Which delta channels a checkpoint stores a value of, and which its writes mention. */
export interface DeltaMarks {
  readonly checkpoint_ns: string;
  readonly checkpoint_id: string;
  readonly stored: readonly string[];
  readonly written: readonly string[];
}

/** The marks of every checkpoint of a thread; `quoted` are the channels as JSON strings. */
export const selectDeltaMarks = (
  tenant_id: string,
  thread_id: string,
  channels: readonly string[],
  quoted: readonly string[],
) => sql<DeltaMarks>`
  select c.checkpoint_ns, c.checkpoint_id::text,
    array(select u.channel from unnest(c.channels) as u (channel) where u.channel = any (${channels}::text[])) as stored,
    array(
      select q.channel from unnest(${channels}::text[], ${quoted}::text[]) as q (channel, quoted)
      where exists (
        select 1 from holdpoint.checkpoint_write w
        where w.tenant_id = c.tenant_id and w.thread_id = c.thread_id and w.checkpoint_ns = c.checkpoint_ns
          and w.checkpoint_id = c.checkpoint_id and strpos(w.body, q.quoted) > 0)) as written
  from holdpoint.checkpoint c
  where c.tenant_id = ${tenant_id}::text and c.thread_id = ${thread_id}::text`;

/** What is stored of a checkpoint that becomes a remnant. */
export interface RemnantRow {
  readonly checkpoint_ns: string;
  readonly checkpoint_id: string;
  readonly body: string;
  readonly chains: string | null;
  readonly seqs: string | null;
}

/** Reads what some checkpoints store. */
export const selectBodies = (
  tenant_id: string,
  thread_id: string,
  namespaces: readonly string[],
  ids: readonly string[],
) => sql<RemnantRow>`
  select c.checkpoint_ns, c.checkpoint_id::text, c.body, c.chains::text, c.seqs::text
  from unnest(${namespaces}::text[], ${ids}::uuid[]) as g (checkpoint_ns, checkpoint_id)
    join holdpoint.checkpoint c on c.tenant_id = ${tenant_id}::text and c.thread_id = ${thread_id}::text
      and c.checkpoint_ns = g.checkpoint_ns and c.checkpoint_id = g.checkpoint_id`;

/** Leaves of a checkpoint what later ones need of it. Nobody sees it any more. */
export const leaveRemnant = (
  tenant_id: string,
  thread_id: string,
  remnant: {
    checkpoint_ns: string;
    checkpoint_id: string;
    channels: readonly string[];
    chains: readonly string[] | null;
    seqs: readonly number[] | null;
    body: string;
  },
) => sql`
  update holdpoint.checkpoint
  set remnant = true, channels = ${remnant.channels}::text[], chains = ${remnant.chains}::uuid[],
    seqs = ${remnant.seqs}::integer[], body = ${remnant.body}::text
  where tenant_id = ${tenant_id}::text and thread_id = ${thread_id}::text
    and checkpoint_ns = ${remnant.checkpoint_ns}::text and checkpoint_id = ${remnant.checkpoint_id}::uuid`;

/** The first thread after this one that has checkpoints. */
export const nextThread = (tenant_id: string, after: string) => sql<{ thread_id: string }>`
  select c.thread_id from holdpoint.checkpoint c
  where c.tenant_id = ${tenant_id}::text and c.thread_id > ${after}::text collate "C"
  order by c.thread_id
  limit 1`;
