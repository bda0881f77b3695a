/** One line of the table: what was measured, the figure, and what is expected of it. */
export interface Row {
  what: string;
  figure: string;
  expected: string;
}

/** Prints the rows as a Markdown table. */
export function printTable(rows: readonly Row[]): void {
  console.log("| what | figure | expected |\n|---|---|---|");
  for (const { what, figure, expected } of rows) console.log(`| ${what} | ${figure} | ${expected} |`);
}

/** The value that `share` of the samples do not exceed. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
}

/** Milliseconds, with one digit unless more are wanted. */
export const ms = (value: number, digits = 1): string => `${value.toFixed(digits)} ms`;
