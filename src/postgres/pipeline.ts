import { createRequire } from "node:module";
import type pg from "pg";
import { explained, isConnectionError } from "./connection-error.ts";
import type { Statement } from "./sql.ts";

/** What one statement of a pipeline did. */
export interface StatementResult {
  /** What Postgres says it did: INSERT, SELECT, COMMIT; ROLLBACK for the commit of a transaction that had failed. */
  readonly command: string;
  /** Rows written, or rows read. */
  readonly rowCount: number;
  readonly rows: readonly Record<string, unknown>[];
}

/** All statements are committed, or none is and `failedAt` is the index of the one that Postgres refused. */
export type PipelineOutcome =
  | { readonly ok: true; readonly results: readonly StatementResult[] }
  | { readonly ok: false; readonly error: Error; readonly failedAt: number };

/** The part of pg's Connection that is used here. */
interface WireConnection {
  readonly stream: { readonly writable: boolean; write(bytes: Buffer): void };
  /** pg's own record of the statements this connection has prepared; shared, so that both sides agree. */
  readonly parsedStatements: Record<string, string>;
}

/** The messages of the extended query protocol, as bytes. */
interface Serialize {
  parse(message: { name: string; text: string }): Buffer;
  bind(message: { statement: string; values: readonly unknown[] }): Buffer;
  describe(message: { type: "P"; name: string }): Buffer;
  execute(message: { portal: string; rows: number }): Buffer;
  sync(): Buffer;
}

/** What pg calls on the object it was given to run. `callback` is where it hangs its own query time-out. */
interface Submittable {
  callback?: (error: Error | null) => void;
  submit(connection: WireConnection): null;
  handleRowDescription(message: { fields: readonly Field[] }): void;
  handleDataRow(message: { fields: readonly (string | null)[] }): void;
  handleCommandComplete(message: { text: string }): void;
  handleEmptyQuery(): void;
  handlePortalSuspended(): void;
  handleError(error: Error): void;
  handleReadyForQuery(): void;
}

interface Field {
  readonly name: string;
  readonly dataTypeID: number;
}

interface RawResult {
  readonly tag: string;
  readonly fields: readonly Field[];
  readonly rows: readonly (readonly (string | null)[])[];
}

type Settled = { readonly error?: Error; readonly results: readonly RawResult[] };

// pg's own mapping of JavaScript values to what the wire carries, and its own messages; not among its exports.
const require = createRequire(import.meta.url);
const { prepareValue } = require("pg/lib/utils") as { prepareValue: (value: unknown) => unknown };
const { serialize } = createRequire(require.resolve("pg"))("pg-protocol") as { serialize: Serialize };

/** The statement with its values as the wire carries them; throws for a value it cannot carry. */
export const wired = (statement: Statement): Statement => ({
  ...statement,
  values: statement.values.map(prepareValue),
});

/**
 * Sends all statements at once: for each one Bind, Describe, Execute, and a single Sync at the end. Postgres runs
 * them in order in one implicit transaction, so the whole pipeline costs one round trip and one commit. Statements
 * that the connection does not know yet are prepared first, in a trip of their own.
 *
 * Values must be what the wire carries: strings, buffers or null. Rejects only when the connection is broken, with
 * `database_unreachable`; then nobody knows whether the commit happened, and the connection must not be used again.
 */
export async function runPipeline(
  client: pg.PoolClient,
  statements: readonly Statement[],
  options: { prepare: boolean },
): Promise<PipelineOutcome> {
  if (options.prepare) {
    const refused = await prepareMissing(client, statements);
    if (refused !== undefined) return refused;
  }
  const messages: Buffer[] = [];
  let unnamed: string | undefined;
  for (const { name, text, values } of statements) {
    // Behind an old PgBouncer nothing may be named: the unnamed statement is replaced whenever the text changes.
    if (!options.prepare && text !== unnamed) {
      messages.push(serialize.parse({ name: "", text }));
      unnamed = text;
    }
    messages.push(serialize.bind({ statement: options.prepare ? name : "", values }), DESCRIBE, EXECUTE);
  }
  const { error, results } = await send(client, messages);
  if (error === undefined) return { ok: true, results: results.map((result) => readResult(client, result)) };
  if (isConnectionError(error)) throw explained(error);
  return { ok: false, error: explained(error) as Error, failedAt: results.length };
}

const DESCRIBE = serialize.describe({ type: "P", name: "" });
const EXECUTE = serialize.execute({ portal: "", rows: 0 });
const SYNC = serialize.sync();

/** Prepares what the connection does not know yet, in one trip. Returns which statement the server cannot prepare. */
async function prepareMissing(
  client: pg.PoolClient,
  statements: readonly Statement[],
): Promise<PipelineOutcome | undefined> {
  const { parsedStatements } = (client as unknown as { connection: WireConnection }).connection;
  const missing = new Map<string, string>();
  for (const { name, text } of statements) if (parsedStatements[name] !== text) missing.set(name, text);
  if (missing.size === 0) return;
  const isInTransaction = client.getTransactionStatus() === "T";
  const all = await send(
    client,
    [...missing].map(([name, text]) => serialize.parse({ name, text })),
  );
  if (all.error !== undefined && isConnectionError(all.error)) throw explained(all.error);
  // The transaction has failed with it, and would refuse them all from now on.
  if (all.error !== undefined && isInTransaction) {
    return { ok: false, error: explained(all.error) as Error, failedAt: 0 };
  }
  for (const [name, text] of missing) {
    // One of them was refused, and the server does not say which: those before it are prepared by now.
    const { error } = all.error === undefined ? all : await send(client, [serialize.parse({ name, text })]);
    if (error !== undefined && !isPreparedAlready(error)) {
      if (isConnectionError(error)) throw explained(error);
      const failedAt = statements.findIndex((statement) => statement.name === name);
      return { ok: false, error: explained(error) as Error, failedAt };
    }
    parsedStatements[name] = text;
  }
  return undefined;
}

const isPreparedAlready = (error: Error) => "code" in error && error.code === "42P05";

/** Puts the messages and a Sync on the wire and collects the answers until Postgres is ready again. */
function send(client: pg.PoolClient, messages: readonly Buffer[]): Promise<Settled> {
  return new Promise((resolve) => {
    const results: RawResult[] = [];
    let fields: readonly Field[] = [];
    let rows: (readonly (string | null)[])[] = [];
    const submittable: Submittable = {
      submit(connection) {
        // One buffer: what a stream gathers from many small ones costs more than the copy.
        if (connection.stream.writable) connection.stream.write(Buffer.concat([...messages, SYNC]));
        return null;
      },
      handleRowDescription: (message) => {
        fields = message.fields;
      },
      handleDataRow: (message) => {
        rows.push(message.fields);
      },
      handleCommandComplete: (message) => {
        results.push({ tag: message.text, fields, rows });
        fields = [];
        rows = [];
      },
      handleEmptyQuery() {},
      handlePortalSuspended() {},
      handleError(error) {
        this.callback?.(error);
        resolve({ error, results });
      },
      handleReadyForQuery() {
        this.callback?.(null);
        resolve({ results });
      },
    };
    client.query(submittable as unknown as pg.Submittable);
  });
}

type TypedClient = pg.PoolClient & { getTypeParser(typeId: number, format: "text"): (text: string) => unknown };

function readResult(client: pg.PoolClient, { tag, fields, rows }: RawResult): StatementResult {
  const parsers = fields.map((field) => (client as TypedClient).getTypeParser(field.dataTypeID, "text"));
  const readRow = (values: readonly (string | null)[]) =>
    Object.fromEntries(
      fields.map(({ name }, index) => {
        const value = values[index] ?? null;
        return [name, value === null ? null : parsers[index]?.(value)];
      }),
    );
  // `INSERT 0 1` wrote one row; `SELECT 1` read one.
  const words = tag.split(" ");
  const count = Number(words.at(-1));
  return { command: words[0] ?? "", rowCount: Number.isNaN(count) ? 0 : count, rows: rows.map(readRow) };
}
