/** Who is compared. */
export type Column = "holdpoint" | "official" | "memory" | "dbos" | "mastra";

/** A figure for each of them, or an answer where it is about being right. */
export interface Row {
  what: string;
  /** Milliseconds of network round trip to Postgres. */
  network: number;
  unit: string;
  /** Whether a larger or a smaller figure is the better one. */
  better: "more" | "less";
  figures: Partial<Record<Column, number | string>>;
  /** How many times better than another the first column is expected to be. */
  atLeast?: Partial<Record<Exclude<Column, "holdpoint">, number>>;
}

/** The columns in their order, with their headings. */
export const HEADINGS: Record<Column, string> = {
  holdpoint: "Holdpoint",
  official: "official",
  memory: "MemorySaver",
  dbos: "DBOS",
  mastra: "Mastra",
};

/** How many times better than another the first column did; undefined where either has no figure. */
export function timesBetter({ figures, better }: Row, than: Column): number | undefined {
  const [ours, theirs] = [figures.holdpoint, figures[than]];
  if (typeof ours !== "number" || typeof theirs !== "number" || ours === 0 || theirs === 0) return undefined;
  return better === "more" ? ours / theirs : theirs / ours;
}

/** Prints the rows as one Markdown table. */
export function printTable(rows: readonly Row[]): void {
  const columns = (Object.keys(HEADINGS) as Column[]).filter((column) =>
    rows.some(({ figures }) => figures[column] !== undefined),
  );
  const head = [
    "what",
    "network",
    "unit",
    ...columns.map((column) => HEADINGS[column]),
    "against official",
    "expected",
  ];
  const lines = rows.map((row) => [
    row.what,
    `${row.network} ms`,
    row.unit,
    ...columns.map((column) => written(row.figures[column])),
    times(timesBetter(row, "official")),
    expectation(row),
  ]);
  for (const cells of [head, head.map(() => "---"), ...lines]) console.log(`| ${cells.join(" | ")} |`);
}

function expectation(row: Row): string {
  return Object.entries(row.atLeast ?? {})
    .map(([than, wanted]) => {
      const reached = timesBetter(row, than as Column);
      const goal = than === "memory" ? `${wanted * 100} % of MemorySaver` : `${wanted} × ${HEADINGS[than as Column]}`;
      if (reached === undefined) return `${goal}: not measured`;
      const share = than === "memory" ? `${Math.round(reached * 100)} %` : times(reached);
      return `${goal}: ${reached >= wanted ? "met" : "missed"}, ${share}`;
    })
    .join("; ");
}

const times = (ratio: number | undefined) => (ratio === undefined ? "" : `${short(ratio)} ×`);

function written(figure: number | string | undefined): string {
  return typeof figure === "number" ? short(figure) : (figure ?? "");
}

function short(figure: number): string {
  if (figure >= 100) return Math.round(figure).toLocaleString("en");
  return figure >= 10 ? figure.toFixed(1) : figure.toFixed(2);
}
