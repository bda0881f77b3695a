-- Tickets that workflows open. The id of a ticket, and of what is said about it, is that of the call that said so.
create table holdpoint.ticket (
  tenant_id text not null default 'default',
  ticket_id uuid primary key,
  number integer not null check (number > 0),
  title text not null,
  body text not null,
  severity text not null check (severity in ('info', 'low', 'medium', 'high', 'critical')),
  labels text[] not null default '{}',
  -- What it is about, in the words of whoever opened it.
  about text check (length(about) <= 500),
  status text not null default 'open' check (status in ('open', 'closed')),
  thread_id text collate "C" not null,
  run_id uuid not null,
  opened_at timestamptz not null default holdpoint.now(),
  updated_at timestamptz not null default holdpoint.now(),
  closed_at timestamptz,
  unique (tenant_id, number),
  check ((status = 'closed') = (closed_at is not null))
);
-- At most one open ticket about the same.
create unique index ticket_about on holdpoint.ticket (tenant_id, about) where status = 'open' and about is not null;
create index ticket_about_all on holdpoint.ticket (tenant_id, about, number desc) where about is not null;
create index ticket_recent on holdpoint.ticket (tenant_id, opened_at desc, ticket_id);
create index ticket_thread on holdpoint.ticket (thread_id);

create table holdpoint.ticket_counter (
  tenant_id text primary key default 'default',
  last integer not null
);

create table holdpoint.ticket_comment (
  tenant_id text not null default 'default',
  comment_id uuid primary key,
  ticket_id uuid not null references holdpoint.ticket on delete cascade,
  at timestamptz not null default holdpoint.now(),
  -- Who said it by hand; null where a run did.
  principal_id text,
  run_id uuid,
  text text not null,
  -- What the ticket became by it; null when it stayed what it was.
  status text check (status in ('open', 'closed'))
);
create index ticket_comment_of on holdpoint.ticket_comment (ticket_id, at, comment_id);

-- A delivery may also be what a workflow tells people: then it is about no review, and has a body all the same.
alter table holdpoint.delivery
  drop constraint delivery_check2,
  add constraint delivery_of_review_has_body check (review_id is null or body is not null);
