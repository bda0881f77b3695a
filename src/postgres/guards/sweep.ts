import type { Database } from "../database.ts";
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

/** Removes what guards have kept for long enough, a bounded number at a time; gives how many rows. */
export async function sweepGuards(database: Database): Promise<number> {
  const statements = [
    deleteOldBreakers(ROWS),
    deleteOldLimits(ROWS),
    deleteOldAnswers(ROWS),
    deleteOldSums(ROWS),
    deleteOldUsage(KEPT_DAYS, ROWS),
    deleteOldGrants(KEPT_DAYS, ROWS),
  ];
  let swept = 0;
  for (const statement of statements) swept += await database.run(statement);
  return swept;
}
