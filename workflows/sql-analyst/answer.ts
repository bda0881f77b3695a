import { toolNode } from "holdpoint";
import type { State } from "./flow.ts";
import { cellOf, namesIn } from "./read-results.ts";
import { queriesOf, rowsOf } from "./run-queries.ts";
import { compute } from "./shop.ts";
import type { Answer } from "./state.ts";

const NUMBER = /^-?\d+(?:\.\d+)?$/;
const MOST_PLACES = 6;

/** Computes what the claims state beside what was read. */
export const calculate = toolNode<State>({
  tools: [compute],
  into: "calculations",
  calls: (state) => {
    const variables = Object.fromEntries(
      (state.reading?.value.values ?? []).flatMap(({ name, ...cell }) => {
        const text = cellOf(state, cell);
        return text !== undefined && NUMBER.test(text) ? [[name, text]] : [];
      }),
    );
    return (state.reading?.value.calculations ?? []).map(({ expression }) => ({
      tool: compute.name,
      args: { expression, variables: usedIn(expression, variables) },
    }));
  },
});

/** The answer: each claim with its values, and where each of them comes from. */
export function answerOf(state: State): Answer {
  const { draft, reading } = state;
  const known = valuesOf(state);
  const claims = (reading?.value.claims ?? []).map((claim) => {
    const values = [...new Set(namesIn(claim))].flatMap((name) => known.get(name) ?? []);
    const text = claim.replaceAll(/\{([^}]*)\}/g, (_, name: string) => known.get(name)?.value ?? "?");
    const queries = [...new Set(values.flatMap(({ source }) => queriesIn(source, known)))].sort();
    return { text, values, queries };
  });
  const queries = queriesOf(state).map((query, index) => {
    const found = rowsOf(state.results[index]);
    return {
      ...query,
      row_count: found?.row_count ?? 0,
      truncated: found?.truncated ?? false,
      call_id: state.results[index]?.call_id ?? "",
      from: state.results[index]?.from ?? ("live" as const),
    };
  });
  const cut = queries.some(({ truncated }) => truncated) ? ["Not all rows were read: there are more than 200."] : [];
  const method = draft?.method === "model" || reading?.method === "model" ? "model" : "rules";
  const notes = [draft?.note, reading?.note === draft?.note ? undefined : reading?.note, ...cut];
  return {
    // The queries are numbered from 1, as in the list of them.
    text: claims.map(({ text, queries }) => [text, ...queries.map((query) => `[${query + 1}]`)].join(" ")).join("\n"),
    claims,
    queries,
    method,
    note: notes.filter((note) => note !== undefined).join(" "),
  };
}

type Value = Answer["claims"][number]["values"][number];

function valuesOf(state: State): Map<string, Value> {
  const { values = [], calculations = [] } = state.reading?.value ?? {};
  const cells = values.map(({ name, ...cell }): Value => {
    return { name, value: cellOf(state, cell) ?? "?", source: { kind: "cell", ...cell } };
  });
  const computed = calculations.map(({ name, expression }, index): Value => {
    const outcome = state.calculations[index];
    const result = outcome?.ok ? (outcome.result as { value: string }).value : undefined;
    const of = values.map((value) => value.name).filter((value) => new RegExp(`\\b${value}\\b`).test(expression));
    return { name, value: shortened(result), source: { kind: "calculation", expression, of } };
  });
  return new Map([...cells, ...computed].map((value) => [value.name, value]));
}

function queriesIn(source: Value["source"], known: ReadonlyMap<string, Value>): number[] {
  if (source.kind === "cell") return [source.query];
  return source.of.flatMap((name) => {
    const of = known.get(name)?.source;
    return of?.kind === "cell" ? [of.query] : [];
  });
}

// What was not rounded has up to sixty places, of which an answer needs a few.
function shortened(value: string | undefined): string {
  if (value === undefined) return "(cannot be computed)";
  const [whole = "", places = ""] = value.split(".");
  return places.length <= MOST_PLACES ? value : `${whole}.${places.slice(0, MOST_PLACES)}…`;
}

function usedIn(expression: string, variables: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => new RegExp(`\\b${name}\\b`).test(expression)));
}

/** The answer where there is none: why, in one sentence. */
export function declined(state: State): { outcome: "declined" | "rejected"; answer: Answer } {
  const { approval, plan, draft, results, findings } = state;
  const empty = { claims: [], queries: [], method: plan?.method ?? ("rules" as const), note: plan?.note ?? "" };
  if (approval?.decision?.type === "reject") {
    const why = approval.decision.message === null ? "" : ` ${approval.decision.message}`;
    return { outcome: "rejected", answer: { ...empty, text: `A person decided not to run the queries.${why}` } };
  }
  if (plan?.method === "rules" && !plan.value.answerable)
    return { outcome: "declined", answer: { ...empty, text: noModel(state) } };
  if (plan !== null && !plan.value.answerable) {
    return {
      outcome: "declined",
      answer: { ...empty, text: `The shop's data cannot tell. ${plan.value.steps}`.trim() },
    };
  }
  const wrong = [...results.map(({ error }) => error?.message), ...findings.map(({ text }) => text)].find(Boolean);
  const note = draft?.note ?? empty.note;
  return {
    outcome: "declined",
    answer: { ...empty, note, text: `No query answers this: ${wrong ?? "none could be written"}` },
  };
}

function noModel({ plan }: State): string {
  const known = "the best customers, genres and artists, revenue by country and by year, and the average invoice";
  const why = plan?.failure === null ? "No model is configured (OPENAI_API_KEY)" : "The model could not be used";
  return `${why}, and fixed rules answer only questions about ${known}.`;
}
