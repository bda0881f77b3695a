import { formatAmount, formatDue, formatSince } from "./format.ts";
import { shortId } from "./id-prefix.ts";
import type { Column } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import type { Review } from "./wire.ts";

const NARROW = 80;

/** The columns of a list of reviews: for a program always the same ones, on a screen those that say something. */
export function reviewColumns(reviews: readonly Review[], { isScreen, columns, now }: Terminal): Column<Review>[] {
  const ids = reviews.map(({ id }) => id);
  const at = now();
  const amount = ({ actions }: Review) => formatAmount(actions[0]?.args);
  const common: Column<Review>[] = [
    { name: "ID", show: ({ id }) => shortId(id, ids), value: ({ id }) => id },
    { name: "TITLE", show: ({ title }) => title, shrinks: true },
    { name: "AMOUNT", show: amount, align: "right" },
  ];
  const graph: Column<Review> = { name: "GRAPH", show: ({ graph_id }) => graph_id };
  const times: Column<Review>[] = [
    { name: "WAITING", show: ({ opened_at }) => formatSince(opened_at, at), value: ({ opened_at }) => opened_at },
    { name: "DUE", show: ({ due_at }) => formatDue(due_at ?? null, at), value: ({ due_at }) => due_at ?? "" },
  ];
  const status: Column<Review> = { name: "STATUS", show: (review) => review.status };
  const risk: Column<Review> = { name: "RISK", show: (review) => review.risk ?? "" };
  if (!isScreen) {
    const people = [(review: Review) => review.assignee ?? "", (review: Review) => review.claim?.by ?? ""];
    return [...common, graph, ...times, status, risk, ...people.map((show) => ({ name: "", show }))];
  }
  const isMixed = new Set(reviews.map((review) => review.status)).size > 1;
  return [
    ...common,
    ...(reviews.some((review) => review.risk != null) ? [risk] : []),
    ...(columns < NARROW ? [] : [graph]),
    ...times,
    ...(reviews.some((review) => whose(review) !== "") ? [{ name: "WHOSE", show: whose }] : []),
    ...(isMixed ? [status] : []),
  ];
}

function whose({ claim, assignee }: Review): string {
  return claim == null ? (assignee ?? "") : `${claim.by} (claimed)`;
}
