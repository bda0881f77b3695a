-- The house: queue, threads, checkpoints, events, reviews, effects, audit and identity.
-- Why it looks like this:
--   * thread_id is text with the "C" collation everywhere, so that the checkpointer can be used alone with any
--     thread name, and so that checkpoints, writes, chunks, events and effects can later be distributed by it.
--   * JSON that comes from graphs, models or clients is kept as text: jsonb refuses \u0000 and lone surrogates,
--     both of which occur in real state. Only metadata, which is filtered by containment, is jsonb.
--   * No foreign key points at thread: its check would take a row lock against the lock order
--     (thread advisory lock, thread row, runs, reviews by id, effects, jobs, audit).

-- One clock for deadlines and leases. Tests move it; production never does.
create table holdpoint.clock (
  singleton boolean primary key default true check (singleton),
  shift interval not null default '0'
);
insert into holdpoint.clock default values;

-- stable and language sql: a volatile plpgsql clock turns every index scan on a deadline into a sequential scan.
create function holdpoint.now() returns timestamptz
  language sql stable
  as $$ select pg_catalog.clock_timestamp() + (select c.shift from holdpoint.clock c) $$;

-- Ends a transaction that was sent whole, in one go, when what it goes by turns out not to be so.
create function holdpoint.expect(is_so boolean, what text) returns void
  language plpgsql
  as $$ begin
    if is_so is not true then raise exception 'holdpoint: expected %', what using errcode = 'HP002'; end if;
  end $$;

create table holdpoint.setting (
  name text primary key,
  value text not null
);

---------------------------------------------------------------------------------------------------- identity

create table holdpoint.principal (
  tenant_id text not null default 'default',
  principal_id text not null,
  kind text not null check (kind in ('user', 'service', 'agent', 'system')),
  display_name text not null,
  groups text[] not null default '{}',
  created_at timestamptz not null default holdpoint.now(),
  primary key (tenant_id, principal_id)
);

create table holdpoint.api_key (
  tenant_id text not null default 'default',
  api_key_id uuid not null,
  principal_id text not null,
  name text not null,
  secret_sha256 bytea not null unique,
  permissions text[] not null,
  created_at timestamptz not null default holdpoint.now(),
  last_used_at timestamptz,
  revoked_at timestamptz,
  primary key (tenant_id, api_key_id),
  foreign key (tenant_id, principal_id) references holdpoint.principal
);

create table holdpoint.login_link (
  tenant_id text not null default 'default',
  secret_sha256 bytea primary key,
  principal_id text not null,
  created_at timestamptz not null default holdpoint.now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  foreign key (tenant_id, principal_id) references holdpoint.principal
);
create index login_link_end on holdpoint.login_link (expires_at);

create table holdpoint.session (
  tenant_id text not null default 'default',
  secret_sha256 bytea primary key,
  principal_id text not null,
  created_at timestamptz not null default holdpoint.now(),
  expires_at timestamptz not null,
  foreign key (tenant_id, principal_id) references holdpoint.principal
);
create index session_end on holdpoint.session (expires_at);

---------------------------------------------------------------------------------------------------- assistants, threads, runs

create table holdpoint.assistant (
  tenant_id text not null default 'default',
  assistant_id uuid not null,
  graph_id text not null,
  name text not null,
  description text,
  config jsonb not null default '{}',
  context jsonb not null default '{}',
  metadata jsonb not null default '{}',
  version integer not null default 1,
  created_at timestamptz not null default holdpoint.now(),
  updated_at timestamptz not null default holdpoint.now(),
  primary key (tenant_id, assistant_id)
);
create index assistant_graph on holdpoint.assistant (tenant_id, graph_id);

create table holdpoint.worker (
  tenant_id text not null default 'default',
  worker_id uuid primary key,
  hostname text not null,
  process_id integer not null,
  slots integer not null,
  -- What it has loaded and so can execute, and how long its leases last: without a heartbeat for longer it is lost.
  graph_ids text[] not null default '{}',
  lease_ms integer not null default 10000,
  started_at timestamptz not null default holdpoint.now(),
  heartbeat_at timestamptz not null default holdpoint.now(),
  stopped_at timestamptz
);

create table holdpoint.thread (
  tenant_id text not null default 'default',
  thread_id text collate "C" primary key,
  status text not null default 'idle' check (status in ('idle', 'busy', 'interrupted', 'error')),
  graph_id text,
  metadata jsonb not null default '{}',
  config text not null default '{}',
  "values" text,
  interrupts text not null default '{}',
  error text,
  -- The fence: raised by every claim; whoever holds an older number writes nothing more.
  lease_epoch bigint not null default 0,
  lease_worker_id uuid,
  lease_until timestamptz,
  -- A deleted thread leaves its row, so that a late write of a worker that lost it finds a fence.
  deleted_at timestamptz,
  -- When a sweep has to look at it; of a deleted thread, while something of it is left to be removed.
  next_at timestamptz,
  created_at timestamptz not null default holdpoint.now(),
  updated_at timestamptz not null default holdpoint.now(),
  state_updated_at timestamptz not null default holdpoint.now()
) with (fillfactor = 80);
-- Written so that only the listing matches it: with `deleted_at is null` here, every look-up of one thread that says so
-- too was planned over this index while the table had no statistics, and read all threads of the tenant.
create index thread_recent on holdpoint.thread (tenant_id, updated_at desc) where num_nulls(deleted_at) = 1;
create index thread_metadata on holdpoint.thread using gin (metadata jsonb_path_ops);
create index thread_next on holdpoint.thread (next_at) where next_at is not null;
create index thread_lease on holdpoint.thread (lease_until) where lease_until is not null;

-- A point of priority is worth ten seconds of waiting. That is ageing without counting: whoever waits comes nearer to
-- the front of those who come later, and after 1,000 s is before all of them. An edit and a copy execute no node and
-- somebody waits for their answer: they go first.
create function holdpoint.place(kind text, priority smallint, since timestamptz) returns timestamptz
  language sql stable
  as $$ select case when kind in ('run', 'resume') then since - priority * interval '10 seconds' else '-infinity' end $$;

create table holdpoint.run (
  tenant_id text not null default 'default',
  run_id uuid primary key,
  thread_id text collate "C" not null,
  queue_seq bigint generated always as identity,
  kind text not null check (kind in ('run', 'resume', 'state_update', 'copy')),
  status text not null default 'pending'
    check (status in ('pending', 'running', 'success', 'error', 'timeout', 'interrupted')),
  graph_id text not null,
  assistant_id uuid,
  principal_id text not null,
  multitask_strategy text not null default 'enqueue',
  metadata jsonb not null default '{}',
  -- What the client asked for (input, command, config, context, stream_mode, …), as it was validated.
  kwargs text not null,
  -- Who is told of the end.
  webhook text,
  -- The group of reviews whose decisions this run carries, and which attempt at carrying them it is.
  group_id uuid,
  group_attempt integer,
  attempt integer not null default 0,
  -- Lost leases since it last stored anything, and its newest checkpoint at the last of them.
  lost_leases integer not null default 0,
  lease_checkpoint_id uuid,
  lease_epoch bigint,
  cancel_action text check (cancel_action in ('interrupt', 'rollback')),
  cancelled_by text,
  not_before timestamptz not null default holdpoint.now(),
  priority smallint not null default 50 check (priority between 0 and 100),
  -- Where it stands among the runs that may start, smallest first. Only the first open run of a thread has a place;
  -- 'infinity' while that one waits for its time, null for those behind it and for what runs or has ended.
  place timestamptz,
  -- How long it may execute, over all its attempts, and when that is over for the attempt under way; null: for ever.
  timeout_seconds double precision check (timeout_seconds > 0),
  deadline timestamptz,
  output text,
  error text,
  created_at timestamptz not null default holdpoint.now(),
  started_at timestamptz,
  ended_at timestamptz,
  updated_at timestamptz not null default holdpoint.now(),
  check ((group_id is null) = (group_attempt is null)),
  unique (group_id, group_attempt)
) with (fillfactor = 80);
create unique index run_one_running on holdpoint.run (thread_id) where status = 'running';
-- By the graph first: a backlog of a graph that nobody has loaded, or that is at its limit, is never walked through.
create index run_place on holdpoint.run (graph_id, place) where status = 'pending' and place is not null;
create index run_later on holdpoint.run (not_before) where status = 'pending' and place = 'infinity';
create index run_executing on holdpoint.run (graph_id) where status = 'running' and kind in ('run', 'resume');
create index run_deadline on holdpoint.run (deadline) where status = 'running' and deadline is not null;
create index run_open on holdpoint.run (thread_id, queue_seq) where status in ('pending', 'running');
create index run_thread on holdpoint.run (thread_id, created_at desc);
-- Lists and insights: the newest of a graph, and nothing older.
create index run_graph on holdpoint.run (graph_id, created_at desc);

-- Each time a run was given to a worker, and why that ended: begun with the claim, ended by what ends or requeues the run.
create table holdpoint.run_attempt (
  tenant_id text not null default 'default',
  thread_id text collate "C" not null,
  run_id uuid not null,
  attempt integer not null,
  worker_id uuid not null,
  lease_epoch bigint not null,
  started_at timestamptz not null,
  -- Of an attempt whose worker was lost: when its lease ran out.
  ended_at timestamptz,
  outcome text check (outcome in ('success', 'error', 'timeout', 'cancelled', 'lease_lost', 'drained')),
  -- The class or the code of the error.
  error_class text,
  -- The newest root checkpoint that the run had written by then, in this attempt or an earlier one.
  last_checkpoint_id uuid,
  primary key (run_id, attempt),
  check ((ended_at is null) = (outcome is null))
);

-- What a request that came with an Idempotency-Key has made: sent again, it makes nothing and is answered with that.
create table holdpoint.idempotency_key (
  tenant_id text not null default 'default',
  principal_id text not null,
  idempotency_key text collate "C" not null,
  -- sha256 over method, path and body: the same key with anything else is refused.
  request_digest text not null,
  thread_id text collate "C" not null,
  -- Null where a thread was made and no run.
  run_id uuid,
  created_at timestamptz not null default holdpoint.now(),
  primary key (tenant_id, principal_id, idempotency_key)
);
create index idempotency_key_age on holdpoint.idempotency_key (created_at);

---------------------------------------------------------------------------------------------------- checkpoints

create table holdpoint.checkpoint (
  tenant_id text not null default 'default',
  thread_id text collate "C" not null,
  checkpoint_ns text collate "C" not null,
  checkpoint_id uuid not null,
  parent_checkpoint_id uuid,
  run_id uuid,
  -- Leaves room for encryption at rest: null means plain.
  key_id text,
  -- What list() filters by. Postgres cannot hold NUL, lone surrogates or our tagged values (a Date, a Map) as jsonb:
  -- where metadata has any, they are replaced here and metadata_exact keeps the truth.
  metadata jsonb not null,
  metadata_exact text,
  -- The names of the channels stored here, those of chains first: what ends the walk along the ancestors of a
  -- delta channel. A column, because the body cannot be cast to jsonb.
  channels text[] not null,
  -- Where the channels over 1 KB are: the n-th channel is chains[n] up to seqs[n]; null where all are inline. Never
  -- keyed by channel version: two branches of a fork compute the same next version.
  chains uuid[],
  seqs integer[],
  -- {v, ts, channel_versions, versions_seen, refs: names of the channels in chains, vals: channels under 1 KB}
  body text not null,
  -- Pruned, but a later checkpoint still needs its writes, or a value of it, to rebuild its own: seen by no reader.
  remnant boolean not null default false,
  primary key (thread_id, checkpoint_ns, checkpoint_id)
);
-- By the run first: a rollback knows the runs and not the threads.
create index checkpoint_run on holdpoint.checkpoint (run_id, thread_id, checkpoint_id desc) where run_id is not null;

create table holdpoint.checkpoint_write (
  tenant_id text not null default 'default',
  thread_id text collate "C" not null,
  checkpoint_ns text collate "C" not null,
  checkpoint_id uuid not null,
  task_id text collate "C" not null,
  -- 0: the regular writes of one call, first one wins whole; negative: the special channels, last one wins.
  slot integer not null,
  task_path text not null,
  body text not null,
  -- The run that wrote it: not always the one that wrote the checkpoint, an answer is recorded where it was asked for.
  run_id uuid,
  -- What earlier runs had in this slot, oldest first: comes back when the later ones are rolled back.
  replaced_run_ids uuid[],
  replaced_bodies text[],
  primary key (thread_id, checkpoint_ns, checkpoint_id, task_id, slot)
);

-- A pair of chain and seq stands for one value for ever: caches of other processes go by it. So a chain that lost its
-- end, or was copied, is sealed: a row at the next seq keeps everybody from extending it.
create table holdpoint.checkpoint_chunk (
  tenant_id text not null default 'default',
  thread_id text collate "C" not null,
  chain uuid not null,
  seq integer not null,
  -- How many elements of the chain so far stay; -1: body is one whole value; -2: body is members of an object.
  keep integer not null,
  body text not null,
  primary key (thread_id, chain, seq)
);

---------------------------------------------------------------------------------------------------- events

create table holdpoint.event (
  tenant_id text not null default 'default',
  thread_id text collate "C" not null,
  seq_from bigint not null,
  seq_to bigint not null,
  run_id uuid not null,
  attempt integer not null,
  -- JSON array of {event, data}; its n-th element has the id seq_from + n.
  body text not null,
  created_at timestamptz not null default holdpoint.now(),
  primary key (thread_id, seq_from),
  check (seq_to >= seq_from)
);
create index event_run on holdpoint.event (run_id, seq_from);

---------------------------------------------------------------------------------------------------- reviews and decisions

create table holdpoint.review (
  tenant_id text not null default 'default',
  id uuid primary key,
  version integer not null default 1,
  group_id uuid not null,
  status text not null default 'open' check (status in
    ('open', 'info_requested', 'decided', 'resuming', 'closed', 'stale', 'resume_failed', 'cancelled', 'superseded', 'failed')),
  outcome text,
  status_reason text,
  thread_id text collate "C" not null,
  run_id uuid not null,
  resume_run_id uuid,
  graph_id text not null,
  graph_fingerprint text not null,
  -- What was still to run when it asked, as JSON: what a later version of the code is compared with.
  graph_shape text,
  assistant_id uuid,
  node text not null,
  checkpoint_id uuid not null,
  checkpoint_ns text not null default '',
  task_id text not null,
  interrupt_id text,
  -- The task that asks, however deep in a subgraph, and how many answers it had read before: an answer more there means
  -- that this one was read. Null for a static breakpoint.
  asking_ns text collate "C",
  asking_checkpoint_id uuid,
  asking_task_id text collate "C",
  ordinal integer not null default 0,
  flavour text not null check (flavour in ('review', 'hitl', 'hitl_py', 'agent_inbox', 'schema', 'raw', 'breakpoint')),
  guarded boolean not null,
  title text not null,
  description text not null default '',
  value text not null,
  response_schema text,
  actions text not null,
  value_digest text not null,
  policy_digest text not null,
  request_digest text not null,
  requested_by text not null,
  -- Who may decide, until when, and what happens otherwise, as JSON, as it was when the review opened.
  policy text not null,
  risk text check (risk in ('low', 'medium', 'high')),
  priority smallint not null default 50 check (priority between 0 and 100),
  -- Who is asked; both empty: everybody who may decide at all.
  candidate_users text[] not null default '{}',
  candidate_groups text[] not null default '{}',
  -- Who is to decide, for good; and who has it in hand, for a while.
  assignee text,
  claimed_by text,
  claimed_until timestamptz,
  -- Hidden from the inbox of those who wait for it until then; its deadlines go on.
  snoozed_until timestamptz,
  -- Which turn of the same question it is: one more for each time it was sent back to the graph, and for each time it had
  -- to be asked again; and the review before it.
  revision integer not null default 1,
  restarts integer not null default 0,
  revises uuid,
  due_at timestamptz,
  -- How many steps of its timetable (reminders, escalations, its end) have been done, and when the next one is.
  timer_step integer not null default 0,
  next_at timestamptz,
  -- The thread that this one was copied from, for a question that came along.
  forked_from text collate "C",
  superseded_by uuid,
  opened_at timestamptz not null default holdpoint.now(),
  decided_at timestamptz,
  resumed_at timestamptz,
  closed_at timestamptz
) with (fillfactor = 80);
-- One pause of one task is one review, however often it is looked at: reopening after a crash is a no-op. A question that
-- is asked again after it was taken back, or after its answer failed, is a new review. Not keyed by task and ordinal: the interrupts of a subgraph's
-- parallel tasks all surface at one task of the parent.
create unique index review_pause on holdpoint.review (thread_id, checkpoint_id, task_id, interrupt_id) nulls not distinct
  where status in ('open', 'info_requested', 'decided', 'resuming');
create index review_inbox on holdpoint.review (tenant_id, status, opened_at desc);
-- The inbox, its counts and its filters read what is not over, however much has been.
create index review_waiting on holdpoint.review (tenant_id, opened_at, id)
  where status in ('open', 'info_requested', 'decided', 'resuming', 'resume_failed', 'stale');
create index review_of_thread on holdpoint.review (thread_id, opened_at);
create index review_thread on holdpoint.review (thread_id, id) where status in ('open', 'info_requested', 'decided', 'resuming', 'resume_failed', 'stale');
create index review_group on holdpoint.review (group_id, id);
create index review_run on holdpoint.review (run_id);
create index review_next on holdpoint.review (next_at) where next_at is not null;

create table holdpoint.decision (
  tenant_id text not null default 'default',
  id uuid primary key,
  review_id uuid not null references holdpoint.review (id),
  seq integer not null,
  principal_id text not null,
  channel text not null,
  at timestamptz not null default holdpoint.now(),
  decisions text not null,
  decisions_digest text not null,
  comment text,
  reason_code text,
  diff text not null,
  -- What bound it to the bytes that were shown: digest, version, interrupt_id, checkpoint, unbound.
  binding text not null,
  seen_digest text,
  seen_version integer,
  idempotency_key text,
  unique (review_id, seq),
  unique (review_id, idempotency_key)
);

---------------------------------------------------------------------------------------------------- effects

create table holdpoint.effect (
  tenant_id text not null default 'default',
  thread_id text collate "C" not null,
  effect_id uuid not null,
  run_id uuid not null,
  checkpoint_ns text not null,
  checkpoint_id uuid not null,
  task_id text not null,
  call_key text not null,
  name text not null,
  kind text not null check (kind in ('read', 'idempotent', 'once')),
  status text not null default 'intent' check (status in ('intent', 'receipt', 'failed')),
  args text not null,
  args_digest text not null,
  attempt integer not null default 1,
  not_after timestamptz not null,
  result text,
  error text,
  intent_at timestamptz not null default holdpoint.now(),
  receipt_at timestamptz,
  primary key (thread_id, effect_id),
  unique (thread_id, checkpoint_ns, checkpoint_id, task_id, call_key)
);
create index effect_run on holdpoint.effect (thread_id, run_id);

---------------------------------------------------------------------------------------------------- deliveries and crons

-- What has to be told. Written by the statement that makes it true (the one that ends the run, the one that adds the link
-- to the review's chain), so that there is one exactly when that is committed; everything it says is kept here, because
-- thread, run and review may go on or be gone when it is sent.
create table holdpoint.delivery (
  tenant_id text not null default 'default',
  delivery_id uuid primary key default gen_random_uuid(),
  channel text not null default 'webhook' check (channel in ('webhook', 'mail')),
  event text not null default 'run.ended',
  thread_id text collate "C" not null,
  run_id uuid not null,
  review_id uuid,
  -- Of a mail: mailto: and the address.
  url text not null,
  -- Of a run: its row as it ended, as JSON, and the thread's values then.
  run text,
  "values" text,
  -- Of a review: what there is to say, as JSON.
  body text,
  status text not null default 'pending' check (status in ('pending', 'delivered', 'gone', 'dead')),
  -- The number of the last attempt, and how many have failed since it was created or replayed.
  attempt integer not null default 0,
  failures integer not null default 0,
  -- When it is due; while an attempt is under way, when that is given up for lost. Null when nothing is left to do.
  next_at timestamptz default holdpoint.now(),
  -- Until when it is tried again.
  retry_until timestamptz not null default holdpoint.now() + interval '3 days',
  created_at timestamptz not null default holdpoint.now(),
  updated_at timestamptz not null default holdpoint.now(),
  check ((status = 'pending') = (next_at is not null)),
  check ((run is null) <> (body is null)),
  check ((review_id is null) = (body is null))
) with (fillfactor = 80);
create index delivery_due on holdpoint.delivery (channel, next_at) where next_at is not null;
create index delivery_recent on holdpoint.delivery (tenant_id, created_at desc, delivery_id);
create index delivery_run on holdpoint.delivery (run_id);
create index delivery_review on holdpoint.delivery (review_id) where review_id is not null;
-- Of those that were given up only how many there are is asked for.
create index delivery_dead on holdpoint.delivery (tenant_id) where status = 'dead';

create table holdpoint.delivery_attempt (
  tenant_id text not null default 'default',
  delivery_id uuid not null references holdpoint.delivery on delete cascade,
  attempt integer not null,
  started_at timestamptz not null default holdpoint.now(),
  -- Null while it is under way, and for ever when its process died of it.
  ended_at timestamptz,
  duration_ms integer,
  answer_status integer,
  -- The first bytes of the answer.
  answer_body text,
  error text,
  primary key (delivery_id, attempt)
);

create table holdpoint.cron (
  tenant_id text not null default 'default',
  cron_id uuid primary key,
  assistant_id uuid not null,
  -- Null: a new thread for every run.
  thread_id text collate "C",
  principal_id text not null,
  schedule text not null,
  timezone text not null,
  end_time timestamptz,
  enabled boolean not null,
  on_run_completed text not null check (on_run_completed in ('delete', 'keep')),
  -- What the runs are asked to do, as JSON.
  payload text not null,
  metadata jsonb not null default '{}',
  -- The occurrence that comes next; null when none will.
  next_run_at timestamptz,
  -- What came of the last one: its run, or why there is none.
  last_occurrence_at timestamptz,
  last_run_id uuid,
  last_error text,
  created_at timestamptz not null default holdpoint.now(),
  updated_at timestamptz not null default holdpoint.now()
) with (fillfactor = 80);
create index cron_due on holdpoint.cron (next_run_at) where enabled and next_run_at is not null;
create index cron_recent on holdpoint.cron (tenant_id, created_at desc, cron_id);
create index cron_thread on holdpoint.cron (thread_id) where thread_id is not null;

---------------------------------------------------------------------------------------------------- audit

create table holdpoint.audit (
  tenant_id text not null default 'default',
  audit_seq bigint generated always as identity primary key,
  kind text not null,
  at timestamptz not null,
  principal_id text not null,
  thread_id text collate "C",
  run_id uuid,
  review_id uuid,
  review_seq integer,
  body text not null,
  -- The chain of one review: sha256 over prev_hash and the canonical JSON of the row. Null where no review is meant.
  prev_hash bytea,
  hash bytea,
  check ((review_id is null) = (review_seq is null)),
  check ((review_id is null) = (hash is null)),
  unique (review_id, review_seq)
);
create index audit_thread on holdpoint.audit (thread_id, audit_seq) where thread_id is not null;

create function holdpoint.refuse_change() returns trigger
  language plpgsql
  as $$ begin raise exception 'holdpoint.% is append-only', tg_table_name using errcode = 'HP001'; end $$;
create trigger audit_append_only before update or delete or truncate on holdpoint.audit
  for each statement execute function holdpoint.refuse_change();
create trigger decision_append_only before update or delete or truncate on holdpoint.decision
  for each statement execute function holdpoint.refuse_change();

---------------------------------------------------------------------------------------------------- node executions

-- One row for each time a node ran, committed with the node's writes. What insights read.
create table holdpoint.node_execution (
  tenant_id text not null default 'default',
  thread_id text collate "C" not null,
  checkpoint_ns text collate "C" not null,
  checkpoint_id uuid not null,
  task_id text collate "C" not null,
  run_id uuid not null,
  -- The attempt of the run.
  attempt integer not null,
  graph_id text not null,
  node text not null,
  status text not null check (status in ('success', 'error', 'interrupted', 'cancelled')),
  started_at timestamptz not null,
  duration_ms double precision not null,
  -- Spent waiting inside, summed over calls that may overlap.
  model_ms double precision not null,
  tool_ms double precision not null,
  -- How often the node's function was called: more than once under a retry policy.
  tries integer not null,
  write_keys text[] not null,
  write_bytes integer not null,
  input_tokens integer not null,
  output_tokens integer not null,
  -- Of the input tokens, those the provider had in its cache.
  cached_tokens integer not null,
  -- In the currency of HOLDPOINT_MODEL_PRICES; null where a price is not known.
  cost double precision,
  -- True when the result came from the graph's node cache.
  is_cached boolean not null,
  error_class text,
  -- By the run before the checkpoint: what is asked for is what a run has done.
  primary key (thread_id, run_id, checkpoint_ns, checkpoint_id, task_id, attempt)
);
create index node_execution_started on holdpoint.node_execution using brin (started_at);
