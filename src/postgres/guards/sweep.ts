import type { Database } from "../database.ts";
import type { Statement } from "../sql.ts";
import { KEPT_DAYS } from "./meter.sql.ts";
import {
  deleteOldAnswers,
  deleteOldBreakers,
  deleteOldGrants,
  deleteOldLimits,
  deleteOldSums,
  deleteOldUsage,
} from "./sweep.sql.ts";

const ROWS = 1_000;

/** Removes breakers, limits and answers that nobody uses any more, a bounded number at a time; gives how many rows. */
export async function sweepGuards(database: Database): Promise<number> {
  return await runAll(database, [deleteOldBreakers(ROWS), deleteOldLimits(ROWS), deleteOldAnswers(ROWS)]);
}

/** Removes accounts that were kept for long enough, a bounded number at a time; gives how many rows. */
export async function sweepUsage(database: Database): Promise<number> {
  return await runAll(database, [
    deleteOldSums(ROWS),
    deleteOldUsage(KEPT_DAYS, ROWS),
    deleteOldGrants(KEPT_DAYS, ROWS),
  ]);
}

async function runAll(database: Database, statements: readonly Statement[]): Promise<number> {
  let swept = 0;
  for (const statement of statements) swept += await database.run(statement);
  return swept;
}
