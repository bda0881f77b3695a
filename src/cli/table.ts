import { sanitiseLine } from "./sanitise.ts";
import { clip, pad, widestOf } from "./text-width.ts";

/** One column of a table: how a row is shown in it to a person, and to a program. */
export interface Column<Row> {
  name: string;
  /** What a person sees. */
  show: (row: Row) => string;
  /** What a program reads; the same unless given. */
  value?: (row: Row) => string;
  align?: "left" | "right";
  /** The one column that gives way when the terminal is narrow. */
  shrinks?: boolean;
}

const GAP = 2;
const NARROWEST = 12;

/** Aligned columns under a heading, in at most `width` cells. Every cell is made safe here. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
  heading: (text: string) => string = (text) => text,
): string[] {
  const cells = rows.map((row) => columns.map((column) => sanitiseLine(column.show(row))));
  const widths = columns.map((column, index) => widestOf([column.name, ...cells.map((row) => row[index] as string)]));
  const total = widths.reduce((sum, each) => sum + each, GAP * (columns.length - 1));
  const shrinking = columns.findIndex(({ shrinks }) => shrinks === true);
  if (total > width && shrinking >= 0) {
    widths[shrinking] = Math.max(NARROWEST, (widths[shrinking] as number) - (total - width));
  }
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => {
        const room = widths[index] as number;
        return pad(clip(text, room), room, columns[index]?.align ?? "left");
      })
      .join(" ".repeat(GAP))
      .trimEnd();
  return [heading(line(columns.map(({ name }) => name))), ...cells.map(line)];
}

/** The same rows for programs: no heading, one tab between columns, the order of the columns never changes. */
export function renderTsv<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  return rows.map((row) => columns.map((column) => sanitiseLine((column.value ?? column.show)(row))).join("\t"));
}

/** Names and values in two columns; a value of several lines hangs under its first. */
export function renderPairs(
  pairs: readonly (readonly [string, string])[],
  indent = 2,
  dim: (text: string) => string = (text) => text,
): string[] {
  const widest = widestOf(pairs.map(([name]) => sanitiseLine(name)));
  const hang = " ".repeat(indent + widest + GAP);
  return pairs.flatMap(([name, value]) => {
    const [first = "", ...rest] = value.split("\n");
    const label = dim(pad(sanitiseLine(name), widest));
    return [
      `${" ".repeat(indent)}${label}${" ".repeat(GAP)}${first}`.trimEnd(),
      ...rest.map((line) => (hang + line).trimEnd()),
    ];
  });
}
