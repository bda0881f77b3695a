import type { Socket } from "node:net";
import type pg from "pg";
import { kitClock } from "../../clock.ts";
import type { DatabaseClient, DatabasePool } from "../../database.ts";
import { tooMuch } from "./refused.ts";
import { BEGIN, END, type SessionStatement, setBounds } from "./session.sql.ts";

/** Sends one statement, alone and with its values bound, and gives all values as Postgres writes them. */
export type Send = (statement: SessionStatement) => Promise<pg.QueryArrayResult<(string | null)[]>>;

const AS_WRITTEN = {
  getTypeParser: () => (value: string | Buffer) => String(value),
} as unknown as pg.CustomTypesConfig;

/** What one statement may take. */
export interface StatementTerms {
  /** The database's own limit; a database that does not keep it is left behind soon after. */
  timeoutMs: number;
  /** Bytes that the database may send for one statement. */
  mostBytes: number;
  signal: AbortSignal;
}

// The database ends a statement itself, unless it computes something that does not look at the clock.
const GRACE_MS = 2_000;

/**
 * Runs `body` in a transaction that changes nothing and is rolled back. Its connection is given up when `signal` is
 * aborted, and when a statement sends more or takes longer than it may.
 */
export async function readOnly<Result>(
  pool: DatabasePool,
  terms: StatementTerms,
  body: (send: Send) => Promise<Result>,
): Promise<Result> {
  terms.signal.throwIfAborted();
  const client = await pool.connect();
  let broken: Error | undefined;
  const lost = (error: Error) => {
    broken ??= error;
  };
  // Without a listener, a connection that breaks between two statements ends the process.
  client.on("error", lost);
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => undefined);
  const giveUp = (error: Error) => {
    lost(error);
    stopped.reject(error);
  };
  const stop = () => stopped.reject(terms.signal.reason);
  terms.signal.addEventListener("abort", stop, { once: true });
  const bytes = countBytes(client, terms.mostBytes, giveUp);
  const send: Send = async ({ text, values }) => {
    bytes.restart();
    const answered = new AbortController();
    const clock = kitClock();
    (clock.limit ?? clock.sleep)(terms.timeoutMs + GRACE_MS, answered.signal).then(
      () => giveUp(tooMuch(`the database did not end it after ${terms.timeoutMs} ms`)),
      () => undefined,
    );
    // Values, even none, make pg prepare the statement: Postgres then takes one at a time.
    const asked = { text, values, rowMode: "array", types: AS_WRITTEN, queryMode: "extended" } as never;
    try {
      return await Promise.race([client.query<(string | null)[]>(asked), stopped.promise]);
    } finally {
      answered.abort();
    }
  };
  try {
    await client.query(BEGIN);
    await send(setBounds(terms.timeoutMs));
    return await body(send);
  } finally {
    terms.signal.removeEventListener("abort", stop);
    // A statement that nobody waits for is still being executed: such a connection is of no more use.
    if (terms.signal.aborted) broken ??= new Error("the query was given up");
    if (broken === undefined) await client.query(END).catch(lost);
    bytes.stop();
    client.off("error", lost);
    client.release(broken);
  }
}

/**
 * Counts what comes for a statement, and closes the connection when it is too much: pg keeps a row until it is whole,
 * and a value of a few hundred megabytes, which a short statement can make, is more than a string can hold.
 */
function countBytes(client: DatabaseClient, mostBytes: number, giveUp: (error: Error) => void) {
  // A client of somebody else's making, such as one over libpq, keeps its socket to itself.
  const stream = (client as unknown as { connection?: { stream: Socket } }).connection?.stream;
  let bytes = 0;
  const count = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= mostBytes) return;
    giveUp(tooMuch(`the result is larger than ${mostBytes} bytes`));
    stream?.destroy();
  };
  stream?.prependListener("data", count);
  return {
    restart: () => {
      bytes = 0;
    },
    stop: () => void stream?.off("data", count),
  };
}
