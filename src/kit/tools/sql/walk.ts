import type { AllowedTable } from "./allowed-tables.ts";
import type { Tree } from "./parse-select.ts";
import { refused } from "./refused.ts";
import type { KnownColumns, Scope } from "./scope.ts";

/** What a statement is checked against, and what was met on the way. */
export interface Walk {
  tables: ReadonlyMap<string, AllowedTable>;
  /** Functions beside the built-in ones, "name" or "schema.name". */
  functions: ReadonlySet<string>;
  known: KnownColumns;
  /** Parameters that were met: 1 for $1. */
  parameters: Set<number>;
  /** Checks a SELECT inside this scope. */
  select(tree: unknown, parent: Scope | null): void;
  /** Checks an expression; nothing is an expression too. */
  expression(tree: unknown, scope: Scope): void;
  /** Counts the nodes, and how deep they lie. */
  enter(body: () => void): void;
}

/** The kind of a node and its fields. */
export function kindOf(node: unknown): [kind: string, fields: Tree] {
  const [entry, ...others] = Object.entries((node ?? {}) as Tree);
  if (entry === undefined || others.length > 0) throw refused("it has a part that is not known");
  return [entry[0], entry[1] as Tree];
}

/**
 * Refuses every field that is not named: what a newer Postgres adds to a node is not allowed before somebody has thought
 * about it. Where something stands in the text says nothing.
 */
export function only(fields: Tree, what: string, ...names: readonly string[]): void {
  const other = Object.keys(fields).find((name) => name !== "location" && !names.includes(name));
  if (other !== undefined) throw refused(`${what} with ${REASONS[other] ?? other} is not allowed`);
}

const REASONS: Readonly<Record<string, string>> = {
  lockingClause: "a lock (for update, for share)",
  intoClause: "into, which makes a table",
  catalogname: "the name of a database",
  search_clause: "search",
  cycle_clause: "cycle",
  coldeflist: "a list of column types",
  join_using_alias: "an alias of its own",
  pct_type: "%type",
  setof: "setof",
};

/** A list; empty where the field is missing. */
export function listOf(field: unknown): readonly unknown[] {
  return Array.isArray(field) ? field : [];
}

/** The words of a dotted name. */
export function wordsOf(field: unknown): string[] {
  return listOf(field).map((word) => {
    const [kind, { sval }] = kindOf(word);
    if (kind !== "String" || typeof sval !== "string") throw refused("it has a name that is none");
    return sval;
  });
}
