-- The thread of a run that was started without one: nobody looks for it, unless it waits for a person, and it ends soon
-- after its run.
alter table holdpoint.thread add column is_temporary boolean not null default false;
