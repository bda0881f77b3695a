import type { Database, Transaction } from "../../src/postgres/database.ts";

/** What everything that a dead process still tries ends with. */
export class ProcessDied extends Error {
  override readonly name = "ProcessDied";
}

/** The database as a process has it that dies right before the `step`-th thing it sends, commits included. */
export interface DyingDatabase {
  database: Database;
  /** True once it has died; false while it had no more to send than that. */
  hasDied(): boolean;
}

/** Makes one. What was sent in a transaction that was not committed is rolled back, as Postgres does with a lost client. */
export function dyingDatabase(database: Database, step: number): DyingDatabase {
  let sent = 0;
  const send = () => {
    sent += 1;
    if (sent >= step) throw new ProcessDied();
  };
  const counted = <Verb extends (...args: never[]) => Promise<unknown>>(verb: Verb): Verb =>
    (async (...args: Parameters<Verb>) => {
      send();
      return await verb(...args);
    }) as Verb;
  const queries = <Of extends Database | Transaction>(of: Of) => ({
    many: counted(of.many),
    one: counted(of.one),
    maybeOne: counted(of.maybeOne),
    run: counted(of.run),
  });
  return {
    hasDied: () => sent >= step,
    database: {
      ...database,
      ...queries(database),
      async transaction(body) {
        const result = await database.transaction(async (tx) => {
          const answer = await body({
            ...tx,
            ...queries(tx),
            pipeline: counted(tx.pipeline as never) as Transaction["pipeline"],
            finish: counted(tx.finish as never) as Transaction["finish"],
          });
          // Before the commit, unless it went along with the last statements.
          send();
          return answer;
        });
        // Committed, and nobody has heard of it.
        send();
        return result;
      },
    },
  };
}
