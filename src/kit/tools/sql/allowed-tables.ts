import { HoldpointError } from "../../../protocol/errors.ts";

/** The tables a tool may read: all columns of each, or these. Names are as Postgres keeps them. */
export type TableTerms = Readonly<Record<string, "*" | readonly string[]>>;

/** A table that may be read. */
export interface AllowedTable {
  /** With its schema: "chinook.invoice". */
  name: string;
  schema: string;
  table: string;
  /** The columns that may be read; null for all. */
  columns: ReadonlySet<string> | null;
}

const NAME = /^([a-z_][a-z0-9_$]*)\.([a-z_][a-z0-9_$]*)$/;

/** Reads the author's list, and refuses one that says something else than it seems to. */
export function allowedTables(terms: TableTerms): ReadonlyMap<string, AllowedTable> {
  const entries = Object.entries(terms);
  if (entries.length === 0) throw invalid("has no tables; name at least one");
  return new Map(
    entries.map(([name, columns]) => {
      const [, schema, table] = NAME.exec(name) ?? [];
      if (schema === undefined || table === undefined) {
        throw invalid(`names the table "${name}"; write it with its schema and in lower case: "chinook.invoice"`);
      }
      if (columns !== "*" && (!Array.isArray(columns) || columns.length === 0)) {
        throw invalid(`gives "${name}" no columns; give "*" or a list of names`);
      }
      return [name, { name, schema, table, columns: columns === "*" ? null : new Set(columns) }];
    }),
  );
}

/** For an error: what may be read. */
export function tablesText(tables: ReadonlyMap<string, AllowedTable>): string {
  return [...tables.values()]
    .map(({ name, columns }) => (columns === null ? name : `${name} (${[...columns].join(", ")})`))
    .join(", ");
}

function invalid(what: string): HoldpointError {
  return new HoldpointError("invalid", `sqlQuery() ${what}`);
}
