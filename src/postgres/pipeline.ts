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
  close(message: { type: "S"; name: string }): Buffer;
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
 * Sends all statements at once: for each one Bind and Execute, and a single Sync at the end. Postgres runs them in
 * order in one implicit transaction, so the whole pipeline costs one round trip and one commit. A statement that the
 * connection does not know yet is prepared on the way, and asked once what its rows look like.
 *
 * Values must be what the wire carries: strings, buffers or null. Rejects only when the connection is broken, with
 * `database_unreachable`; then nobody knows whether the commit happened, and the connection must not be used again.
 */
export async function runPipeline(
  client: pg.PoolClient,
  statements: readonly Statement[],
  options: { prepare: boolean },
): Promise<PipelineOutcome> {
  const { connection } = client as unknown as { connection: WireConnection };
  const { messages, prepared } = options.prepare ? namedMessages(connection, statements) : unnamedMessages(statements);
  const { error, results } = await send(client, messages);
  if (error === undefined) {
    for (const [name, text] of prepared) {
      connection.parsedStatements[name] = text;
      doubtful.get(connection)?.delete(name);
    }
    const known = options.prepare ? shapesOf(connection) : new Map<string, Shape>();
    const read = ({ name }: Statement, index: number) => readResult(client, known, name, results[index] as RawResult);
    return { ok: true, results: statements.map(read) };
  }
  if (isConnectionError(error)) throw explained(error);
  const doubts = doubtful.get(connection) ?? new Set();
  for (const name of prepared.keys()) doubts.add(name);
  doubtful.set(connection, doubts);
  return { ok: false, error: explained(error) as Error, failedAt: results.length };
}

/** What the rows of a prepared statement look like; no columns where it returns none. It cannot change while prepared. */
type Shape = readonly { readonly name: string; readonly parse: (text: string) => unknown }[];

const shapes = new WeakMap<WireConnection, Map<string, Shape>>();

function shapesOf(connection: WireConnection): Map<string, Shape> {
  const known = shapes.get(connection) ?? new Map<string, Shape>();
  shapes.set(connection, known);
  return known;
}

/** Statements that were sent to be prepared with others that failed: those before the failure are, the rest are not. */
const doubtful = new WeakMap<WireConnection, Set<string>>();

const DESCRIBE = serialize.describe({ type: "P", name: "" });
const EXECUTE = serialize.execute({ portal: "", rows: 0 });
const SYNC = serialize.sync();

interface Messages {
  readonly messages: readonly Buffer[];
  /** The statements that are prepared on the way, if all goes well. */
  readonly prepared: ReadonlyMap<string, string>;
}

function namedMessages(connection: WireConnection, statements: readonly Statement[]): Messages {
  const messages: Buffer[] = [];
  const prepared = new Map<string, string>();
  const known = shapesOf(connection);
  for (const { name, text, values } of statements) {
    if (connection.parsedStatements[name] !== text && prepared.get(name) !== text) {
      // To close what is not there is no error, to prepare what is there would be one.
      if (doubtful.get(connection)?.has(name)) messages.push(serialize.close({ type: "S", name }));
      messages.push(serialize.parse({ name, text }));
      prepared.set(name, text);
      known.delete(name);
    }
    messages.push(serialize.bind({ statement: name, values }));
    if (!known.has(name)) messages.push(DESCRIBE);
    messages.push(EXECUTE);
  }
  return { messages, prepared };
}

/** Behind an old PgBouncer nothing may be named: the unnamed statement is replaced whenever the text changes. */
function unnamedMessages(statements: readonly Statement[]): Messages {
  const messages: Buffer[] = [];
  let unnamed: string | undefined;
  for (const { text, values } of statements) {
    if (text !== unnamed) messages.push(serialize.parse({ name: "", text }));
    unnamed = text;
    messages.push(serialize.bind({ statement: "", values }), DESCRIBE, EXECUTE);
  }
  return { messages, prepared: new Map() };
}

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

function readResult(client: pg.PoolClient, known: Map<string, Shape>, name: string, raw: RawResult): StatementResult {
  const shape = known.get(name) ?? shapeOf(client, raw.fields);
  known.set(name, shape);
  // `INSERT 0 1` wrote one row; `SELECT 1` read one.
  const words = raw.tag.split(" ");
  const count = Number(words.at(-1));
  const rows = raw.rows.map((values) => readRow(shape, values));
  return { command: words[0] ?? "", rowCount: Number.isNaN(count) ? 0 : count, rows };
}

const shapeOf = (client: pg.PoolClient, fields: readonly Field[]): Shape =>
  fields.map(({ name, dataTypeID }) => ({ name, parse: (client as TypedClient).getTypeParser(dataTypeID, "text") }));

function readRow(shape: Shape, values: readonly (string | null)[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [index, { name, parse }] of shape.entries()) {
    const value = values[index] ?? null;
    row[name] = value === null ? null : parse(value);
  }
  return row;
}
