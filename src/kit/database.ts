import type pg from "pg";
import { currentPorts } from "./ports.ts";

/** A pool of connections to a named database. */
export type DatabasePool = pg.Pool;

/** One connection of a pool, for a transaction. */
export type DatabaseClient = pg.PoolClient;

/** The pool of a named database, such as `database("chinook")`: its own login role, which sees its own schema only. */
export function database(name: string): DatabasePool {
  return currentPorts().database(name);
}
