-- What the kit asked a person in the middle of a task, and what was answered: asked again in the same order each time the
-- task is executed, because LangGraph gives answers out by the order of questions.
create table holdpoint.task_question (
  tenant_id text not null default 'default',
  thread_id text collate "C" not null,
  checkpoint_ns text not null,
  checkpoint_id uuid not null,
  task_id text not null,
  -- Where in the task, such as effect:<key>.
  position text not null,
  seq integer not null,
  value text not null,
  answer text not null,
  run_id uuid not null,
  answered_at timestamptz not null default holdpoint.now(),
  primary key (thread_id, checkpoint_ns, checkpoint_id, task_id, position, seq)
);

-- held: waits for its time, and can be recalled until then. not_done: an attempt that surely did nothing; another may
-- follow. failed: given up by a person.
alter table holdpoint.effect
  drop constraint effect_status_check,
  add constraint effect_status_check
    check (status in ('held', 'intent', 'not_done', 'receipt', 'failed', 'recalled')),
  -- When the last attempt was started; null: at intent_at, or not yet.
  add column started_at timestamptz,
  -- Until when it is held back.
  add column held_until timestamptz,
  -- Over the arguments as they were given, where `args` is without what is kept secret; with the effect's id in it, so that
  -- equal secrets do not look equal.
  add column secret_digest text,
  add column settled_by text,
  add column settled_because text;
create index effect_listed on holdpoint.effect (tenant_id, intent_at desc, effect_id desc);
create index effect_by_id on holdpoint.effect (tenant_id, effect_id);
