import pg from "pg";
import { HoldpointError } from "../protocol/errors.ts";
import { explained, notConnected } from "./connection-error.ts";
import { runPipeline, type StatementResult, wired } from "./pipeline.ts";
import { openPool } from "./pool.ts";
import { areYouThere } from "./silence.sql.ts";
import type { Statement } from "./sql.ts";

/** Runs statements; the verb says how many rows it expects. */
export interface Queryable {
  /** Every row. */
  many<Row>(statement: Statement<Row>): Promise<Row[]>;
  /** Exactly one row; anything else is a broken assumption of ours and throws. */
  one<Row>(statement: Statement<Row>): Promise<Row>;
  /** The row, or undefined. */
  maybeOne<Row>(statement: Statement<Row>): Promise<Row | undefined>;
  /** How many rows were written. */
  run(statement: Statement): Promise<number>;
}

/** The row type a statement carries. */
export type RowOf<Of> = Of extends Statement<infer Row> ? Row : never;

/** A transaction under way. */
export interface Transaction extends Queryable {
  /**
   * Sends all statements in one round trip and gives the rows of each. They run in order, each with a snapshot of its
   * own, exactly as if they had been sent one after another; the first that fails fails the transaction.
   */
  pipeline<const Statements extends readonly Statement[]>(
    statements: Statements,
  ): Promise<{ [Index in keyof Statements]: RowOf<Statements[Index]>[] }>;
  /** The same as the last words of the transaction: the commit goes along, and nothing can be sent after it. */
  finish<const Statements extends readonly Statement[]>(
    statements: Statements,
  ): Promise<{ [Index in keyof Statements]: RowOf<Statements[Index]>[] }>;
}

/** The connection pool and its transactions. */
export interface Database extends Queryable {
  readonly pool: pg.Pool;
  /** False behind PgBouncer in transaction mode before 1.21, where named statements break. */
  readonly prepare: boolean;
  /** Read committed; rolled back when `body` throws. Locks are taken in the one order of ARCHITECTURE.md. */
  transaction<Result>(body: (tx: Transaction) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** How to reach the database. */
export interface DatabaseOptions {
  url: string;
  /** Connections at most; default 10. */
  max?: number;
  prepare?: boolean;
  /** Called when an idle connection is lost; the pool replaces it. */
  onError?: (error: Error) => void;
}

// int8 fits a JS number for 2^53 events; timestamps travel as ISO-8601 in UTC, as they go on the wire.
const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    if (format !== "binary") {
      if (oid === pg.types.builtins.INT8) return Number;
      if (oid === pg.types.builtins.TIMESTAMPTZ) return (text: string) => new Date(text).toISOString();
    }
    return pg.types.getTypeParser(oid, format);
  },
} as pg.CustomTypesConfig;

/** Opens a pool on Holdpoint's database. Nothing session-level is set, so that PgBouncer may sit in between. */
export function openDatabase(options: DatabaseOptions): Database {
  const prepare = options.prepare ?? true;
  const pool = openPool({
    connectionString: options.url,
    max: options.max ?? 10,
    types,
    application_name: "holdpoint",
    ...(options.onError === undefined ? {} : { onError: options.onError }),
  });
  explainErrors(pool);
  return {
    pool,
    prepare,
    ...queries(({ name, text, values }) => pool.query(prepare ? { name, text, values } : { text, values })),
    transaction: (body) => transaction(pool, prepare, body),
    close: () => pool.end(),
  };
}

type Callback = (error: unknown, client: pg.PoolClient | undefined, done: unknown) => void;
type Connect = (callback?: Callback) => Promise<pg.PoolClient> | undefined;
type Query = (...args: unknown[]) => Promise<pg.QueryResult> | undefined;

/** What the pool rejects with when Postgres is out of reach is `database_unreachable`, whoever asked. */
function explainErrors(pool: pg.Pool): void {
  const connect = pool.connect.bind(pool) as Connect;
  const query = pool.query.bind(pool) as Query;
  const refused = (error: unknown) => notConnected(error, pool.options);
  pool.connect = ((callback) => {
    if (callback === undefined) {
      return connect()?.catch((error: unknown) => {
        throw refused(error);
      });
    }
    // This is how the pool's own `query` comes by a connection.
    return connect((error, client, done) => callback(error && refused(error), client, done));
  }) satisfies Connect as pg.Pool["connect"];
  pool.query = ((...args) =>
    query(...args)?.catch((error: unknown) => {
      throw explained(error);
    })) satisfies Query as pg.Pool["query"];
}

type Send = (statement: Statement) => Promise<{ rows: unknown[]; rowCount: number | null }>;

function queries(send: Send): Queryable {
  return {
    async many<Row>(statement: Statement<Row>) {
      return (await send(statement)).rows as Row[];
    },
    async one<Row>(statement: Statement<Row>) {
      const { rows } = await send(statement);
      if (rows.length !== 1) throw new Error(`expected one row, got ${rows.length}: ${statement.text.slice(0, 200)}`);
      return rows[0] as Row;
    },
    async maybeOne<Row>(statement: Statement<Row>) {
      const { rows } = await send(statement);
      if (rows.length > 1) {
        throw new Error(`expected at most one row, got ${rows.length}: ${statement.text.slice(0, 200)}`);
      }
      return rows[0] as Row | undefined;
    },
    async run(statement: Statement) {
      return (await send(statement)).rowCount ?? 0;
    },
  };
}

const BEGIN: Statement = { name: "hp_begin", text: "begin isolation level read committed", values: [] };
const COMMIT: Statement = { name: "hp_commit", text: "commit", values: [] };

/** The transaction of a database, for who has a pool only. */
export async function transaction<Result>(
  pool: pg.Pool,
  prepare: boolean,
  body: (tx: Transaction) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
  };
  client.on("error", onError);
  try {
    const tx = transactionOn(client, prepare);
    const result = await body(tx);
    if (!tx.isFinished()) await tx.finish([]);
    return result;
  } catch (error) {
    // A rollback that fails must not hide the first error; the connection is thrown away instead.
    await client.query("rollback").catch((rollbackError: Error) => {
      broken = rollbackError;
    });
    throw error;
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}

/** The first statement takes `begin` along and the last ones `commit`: a transaction is mostly waiting. */
function transactionOn(client: pg.PoolClient, prepare: boolean): Transaction & { isFinished(): boolean } {
  let isBegun = false;
  let isFinished = false;
  const send = async (statements: readonly Statement[]) => {
    if (isFinished) throw new Error("the transaction has been committed; nothing can be added to it");
    const opening = isBegun ? [] : [BEGIN];
    isBegun = true;
    const outcome = await runPipeline(client, [...opening, ...statements].map(wired), { prepare });
    if (!outcome.ok) throw outcome.error;
    return outcome.results.slice(opening.length);
  };
  const rowsOf = <Statements extends readonly Statement[]>(results: readonly StatementResult[]) =>
    results.map(({ rows }) => rows) as { [Index in keyof Statements]: RowOf<Statements[Index]>[] };
  return {
    ...queries(async (statement) => (await send([statement]))[0] as StatementResult & { rows: unknown[] }),
    pipeline: async <const Statements extends readonly Statement[]>(statements: Statements) =>
      rowsOf<Statements>(await send(statements)),
    async finish<const Statements extends readonly Statement[]>(statements: Statements) {
      const results = await send([...statements, COMMIT]);
      isFinished = true;
      const { command } = results.at(-1) as StatementResult;
      // Postgres answers the commit of a failed transaction with a rollback and no error.
      if (command !== "COMMIT")
        throw new Error(`the transaction was not committed (${command}); a statement of it had failed`);
      return rowsOf<Statements>(results.slice(0, -1));
    },
    isFinished: () => isFinished,
  };
}

/** True for a Postgres error with this SQLSTATE. */
export function isPostgresError(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

const ANSWER_MS = 2_000;

/** True when the database answers now, and not only some time. */
export async function answers(database: Database): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const patience = setTimeout(resolve, ANSWER_MS, false);
  const asked = database.many(areYouThere()).then(
    () => true,
    () => false,
  );
  return await Promise.race([asked, late]).finally(() => clearTimeout(patience));
}

/** Refuses to start on a database whose transactions would not be read committed: the locks are made for that. */
export async function checkIsolation(database: Database): Promise<void> {
  const { rows } = await database.pool.query<{ default_transaction_isolation: string }>(
    "show default_transaction_isolation",
  );
  const level = rows[0]?.default_transaction_isolation;
  if (level === "read committed") return;
  throw new HoldpointError(
    "configuration_invalid",
    `the database's default_transaction_isolation is "${level}"; Holdpoint's locks need "read committed": ` +
      "alter role … set default_transaction_isolation = 'read committed'",
  );
}
