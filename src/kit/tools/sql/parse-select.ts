import { refused } from "./refused.ts";

/** A node of Postgres' parse tree: its fields by name, or one field that is the name of its kind. */
export type Tree = Readonly<Record<string, unknown>>;

const LONGEST_STATEMENT = 20_000;

/** Reads one SELECT with the parser of Postgres itself. What is not exactly one is refused. */
export async function parseSelect(sql: string): Promise<Tree> {
  if (sql.length > LONGEST_STATEMENT) throw refused(`it has more than ${LONGEST_STATEMENT} characters`);
  // The parser reads up to the first of these, and the database might read on.
  if (sql.includes("\0") || !sql.isWellFormed()) throw refused("it contains a character that is none");
  const statements = await parse(sql);
  if (statements.length !== 1) throw refused(`give exactly one select, not ${statements.length} statements`);
  const [kind, ...others] = Object.entries(statements[0] ?? {});
  if (kind === undefined || others.length > 0 || kind[0] !== "SelectStmt") {
    throw refused("only a select reads without changing anything");
  }
  return kind[1] as Tree;
}

async function parse(sql: string): Promise<Tree[]> {
  // Loaded on first use: 30 ms and 2 MB of WebAssembly that a server without such a tool never spends.
  const parser = await import("libpg-query");
  try {
    const { stmts = [] } = (await parser.parse(sql)) as { stmts?: { stmt: Tree }[] };
    return stmts.map(({ stmt }) => stmt);
  } catch (cause) {
    throw refused(`it cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
