import type pg from "pg";
import type { DatabasePool } from "../../database.ts";
import { BEGIN, END, type SessionStatement, setBounds } from "./session.sql.ts";

/** Sends one statement, alone and with its values bound, and gives all values as Postgres writes them. */
export type Send = (statement: SessionStatement) => Promise<pg.QueryArrayResult<(string | null)[]>>;

const AS_WRITTEN = {
  getTypeParser: () => (value: string | Buffer) => String(value),
} as unknown as pg.CustomTypesConfig;

/** Runs `body` in a transaction that changes nothing and is rolled back; its connection is given up when `signal` is aborted. */
export async function readOnly<Result>(
  pool: DatabasePool,
  terms: { timeoutMs: number; signal: AbortSignal },
  body: (send: Send) => Promise<Result>,
): Promise<Result> {
  terms.signal.throwIfAborted();
  const client = await pool.connect();
  let broken: Error | undefined;
  const lost = (error: Error) => {
    broken = error;
  };
  // Without a listener, a connection that breaks between two statements ends the process.
  client.on("error", lost);
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => undefined);
  const stop = () => stopped.reject(terms.signal.reason);
  terms.signal.addEventListener("abort", stop, { once: true });
  const send: Send = ({ text, values }) =>
    Promise.race([
      // Values, even none, make pg prepare the statement: Postgres then takes one at a time.
      client.query<(string | null)[]>({
        text,
        values,
        rowMode: "array",
        types: AS_WRITTEN,
        queryMode: "extended",
      } as never),
      stopped.promise,
    ]) as unknown as ReturnType<Send>;
  try {
    await client.query(BEGIN);
    await send(setBounds(terms.timeoutMs));
    return await body(send);
  } finally {
    terms.signal.removeEventListener("abort", stop);
    // A statement that nobody waits for is still being executed: such a connection is of no more use.
    if (terms.signal.aborted) broken ??= new Error("the query was given up");
    if (broken === undefined) await client.query(END).catch(lost);
    client.off("error", lost);
    client.release(broken);
  }
}
