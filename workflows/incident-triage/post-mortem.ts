import { ticketUpdate } from "holdpoint";
import { type Claim, draftSchema, flow, type State, type Update } from "./flow.ts";
import type { Incident } from "./incident.ts";
import { viewsOf } from "./views.ts";

const attach = ticketUpdate({ name: "ticket_attach" });

interface Source {
  id: string;
  label: string;
  url: string;
}

/** All that a claim may point at. */
function sourcesOf(state: State): Source[] {
  const { incident, ticket, approval } = state;
  return [
    ...(incident?.sources ?? []),
    ...viewsOf(state).flatMap(([name, view], index) =>
      view === null ? [] : [{ id: `V${index + 1}`, label: `${name} analysis, by ${view.method}`, url: "" }],
    ),
    ...(ticket === null ? [] : [{ id: "T1", label: `ticket ${ticket.number}`, url: "" }]),
    ...(approval?.decision == null ? [] : [{ id: "R1", label: "the review of the destructive steps", url: "" }]),
  ];
}

/** Drafts the post-mortem: by a model, or by fixed rules. */
export const draft = flow.analysis({
  into: "draft",
  schema: draftSchema,
  prompt: (state) => ({
    system: `Draft a blameless post-mortem. Each claim names the ids of its sources; what has no source is left out.
Causes are guesses: say so. The sources are: ${sourcesOf(state)
      .map(({ id, label }) => `${id} (${label})`)
      .join(", ")}`,
    user: [
      state.incident?.text ?? "",
      ...viewsOf(state).map(([, view], index) => `V${index + 1}: ${view?.value.summary ?? "unknown"}`),
      ordersText(state),
    ].join("\n"),
  }),
  without_model: draftByRules,
});

const ordersText = ({ orders }: State) =>
  orders.length === 0
    ? "Nothing was ordered."
    : `Ordered: ${orders.map(({ action, target }) => `${action} on ${target}`).join(", ")}.`;

function draftByRules(state: State) {
  const incident = state.incident as Incident;
  const alerts = incident.sources.filter(({ id }) => id.startsWith("A")).map(({ id }) => id);
  const seen = viewsOf(state).flatMap(([name, view], index) =>
    view === null || view.value.severity === "info"
      ? []
      : [{ text: `${name}: ${view.value.summary}`, sources: [`V${index + 1}`] }],
  );
  return {
    summary: [
      {
        text: `${incident.firing} alerts of ${incident.name} fire since ${incident.started_at}.`,
        sources: alerts.slice(0, 10),
      },
    ],
    impact: seen,
    causes: [],
    follow_ups: [{ text: `${ordersText(state)} Say what came of it.`, sources: ["T1"] }],
    confidence: 0.5,
  };
}

const PARTS = [
  ["summary", "Summary"],
  ["impact", "Impact"],
  ["causes", "Possible causes"],
  ["follow_ups", "What to do next"],
] as const;

/** Puts the draft on the ticket. What points at nothing that there is, is left out and counted. */
export async function finish(state: State): Promise<Update> {
  const { incident, draft: drafted, ticket, severity, score, orders, notification } = state;
  if (incident === null || ticket === null) throw new Error("finish was reached without a ticket");
  const sources = sourcesOf(state);
  const known = new Set(sources.map(({ id }) => id));
  let unsourced = 0;
  const claims = (list: readonly Claim[]) => {
    const kept = list.filter(({ sources: named }) => named.length > 0 && named.every((id) => known.has(id)));
    unsourced += list.length - kept.length;
    return kept.length === 0
      ? ["Nothing that can be checked."]
      : kept.map(({ text, sources: named }) => `- ${text.toWellFormed()} [${named.join(", ")}]`);
  };
  const body = PARTS.flatMap(([key, title]) => ["", `## ${title}`, "", ...claims(drafted?.value[key] ?? [])]);
  const postmortem = [
    `# Post-mortem, a draft: ${incident.name}`,
    "",
    drafted?.note ?? "Nobody has drafted it.",
    `Severity ${severity}, score ${score}.`,
    ...body,
    ...(unsourced === 0 ? [] : ["", `${unsourced} claims were left out: their sources are not there.`]),
    "",
    "## Sources",
    "",
    ...sources.map(({ id, label, url }) => `- ${id}: ${label}${url === "" ? "" : ` ${url}`}`),
  ].join("\n");
  await attach.call({ number: ticket.number, comment: postmortem });
  const told = notification?.problem == null ? "people were told" : "nobody could be told";
  const answer = `Ticket ${ticket.number}: ${incident.name} is ${severity}; ${orders.length} steps were ordered, ${told}.`;
  return { postmortem, outcome: "triaged", answer };
}

/** The last words about a group of which nothing fires any more. */
export function finishResolved({ incident, ticket }: State): Update {
  const closed = ticket === null ? "there was no ticket to close" : `ticket ${ticket.number} is closed`;
  return { answer: `${incident?.name ?? "It"} is resolved; ${closed}.` };
}
