import pg from "pg";
import { HoldpointError, isHoldpointError } from "../protocol/errors.ts";

// Classes of errors with which Postgres, or a pooler before it, ends a connection or does not take one:
// 08 connection, 25P03 and 25P04 time-outs that end the session, 53300 no room, 57P shutdown, crash and start.
const ENDS_CONNECTION = /^(08|25P0[34]|53300|57P)/;

/** True when the server or the network went away, as opposed to a statement that the server refused. */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) {
    return ENDS_CONNECTION.test(error.code ?? "") || error.severity === "FATAL" || error.severity === "PANIC";
  }
  // A value or a row that cannot be mapped and a pool that we have closed are faults of ours: not worth trying again.
  const isFault = error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
  const isClosed = error instanceof Error && error.message === "Cannot use a pool after calling end on the pool";
  return error instanceof Error && !isFault && !isClosed && !isHoldpointError(error);
}

/** What is known of an error of a statement: one of the register for a lost connection, otherwise the error itself. */
export function explained(error: unknown): unknown {
  if (isConnectionError(error)) {
    return new HoldpointError(
      "database_unreachable",
      `the connection to Postgres failed: ${reasonOf(error)}; whether the last commit happened is unknown, read the ` +
        "state before trying again",
      { cause: error },
    );
  }
  if (error instanceof pg.DatabaseError && (error.code === "26000" || error.code === "42P05")) {
    return new HoldpointError(
      "configuration_invalid",
      `${error.message}: a pooler in between does not keep prepared statements; set HOLDPOINT_DATABASE_PREPARE=false ` +
        "(prepare: false where the saver is used alone)",
      { cause: error },
    );
  }
  return error;
}

/** The same of a connection that could not be had: nothing was sent. */
export function notConnected(error: unknown, { max }: { max: number }): unknown {
  if (!isConnectionError(error)) return error;
  const isCrowded = error instanceof Error && error.message === "timeout exceeded when trying to connect";
  const message = isCrowded
    ? `all ${max} connections to Postgres were in use for too long, nothing was sent: raise ` +
      "HOLDPOINT_DATABASE_POOL_SIZE, or look in pg_stat_activity for what keeps them"
    : `no connection to Postgres: ${reasonOf(error)}; nothing was sent, try again`;
  return new HoldpointError("database_unreachable", message, { cause: error });
}

function reasonOf(error: unknown): string {
  // Several addresses were tried and each failed: the error itself has no message then.
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error && error.message !== "" ? error.message : String(error);
}
