import { createHash } from "node:crypto";
import { type CreateRun, createRunIn } from "./create-run.ts";
import { advanceCron, type CronRow, dueCronForUpdate } from "./crons.sql.ts";
import { nextRunAt } from "./crons.ts";
import { type Database, isPostgresError, type Queryable, type Transaction } from "./database.ts";
import type { RunRow } from "./runs.sql.ts";

/** An occurrence of a cron that is being made. */
export interface Occurrence {
  cron: CronRow & { next_run_at: string };
  /** The same for the same occurrence, whoever makes it and how often. */
  run_id: string;
}

/** What came of a cron that was due. */
export type Fired = { run: RunRow; error: null } | { run: null; error: string };

/**
 * T-fire: makes the run of the occurrence that is due, and goes on to the next one after now: of everything that was
 * missed while nobody was there, one run is made. Locks: the cron, then as T-create-run; nobody who holds a thread's lock
 * asks for a cron's. Nothing when it is not due any more, is switched off or gone, or somebody else makes it.
 * `plan` reads by this transaction's own connection: to wait for a second one would be to wait for each other.
 * What `plan` or T-create-run refuse is kept with the cron, which goes on to the next occurrence.
 */
export async function fireCron(
  database: Database,
  { tenant_id, cron_id }: { tenant_id: string; cron_id: string },
  plan: (tx: Queryable, occurrence: Occurrence) => Promise<CreateRun>,
): Promise<Fired | undefined> {
  try {
    return await database.transaction(async (tx) => {
      const due = await takeDue(tx, tenant_id, cron_id);
      if (due === undefined) return undefined;
      const { cron, next } = due;
      const run_id = runIdOf(cron);
      const request = await plan(tx, { cron, run_id });
      await tx.run(advanceCron(cron, next, { run_id, error: null }));
      return { run: await createRunIn(tx, request), error: null };
    });
  } catch (error) {
    // Made already: the clock was put back, or the cron was told the same time again.
    const wasMade = isPostgresError(error, "23505");
    if (!wasMade && isFaultOfOurs(error)) throw error;
    const message = wasMade ? null : (error as Error).message.slice(0, 1_000);
    return await passOver(database, tenant_id, cron_id, message);
  }
}

async function passOver(
  database: Database,
  tenant_id: string,
  cron_id: string,
  error: string | null,
): Promise<Fired | undefined> {
  return await database.transaction(async (tx) => {
    const due = await takeDue(tx, tenant_id, cron_id);
    if (due === undefined) return undefined;
    const { cron, next } = due;
    await tx.finish([advanceCron(cron, next, { run_id: error === null ? runIdOf(cron) : null, error })]);
    return error === null ? undefined : { run: null, error };
  });
}

async function takeDue(tx: Transaction, tenant_id: string, cron_id: string) {
  const cron = await tx.maybeOne(dueCronForUpdate(tenant_id, cron_id));
  return cron === undefined ? undefined : { cron, next: nextRunAt(cron, cron.now) };
}

/** A database that does not answer, a deadlock, a limit: the occurrence stays due. Everything else would only come again. */
function isFaultOfOurs(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  const code = "code" in error ? String(error.code) : "";
  return code === "database_unreachable" || /^[0-9A-Z]{5}$/.test(code);
}

function runIdOf({ cron_id, next_run_at }: Pick<CronRow, "cron_id" | "next_run_at">): string {
  const hash = createHash("sha256").update(`${cron_id} ${next_run_at}`).digest().subarray(0, 16);
  // A UUID of version 8: one that its maker has a rule of its own for.
  hash[6] = ((hash[6] as number) & 0x0f) | 0x80;
  hash[8] = ((hash[8] as number) & 0x3f) | 0x80;
  const hex = hash.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
