-- Which transaction last wrote a review. Whoever follows reviews asks for those that were written by transactions which a
-- snapshot did not see: no clock and no sequence says that, because transactions do not commit in the order in which they
-- take numbers. By a trigger, so that no statement can forget it.
alter table holdpoint.review add column changed_in xid8 not null default pg_catalog.pg_current_xact_id();

create function holdpoint.mark_change() returns trigger
  language plpgsql
  as $$ begin
    new.changed_in := pg_catalog.pg_current_xact_id();
    return new;
  end $$;
create trigger review_changed before update on holdpoint.review
  for each row execute function holdpoint.mark_change();

create index review_changed on holdpoint.review (tenant_id, changed_in, id);
