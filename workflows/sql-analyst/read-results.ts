import { analysis, validation } from "holdpoint";
import { ofState, type State } from "./flow.ts";
import { recognise } from "./known-questions.ts";
import { queriesOf, rowsOf } from "./run-queries.ts";
import { type Reading, readingSchema } from "./state.ts";

const MOST_ROWS_SHOWN = 60;
const MOST_ROWS_TOLD = 10;
const MOST_READINGS = 2;

const SYSTEM = `You say what results of database queries answer a question. You never write a number yourself: give each cell you
need a name in values, compute ratios, shares, sums and growth in calculations (+ - * / ^, parentheses, round(x, places), sum,
avg, min, max over the names of values, each rounded), and write claims with names in braces: "Sales grew by {growth} %."
Only numbers that stand in the question may stand in a claim as they are. Queries and rows count from 0.
Say no more than the results do. If they do not answer the question, say so in a claim and be unsure.`;

/** Says what the results mean, with a name where each number will stand. */
export const readResults = analysis({
  into: "reading",
  schema: readingSchema,
  prompt: (state: State) => ({ system: SYSTEM, user: taskOf(state) }),
  without_model: (state) => readingByRules(state),
});

function taskOf(state: State): string {
  const results = queriesOf(state).map(({ purpose, sql }, index) => {
    const found = rowsOf(state.results[index]);
    const columns = found?.columns.map(({ name }) => name);
    const rows = found?.rows.slice(0, MOST_ROWS_SHOWN);
    return JSON.stringify({ query: index, purpose, sql, columns, rows, row_count: found?.row_count });
  });
  const uncomputed = state.calculations.flatMap(({ error }) => (error === null ? [] : [error.message]));
  const wrong = [...state.misreadings.map(({ text }) => text), ...uncomputed].map((text) => `- ${text}`);
  const before =
    wrong.length === 0 || state.reading === null
      ? []
      : [`You said before: ${JSON.stringify(state.reading.value)}`, `What is wrong with it:\n${wrong.join("\n")}`];
  return [`Question: ${state.question}`, `Results:\n${results.join("\n")}`, ...before].join("\n\n");
}

/** What the rules say of a question that they know and, of any other, the first rows as they are. */
function readingByRules(state: State): Reading {
  const found = recognise(state.question);
  const rows = rowsOf(state.results[0])?.rows ?? [];
  // A query that somebody has written or edited may have other columns than the rule's own.
  const isOwn = found !== undefined && queriesOf(state)[0]?.sql === found.query.sql;
  if (isOwn && rows.length > 0) return { ...found.known.read(rows), confidence: 1 };
  return { ...rowsAsTheyAre(state), confidence: 0.5 };
}

function rowsAsTheyAre(state: State): Omit<Reading, "confidence"> {
  const claims: string[] = [];
  const values = queriesOf(state).flatMap((_, query) => {
    const found = rowsOf(state.results[query]);
    const columns = found?.columns.slice(0, 4) ?? [];
    return (found?.rows.slice(0, MOST_ROWS_TOLD) ?? []).flatMap((_, row) => {
      const cells = columns.map(({ name: column }, index) => ({
        name: `q${query}_r${row}_c${index}`,
        query,
        row,
        column,
      }));
      claims.push(cells.map(({ name }) => `{${name}}`).join(", "));
      return cells;
    });
  });
  return {
    values,
    calculations: [],
    claims: claims.length === 0 ? ["The queries found nothing."] : claims.slice(0, 20),
  };
}

/** Looks whether every number of the answer comes from a result; if not, the results are read once more. */
export const checkReading = validation({
  value: (state: State) => state,
  rules: [
    {
      name: "unknown_cell",
      text: "a value names a cell that there is not",
      severity: "high",
      check: ofState((state) => {
        const missing = (state.reading?.value.values ?? []).filter((cell) => cellOf(state, cell) === undefined);
        return missing.map(({ name, query, row, column }) => ({
          text: `{${name}} is query ${query}, row ${row}, column "${column}", which is not in the results`,
        }));
      }),
    },
    {
      name: "unknown_name",
      text: "a claim names a value that there is not",
      severity: "high",
      check: ofState(({ reading }) => {
        const { values, calculations, claims } = reading?.value ?? NO_READING;
        const names = [...values, ...calculations].map(({ name }) => name);
        const twice = names.filter((name, place) => names.indexOf(name) !== place);
        const unknown = claims.flatMap(namesIn).filter((name) => !names.includes(name));
        return [
          ...twice.map((name) => ({ text: `{${name}} is named twice` })),
          ...unknown.map((name) => ({ text: `{${name}} is not named` })),
        ];
      }),
    },
    {
      name: "number_without_source",
      text: "a claim holds a number that comes from no result",
      severity: "high",
      check: ofState(({ question, reading }) => {
        const known = new Set(numbersIn(question));
        const written = (reading?.value.claims ?? []).map((claim) => claim.replaceAll(/\{[^}]*\}/g, " "));
        const strange = written.flatMap(numbersIn).filter((number) => !known.has(number));
        return strange.map((number) => ({
          text: `the number ${number} stands in a claim; name its cell or compute it`,
        }));
      }),
    },
  ],
  into: "misreadings",
  thresholds: [{ severity: "high", to: "read_again" }],
  otherwise: "calculate",
});

const NO_READING: Pick<Reading, "values" | "calculations" | "claims"> = { values: [], calculations: [], claims: [] };

/** Whether results that were misread may be read once more. */
export function mayReadAgain({ readings, reading }: State): boolean {
  return reading?.method === "model" && readings < MOST_READINGS;
}

/** What stands in place of a reading that cannot be trusted: the rows as they are. */
export function plainReading(state: State): NonNullable<State["reading"]> {
  return {
    value: { ...rowsAsTheyAre(state), confidence: 0.5 },
    method: "rules",
    model: null,
    confidence: 0.5,
    attempts: 0,
    note: "What the model said of the results could not be traced to them, so they are shown as they are.",
    failure: null,
  };
}

/** The text of a cell; undefined where there is none, or nothing in it. */
export function cellOf(
  { results }: State,
  { query, row, column }: { query: number; row: number; column: string },
): string | undefined {
  const found = rowsOf(results[query]);
  const index = found?.columns.findIndex(({ name }) => name === column) ?? -1;
  const cell = index < 0 ? undefined : found?.rows[row]?.[index];
  return cell === undefined
    ? undefined
    : cell === null
      ? "nothing"
      : typeof cell === "object"
        ? JSON.stringify(cell)
        : String(cell);
}

/** The names in braces. */
export function namesIn(claim: string): string[] {
  return [...claim.matchAll(/\{([^}]*)\}/g)].map(([, name]) => name ?? "");
}

function numbersIn(text: string): string[] {
  return [...text.matchAll(/\d+(?:[.,]\d+)*/g)].map(([number]) => number);
}
