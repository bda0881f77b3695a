import type { Column, Row } from "./row.ts";

/** Collects what was measured of one piece of work into rows, one for each thing that was measured. */
export interface Figures {
  add(what: string, unit: string, of: { column: Column }, figure: number): void;
  rows(expected?: Record<string, Row["atLeast"]>): Row[];
}

/** Figures where less is better, of this work at this network latency. */
export function collectFigures(work: string, network: number): Figures {
  const rows = new Map<string, Row>();
  return {
    add(what, unit, { column }, figure) {
      const row = rows.get(what) ?? { what: `${work}: ${what}`, network, unit, better: "less", figures: {} };
      row.figures[column] = figure;
      rows.set(what, row);
    },
    rows(expected = {}) {
      return [...rows].map(([what, row]) => {
        const atLeast = expected[what];
        return atLeast === undefined ? row : { ...row, atLeast };
      });
    },
  };
}
