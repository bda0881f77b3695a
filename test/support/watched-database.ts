import type { Database } from "../../src/postgres/database.ts";

/** A database whose statements are seen, and fail where a test says so. */
export interface WatchedDatabase {
  database: Database;
  /** The texts of all statements so far. */
  statements: string[];
  fail: { with: Error | undefined };
}

/** Watches the statements that are sent outside of transactions. */
export function watchDatabase(watched: Database): WatchedDatabase {
  const statements: string[] = [];
  const fail: WatchedDatabase["fail"] = { with: undefined };
  const watch =
    <Answer>(send: (statement: never) => Promise<Answer>) =>
    async (statement: { text: string }) => {
      statements.push(statement.text);
      if (fail.with !== undefined) throw fail.with;
      return await send(statement as never);
    };
  const { one, maybeOne, many, run } = watched;
  const verbs = { one: watch(one), maybeOne: watch(maybeOne), many: watch(many), run: watch(run) };
  return { database: { ...watched, ...verbs } as Database, statements, fail };
}
