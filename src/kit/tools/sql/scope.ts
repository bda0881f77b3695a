import type { AllowedTable } from "./allowed-tables.ts";
import { refused } from "./refused.ts";
import { SYSTEM_COLUMNS } from "./vocabulary.ts";

/** Something that a FROM names: a table of the list, or what a subquery, a CTE or a function gives. */
export interface Source {
  name: string;
  table: AllowedTable | null;
  /** The columns that are written out behind a function's name; only these are surely columns. */
  columns?: ReadonlySet<string>;
}

/** One SELECT, inside those around it. */
export interface Scope {
  parent: Scope | null;
  /** Names of the CTEs that a FROM may use here. */
  ctes: Set<string>;
  sources: Source[];
}

/** The columns that tables really have, by the table's name. Where one is missing, any unknown name may be hidden. */
export type KnownColumns = ReadonlyMap<string, ReadonlySet<string>>;

/** A scope inside another; it begins with nothing of its own. */
export function inside(parent: Scope | null): Scope {
  return { parent, ctes: new Set(), sources: [] };
}

/** Whether a name without a schema is a CTE here; if not, it would be a table. */
export function isCte(scope: Scope, name: string): boolean {
  for (let at: Scope | null = scope; at !== null; at = at.parent) if (at.ctes.has(name)) return true;
  return false;
}

/**
 * Checks a column. Which of the sources around it Postgres would take is not worked out: it must be allowed for every one
 * that it could be. So a name that is used twice can be refused where it need not be, and never allowed where it must not.
 */
export function checkColumn(scope: Scope, path: readonly string[], known: KnownColumns): void {
  const column = path.at(-1) ?? "";
  if (SYSTEM_COLUMNS.has(column)) throw refused(`"${column}" is a column of the system`);
  const sources = surrounding(scope);
  if (path.length === 1) {
    if (sources.some(({ name, table }) => table !== null && name === column)) throw wholeRow(column);
    for (const { table } of sources)
      if (table !== null && mayHide(table, column, known)) throw hidden(table, column, true);
    return;
  }
  for (const { name, table, columns: written } of named(sources, path.slice(0, -1))) {
    // Where it is no column, Postgres calls the function of that name with what this one gives: "g.pg_sleep" is pg_sleep(g).
    if (written?.has(column) === false) {
      throw refused(`"${name}" is a function's; write ${column} alone, or name its columns behind it: ${name}(value)`);
    }
    if (table?.columns?.has(column) === false) throw hidden(table, column, false);
    // Postgres would look for a function of that name, and call it with the whole row.
    const columns = table === null ? undefined : known.get(table.name);
    if (columns?.has(column) === false) {
      throw refused(`${table?.name} has no column "${column}"; it has ${[...columns].join(", ")}`);
    }
  }
}

/** Checks `*` or `name.*`: where only some columns of a table are allowed, they have to be named. */
export function checkStar(scope: Scope, path: readonly string[]): void {
  const sources = path.length === 0 ? scope.sources : named(surrounding(scope), path);
  const restricted = sources.find(({ table }) => table !== null && table.columns !== null)?.table;
  if (restricted === undefined || restricted === null) return;
  throw refused(`"*" would read all of ${restricted.name}; name what you need of ${columnsOf(restricted)}`);
}

/** Checks a natural join, which compares whatever columns have the same name. */
export function checkNatural(scope: Scope): void {
  if (scope.sources.some(({ table }) => table !== null && table.columns !== null)) {
    throw refused("a natural join compares columns that it does not name; use on or using");
  }
}

function named(sources: readonly Source[], path: readonly string[]): Source[] {
  const [first = "", second] = path;
  const found = sources.filter(({ name, table }) =>
    second === undefined ? name === first : table?.schema === first && table.table === second,
  );
  if (path.length > 2 || found.length === 0) throw refused(`nothing in its from is called "${path.join(".")}"`);
  return found;
}

function surrounding(scope: Scope): Source[] {
  const sources: Source[] = [];
  for (let at: Scope | null = scope; at !== null; at = at.parent) sources.push(...at.sources);
  return sources;
}

function mayHide(table: AllowedTable, column: string, known: KnownColumns): boolean {
  if (table.columns === null || table.columns.has(column)) return false;
  return known.get(table.name)?.has(column) ?? true;
}

function hidden(table: AllowedTable, column: string, isBare: boolean): Error {
  const hint = isBare ? `; if "${column}" is of another, write it with that one's name` : "";
  return refused(`of ${table.name} there may be read ${columnsOf(table)}, not "${column}"${hint}`);
}

function wholeRow(name: string): Error {
  return refused(`"${name}" alone means a whole row; name the columns`);
}

function columnsOf(table: AllowedTable): string {
  return [...(table.columns ?? [])].join(", ");
}
