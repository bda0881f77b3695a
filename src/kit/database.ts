import type pg from "pg";
import { currentPorts } from "./ports.ts";

/** The pool of a named database, such as `database("chinook")`: its own login role, which sees its own schema only. */
export function database(name: string): pg.Pool {
  return currentPorts().database(name);
}
