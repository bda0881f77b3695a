-- Why a run was cancelled, in words for its clients; null while nobody has asked for that.
alter table holdpoint.run add column cancel_reason text;
