import { type DatabaseClient, database } from "holdpoint";

/** Runs `body` in one transaction of the shop's database. */
export async function inTransaction<Result>(body: (client: DatabaseClient) => Promise<Result>): Promise<Result> {
  const client = await database("chinook").connect();
  let broken: Error | undefined;
  const lost = (error: Error) => {
    broken = error;
  };
  // Without a listener, a connection that breaks between two statements ends the process.
  client.on("error", lost);
  try {
    await client.query("begin");
    const result = await body(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(lost);
    throw error;
  } finally {
    client.off("error", lost);
    client.release(broken);
  }
}

// Classes 08 and 57P: the connection, the server's end. Node's own codes: the socket.
const CONNECTION_LOST = /^(?:08...|57P0[123]|ECONNRESET|ECONNREFUSED|EPIPE|ENOENT|ETIMEDOUT)$/;

/** True when the database went away, as it does in a restart or a fail-over. */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as Error & { code?: unknown };
  return (typeof code === "string" && CONNECTION_LOST.test(code)) || /Connection terminated/.test(error.message);
}
