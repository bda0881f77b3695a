import { InvalidArgumentError, Option } from "commander";
import { usageError } from "./command-error.ts";
import { safeJson, sanitiseLine } from "./sanitise.ts";
import { type Column, renderTable, renderTsv } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Prints a list: a table on a screen, tab-separated lines in a pipe, JSON where it was asked for. */
export function printList<Row extends object>(
  terminal: Terminal,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  empty: string,
  json: string | true | undefined,
  heading = true,
): void {
  if (json !== undefined) {
    terminal.out(safeJson(json === true ? rows : rows.map((row) => pick(row, json)), 2));
    return;
  }
  if (!terminal.isScreen) {
    for (const line of renderTsv(columns, rows)) terminal.out(line);
    return;
  }
  if (rows.length === 0) {
    if (empty !== "") terminal.out(terminal.colours.dim(sanitiseLine(empty)));
    return;
  }
  const lines = renderTable(columns, rows, terminal.columns, terminal.colours.dim);
  for (const line of heading ? lines : lines.slice(1)) terminal.out(line);
}

function pick(row: object, fields: string): Record<string, unknown> {
  const names = fields
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const unknown = names.find((name) => !Object.hasOwn(row, name));
  if (unknown !== undefined || names.length === 0) {
    const known = Object.keys(row).sort().map(sanitiseLine).join(", ");
    throw usageError(`--json: there is no field "${sanitiseLine(unknown ?? "")}"; there is: ${known}`);
  }
  return Object.fromEntries(names.map((name) => [name, row[name as keyof typeof row]]));
}

/** An option whose value is a whole number between two bounds. */
export function wholeNumberOption(flags: string, description: string, from: number, to: number): Option {
  return new Option(flags, description).argParser((text: string) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= from && number <= to) return number;
    throw new InvalidArgumentError(`It has to be a whole number from ${from} to ${to}.`);
  });
}
