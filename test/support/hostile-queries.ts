/** A statement that a query tool must not let through, and what the database alone does about it. */
export interface HostileQuery {
  what: string;
  sql: string;
  /** What the parser's wall says about it. */
  why: RegExp;
  /**
   * What happens where only the login and the transaction stand in its way: it fails, is stopped for its length, or does
   * no harm: it gives nothing secret and changes nothing. `reads`: only the parser knows that it should not.
   */
  alone: "fails" | "stopped" | "harmless" | "reads";
}

const ONE = /exactly one select/;
const SELECT = /only a select/;
const FUNCTION = /function .* is not one of those/;
const TABLE = /it may not read/;

const NO_SELECT: HostileQuery[] = [
  ["two statements", "select 1; delete from chinook.refund", ONE],
  ["a second statement behind a comment", "select 1; -- nothing\n drop table chinook.secret", ONE],
  ["a second statement that looks like text", "select ''; delete from chinook.refund; --'", ONE],
  ["the end of the transaction first", "commit; delete from chinook.refund", ONE],
  ["deleting", "delete from chinook.refund", SELECT],
  ["inserting", "insert into chinook.refund values ('x', 5, 1, 'x')", SELECT],
  ["updating", "update chinook.invoice set total = 0", SELECT],
  ["merging", "merge into chinook.refund r using (select 1) s on true when matched then delete", SELECT],
  ["truncating", "truncate chinook.invoice cascade", SELECT],
  ["dropping", "drop schema chinook cascade", SELECT],
  ["making a table", "create table chinook.mine as select 1", SELECT],
  ["making a table for the session", "create temp table mine as select 1", SELECT],
  ["making a function", "create function chinook.f() returns int language sql as 'select 1'", SELECT],
  ["granting", "grant all on all tables in schema holdpoint to public", SELECT],
  ["becoming somebody else", "set role postgres", SELECT],
  ["becoming the owner", "set session authorization postgres", SELECT],
  ["asking for a transaction that writes", "set transaction read write", SELECT],
  ["copying to a program", "copy (select 1) to program 'touch /tmp/holdpoint-attack'", SELECT],
  ["copying from a file", "copy chinook.refund from '/etc/passwd'", SELECT],
  ["copying out", "copy chinook.secret to stdout", SELECT],
  ["a block of code", "do $$ begin delete from chinook.refund; end $$", SELECT],
  ["calling a procedure", "call chinook.p()", SELECT],
  ["locking a table", "lock table chinook.invoice in share mode", SELECT],
  ["listening", "listen everything", SELECT],
  ["notifying", "notify everything, 'x'", SELECT],
  ["explaining with execution", "explain analyze delete from chinook.refund", SELECT],
  ["preparing", "prepare p as delete from chinook.refund", SELECT],
  ["changing the server", "alter system set work_mem = '1GB'", SELECT],
  ["loading a library", "load 'dblink'", SELECT],
].map(([what, sql, why]) => ({ what, sql, why, alone: "fails" }) as HostileQuery);

// What is of the session goes with the transaction.
const OF_THE_SESSION = new Set(["listening", "preparing", "notifying"]);
for (const query of NO_SELECT) if (OF_THE_SESSION.has(query.what)) query.alone = "harmless";

const WRITING_SELECTS: HostileQuery[] = [
  ["deleting in a CTE", "with gone as (delete from chinook.refund returning *) select * from gone", SELECT],
  ["inserting in a CTE", "with a as (insert into chinook.refund values ('x', 5, 1, 'x') returning 1) select 1", SELECT],
  ["updating in a CTE", "with a as (update chinook.invoice set total = 0 returning 1) select 1", SELECT],
  [
    "merging in a CTE",
    "with a as (merge into chinook.refund r using (select 1) s on true when matched then delete returning 1) select 1",
    SELECT,
  ],
  [
    "deleting in a CTE of a CTE",
    "with a as (with b as (delete from chinook.refund returning 1) select * from b) select * from a",
    SELECT,
  ],
  ["making a table on the way", "select 1 as a into chinook.mine", /into/],
  ["making a table in a union", "select 1 as a into chinook.mine union select 2", /into/],
  ["locking rows to update them", "select i.total from chinook.invoice i for update", /a lock/],
  ["locking rows to keep them", "select i.total from chinook.invoice i for key share", /a lock/],
  [
    "locking rows of a subquery",
    "select * from (select i.total from chinook.invoice i for update skip locked) s",
    /a lock/,
  ],
  ["counting a sequence on", "select nextval('holdpoint.event_seq')", FUNCTION],
  ["making a large object", "select lo_from_bytea(0, 'x')", FUNCTION],
  ["importing a file", "select lo_import('/etc/passwd')", FUNCTION],
].map(([what, sql, why]) => ({ what, sql, why, alone: "fails" }) as HostileQuery);

const FUNCTIONS: HostileQuery[] = [
  ["reading a file", "select pg_read_file('/etc/passwd')", "fails"],
  ["reading a file by its full name", "select pg_catalog.pg_read_file('/etc/passwd')", "fails"],
  ["reading a file by a quoted name", `select "pg_read_file"('/etc/passwd')`, "fails"],
  ["reading a file by an escaped name", String.raw`select U&"pg_re\0061d_file"('/etc/passwd')`, "fails"],
  ["reading a file in capitals", "SELECT PG_READ_FILE('/etc/passwd')", "fails"],
  ["reading a file behind a comment", "select/**/pg_read_file/* */('/etc/passwd')", "fails"],
  ["reading a file in FROM", "select * from pg_read_file('/etc/passwd')", "fails"],
  ["reading a file in ORDER BY", "select 1 order by pg_read_file('/etc/passwd')", "fails"],
  ["reading a file in LIMIT", "select 1 limit length(pg_read_file('/etc/passwd'))", "fails"],
  ["reading a file in a filter", "select count(*) filter (where pg_read_file('/etc/passwd') > '')", "fails"],
  ["reading a file in a window", "select sum(1) over (order by pg_read_file('/etc/passwd'))", "fails"],
  ["reading a file in a frame", "select sum(1) over (rows length(pg_read_file('/etc/passwd')) preceding)", "fails"],
  [
    "reading a file in a join",
    "select 1 from (select 1) a join (select 1) b on pg_read_file('/etc/passwd') > ''",
    "fails",
  ],
  ["reading a file in VALUES", "values (pg_read_file('/etc/passwd'))", "fails"],
  ["listing a folder", "select * from pg_ls_dir('.')", "fails"],
  ["sleeping", "select pg_sleep(100)", "stopped"],
  ["sleeping in a subquery of a subquery", "select (select (select pg_sleep(100)))", "stopped"],
  ["changing a setting", "select set_config('role', 'postgres', false)", "fails"],
  ["allowing itself to write", "select set_config('transaction_read_only', 'off', true)", "fails"],
  ["taking more time", "select set_config('statement_timeout', '0', false)", "harmless"],
  ["reading a setting", "select current_setting('data_directory')", "fails"],
  ["a query in a string", "select query_to_xml('select * from chinook.secret', true, true, '')", "fails"],
  ["a table in a string", "select table_to_xml('chinook.secret', true, true, '')", "fails"],
  ["another database", "select * from dblink('dbname=postgres', 'select 1') as t(a int)", "fails"],
  ["a lock that outlives the transaction", "select pg_advisory_lock(4711)", "harmless"],
  ["ending a connection", "select pg_terminate_backend(1)", "harmless"],
  ["telling others", "select pg_notify('everything', 'x')", "harmless"],
  ["the number of a transaction", "select txid_current()", "harmless"],
  ["reloading the server", "select pg_reload_conf()", "fails"],
  ["the code of a function", "select pg_get_functiondef(1)", "harmless"],
  ["what others are asking", "select * from pg_stat_get_activity(null)", "harmless"],
  ["a large value of a small one", "select length(repeat('x', 1000))", "harmless"],
].map(
  ([what, sql, alone]) => ({ what, sql, alone, why: what === "another database" ? /./ : FUNCTION }) as HostileQuery,
);

const NAMES: HostileQuery[] = [
  ["another table", "select * from chinook.secret", TABLE, "fails"],
  ["another table, quoted", `select * from "chinook"."secret"`, TABLE, "fails"],
  ["another table, escaped", String.raw`select * from U&"chinook"."s\0065cret"`, TABLE, "fails"],
  ["another table by TABLE", "table chinook.secret", TABLE, "fails"],
  ["another table in EXISTS", "select 1 where exists (select from chinook.secret)", TABLE, "fails"],
  ["another table in a union", "select 1 union all select length(s.word) from chinook.secret s", TABLE, "fails"],
  [
    "another table in a lateral subquery",
    "select 1 from chinook.invoice i, lateral (select s.word from chinook.secret s) x",
    TABLE,
    "fails",
  ],
  ["another table under the name of a CTE", "with secret as (select 1) select * from chinook.secret", TABLE, "fails"],
  ["a CTE's name outside of it", "select (with pg_authid as (select 1) select 1), a.* from pg_authid a", /./, "fails"],
  [
    "a CTE that means the table it is called as",
    "with pg_shadow as (select * from pg_shadow) select * from pg_shadow",
    /./,
    "fails",
  ],
  ["a table in an array", "select array(select s.word from chinook.secret s)", TABLE, "fails"],
  ["a table in CASE", "select case when true then (select max(s.word) from chinook.secret s) end", TABLE, "fails"],
  ["a table in ANY", "select 1 where 'a' = any (select s.word from chinook.secret s)", TABLE, "fails"],
  ["a view over another table", "select * from chinook.secret_view", TABLE, "fails"],
  ["a view that everybody may read", "select * from chinook.open_view", TABLE, "reads"],
  ["Holdpoint's settings", "select * from holdpoint.setting", TABLE, "fails"],
  ["the passwords", "select * from pg_catalog.pg_authid", TABLE, "fails"],
  ["the list of tables", "select table_name from information_schema.tables", TABLE, "reads"],
  ["the list of roles", "select rolname from pg_roles", TABLE, "reads"],
  ["a table of another database", "select * from postgres.chinook.invoice", /database/, "fails"],
  ["a name that is not there", "select * from chinook.nothing", TABLE, "fails"],
  ["a table by a cast", "select 'chinook.secret'::regclass", /cast to regclass/, "harmless"],
  ["a function by a cast", "select 'pg_sleep'::regproc", /cast to regproc/, "harmless"],
  ["a role by a cast", "select cast('postgres' as pg_catalog.regrole)", /cast to/, "fails"],
  ["an operator of a schema", "select 1 operator(chinook.+) 1", /operator/, "fails"],
  ["an operator that is not on the list", "select 'a'::text ~<~ 'b'::text", /operator/, "harmless"],
  ["a sort by an operator", "select 1 order by 1 using <", /useOp|using|order by/, "harmless"],
  ["who is logged in", "select current_user", /logged in/, "harmless"],
  ["a column of the system", "select i.ctid from chinook.invoice i", /column of the system/, "reads"],
  ["the table of a row", "select tableoid from chinook.invoice", /column of the system/, "reads"],
  ["a sample", "select * from chinook.invoice tablesample system (1)", /tablesample/, "reads"],
  ["XML", "select * from xmltable('/a' passing '<a/>' columns b text)", /not allowed/, "harmless"],
  ["XML of a query", "select xmlforest(1 as a)", /XML/, "harmless"],
  ["a JSON table", "select * from json_table('[1]', '$[*]' columns (a int path '$'))", /not allowed/, "harmless"],
  ["a JSON path", "select json_value('{}', '$.a')", /JSON/, "harmless"],
  ["a type of a column", "select 1::chinook.invoice.total%type", /./, "fails"],
  ["a cursor of somebody", "select 1 from chinook.invoice where current of c", /./, "fails"],
  ["a record with types", "select * from json_to_record('{}') as t(a int)", /./, "harmless"],
].map(([what, sql, why, alone]) => ({ what, sql, why, alone }) as HostileQuery);

const COLUMN = /there may be read/;
const COLUMNS: HostileQuery[] = [
  ["a hidden column", "select c.email from chinook.customer c", COLUMN],
  ["a hidden column by itself", "select email from chinook.customer", COLUMN],
  ["a hidden column by the table's name", "select customer.email from chinook.customer", COLUMN],
  ["a hidden column by the full name", "select chinook.customer.email from chinook.customer", COLUMN],
  ["a hidden column in WHERE", "select 1 from chinook.customer c where c.email like 'a%'", COLUMN],
  ["a hidden column in GROUP BY", "select count(*) as email from chinook.customer c group by email", COLUMN],
  ["a hidden column in ORDER BY", "select c.country from chinook.customer c order by c.email", COLUMN],
  ["a hidden column in HAVING", "select 1 from chinook.customer c having max(c.email) > ''", COLUMN],
  ["a hidden column in USING", "select 1 from chinook.customer c join (select 'a' as email) s using (email)", COLUMN],
  [
    "a hidden column in a natural join",
    "select 1 from chinook.customer c natural join (select 'a' as email) s",
    /natural/,
  ],
  ["a hidden column from inside", "select (select email) from chinook.customer c", COLUMN],
  ["a hidden column from a lateral subquery", "select s.* from chinook.customer c, lateral (select c.email) s", COLUMN],
  [
    "a hidden column from a subquery of its own name",
    "select (select c.email from (select 1 as id) x) from chinook.customer c",
    COLUMN,
  ],
  [
    "a hidden column in a window",
    "select rank() over w from chinook.customer c window w as (order by c.email)",
    COLUMN,
  ],
  ["a hidden column in DISTINCT ON", "select distinct on (c.email) c.country from chinook.customer c", COLUMN],
  ["all columns", "select * from chinook.customer", /would read all/],
  ["all columns by the table's name", "select c.* from chinook.customer c", /would read all/],
  ["all columns by TABLE", "table chinook.customer", /would read all/],
  [
    "all columns of a join",
    "select * from chinook.invoice i join chinook.customer c using (customer_id)",
    /would read all/,
  ],
  ["columns under other names", "select d from chinook.customer as c(a, b, d)", /keep their names/],
  [
    "columns of a join under other names",
    "select l from (chinook.customer c cross join (select 1) s) as j(i, f, l)",
    /name of its own/,
  ],
  ["a whole row", "select c from chinook.customer c", /whole row/],
  ["a whole row as JSON", "select json_agg(c) from chinook.customer c", /whole row/],
  ["a whole row as text", "select c::text from chinook.customer c", /whole row/],
  ["a whole row by the table's name", "select count(distinct customer) from chinook.customer", /whole row/],
  ["a field of a whole row", "select (c).email from chinook.customer c", /field of a row|whole row/],
  ["a function written as a column", "select c.row_to_json from chinook.customer c", COLUMN],
  ["a function of a row written as a column", "select i.row_to_json from chinook.invoice i", /has no column/],
  ["a name that nothing has", "select x.email from chinook.customer c", /nothing in its from/],
].map(([what, sql, why]) => ({ what, sql, why, alone: "reads" }) as HostileQuery);

// Of a value that a function in FROM gives, what is no column is a function: "g.pg_sleep" is pg_sleep(g).
const GIVEN_TO_FUNCTIONS: HostileQuery[] = [
  ["sleeping as a column", "select g.pg_sleep from generate_series(100, 100) g", "stopped"],
  ["sleeping as a column from inside", "select (select g.pg_sleep) from generate_series(100, 100) g", "stopped"],
  ["sleeping as a column of rows from", "select g.pg_sleep from rows from (generate_series(100, 100)) g", "stopped"],
  ["sleeping beside a column's name", "select g.pg_sleep from generate_series(100, 100) g(a)", "stopped"],
  ["a setting as a column", "select g.current_setting from unnest(array['data_directory']) g", "fails"],
  ["a cast as a column", "select g.regclass from unnest(array['chinook.secret']) g", "harmless"],
  [
    "a query in a string as a column",
    "select g.ts_stat from unnest(array['select to_tsvector(email) from chinook.customer']) g",
    "reads",
  ],
].map(([what, sql, alone]) => ({ what, sql, alone, why: /"g" is a function's/ }) as HostileQuery);

const POWERS: HostileQuery[] = [
  ["a power with very many digits", "select 7::numeric ^ 20000"],
  ["a power of a fraction", "select 7::numeric ^ -100.5"],
  ["a power by its function", "select pow(7::numeric, 20000)"],
  ["a power by its function's full name", "select pg_catalog.power(7::numeric, 20000)"],
  ["a power by its operator's full name", "select 7::numeric operator(pg_catalog.^) 20000"],
  ["an exponent that is computed", "select 7::numeric ^ (10000 + 10000)"],
  ["an exponent in quotes", "select 7::numeric ^ '20000'"],
  ["an exponent from a table", "select i.total ^ i.invoice_id from chinook.invoice i"],
  ["an exponent that was a double", "select 7::numeric ^ 20000::float4::numeric"],
].map(([what, sql]) => ({ what, sql, alone: "harmless", why: /a power needs an exponent/ }) as HostileQuery);

/** What a query tool must not let through. */
export const HOSTILE_QUERIES: readonly HostileQuery[] = [
  ...NO_SELECT,
  ...WRITING_SELECTS,
  ...FUNCTIONS,
  ...NAMES,
  ...COLUMNS,
  ...GIVEN_TO_FUNCTIONS,
  ...POWERS,
];

/** Allowed by every list, and far too large: the bounds of the database stop them. */
export const BOMBS: readonly { what: string; sql: string; heavy: boolean }[] = [
  {
    what: "rows times rows times rows",
    sql: "select count(*) from chinook.track a, chinook.track b, chinook.track c, chinook.track d",
    heavy: true,
  },
  { what: "a series without end", sql: "select count(*) from generate_series(1, 1000000000000) g(x)", heavy: true },
  {
    what: "a recursion without end",
    sql: "with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t where n < 0",
    // The planner does not know how often it goes round: time alone stops it.
    heavy: false,
  },
];

/** Everything that a statement under the login $1 could have changed. */
export const EVERYTHING = `
  select
    (select json_agg(c order by c.oid) from (select oid, relname, relacl::text from pg_class
      where relnamespace > 16000 or relname ~ 'mine') c) as tables,
    (select json_agg(r) from (select rolname, rolsuper, rolconfig from pg_roles where rolname = $1) r) as role,
    (select count(*) from pg_proc) as functions,
    (select count(*) from pg_largeobject_metadata) as objects,
    (select json_agg(i order by i.invoice_id) from chinook.invoice i)::text as invoices,
    (select json_agg(r order by r.effect_id) from chinook.refund r)::text as refunds,
    (select count(*) from chinook.track) as tracks,
    (select sum(length(email)) from chinook.customer) as customers,
    (select json_agg(s order by s.name) from holdpoint.setting s)::text as settings,
    (select count(*) from pg_locks l join pg_database d on d.oid = l.database
      where l.locktype = 'advisory' and d.datname = current_database()) as locks`;
