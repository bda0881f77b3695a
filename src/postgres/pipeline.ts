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

/** The part of pg's Connection that speaks the extended query protocol. */
interface WireConnection {
  readonly stream: { cork(): void; uncork(): void };
  /** pg's own record of the statements this connection has prepared; shared, so that both sides agree. */
  readonly parsedStatements: Record<string, string>;
  parse(message: { name: string; text: string }): void;
  bind(message: { statement: string; values: readonly unknown[] }): void;
  describe(message: { type: "P"; name: string }): void;
  execute(message: { portal: string; rows: number }): void;
  sync(): void;
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

// pg's own mapping of JavaScript values to what the wire carries; not among its exports.
const { prepareValue } = createRequire(import.meta.url)("pg/lib/utils") as {
  prepareValue: (value: unknown) => unknown;
};

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
  if (options.prepare) await prepareMissing(client, statements);
  const { error, results } = await send(client, (connection) => {
    let unnamed: string | undefined;
    for (const { name, text, values } of statements) {
      // Behind an old PgBouncer nothing may be named: the unnamed statement is replaced whenever the text changes.
      if (!options.prepare && text !== unnamed) {
        connection.parse({ name: "", text });
        unnamed = text;
      }
      connection.bind({ statement: options.prepare ? name : "", values });
      connection.describe({ type: "P", name: "" });
      connection.execute({ portal: "", rows: 0 });
    }
  });
  if (error === undefined) return { ok: true, results: results.map((result) => readResult(client, result)) };
  if (isConnectionError(error)) throw explained(error);
  return { ok: false, error: explained(error) as Error, failedAt: results.length };
}

async function prepareMissing(client: pg.PoolClient, statements: readonly Statement[]): Promise<void> {
  const { parsedStatements } = (client as unknown as { connection: WireConnection }).connection;
  const missing = new Map<string, string>();
  for (const { name, text } of statements) if (parsedStatements[name] !== text) missing.set(name, text);
  if (missing.size === 0) return;
  const { error } = await send(client, (connection) => {
    for (const [name, text] of missing) connection.parse({ name, text });
  });
  // Some of them may be prepared now and pg does not tell which: by rejecting, the connection is given up.
  if (error !== undefined) throw explained(error);
  for (const [name, text] of missing) parsedStatements[name] = text;
}

/** Has `write` put its messages on the wire, adds the Sync and collects the answers until Postgres is ready again. */
function send(client: pg.PoolClient, write: (connection: WireConnection) => void): Promise<Settled> {
  return new Promise((resolve) => {
    const results: RawResult[] = [];
    let fields: readonly Field[] = [];
    let rows: (readonly (string | null)[])[] = [];
    const submittable: Submittable = {
      submit(connection) {
        connection.stream.cork();
        try {
          write(connection);
          connection.sync();
        } finally {
          connection.stream.uncork();
        }
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
