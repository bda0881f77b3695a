-- What the refund example adds to Chinook. Runs once, right after chinook.sql, with search_path = chinook.

create table refund (
  -- One effect, one refund: whoever comes second with the same id finds the first one's row.
  effect_id text primary key,
  invoice_id integer not null references invoice,
  amount numeric(10, 2) not null check (amount > 0),
  reason text not null,
  created_at timestamptz not null default now()
);
create index refund_invoice_id_idx on refund (invoice_id);
