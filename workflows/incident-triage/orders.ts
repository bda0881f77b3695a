import { ticket, ticketUpdate } from "holdpoint";
import { CATALOGUE } from "./catalogue.ts";
import { flow, type State, type Step, type Update } from "./flow.ts";
import { viewsOf } from "./views.ts";

const openTicket = ticket();
const closeTicket = ticketUpdate({ name: "ticket_close" });
/** Touches no machine: it writes on the ticket what whoever is on call is to do. A tool of one's own takes its place. */
const runbook = ticketUpdate({ name: "runbook_order" });

/** Opens the ticket, or finds the open one of this group, and lets nothing go on without. */
export async function record(state: State): Promise<Update> {
  const { incident, severity, weighed } = state;
  if (incident === null) throw new Error("record was reached without an incident");
  const opened = await openTicket.call({
    title: `${incident.name}: ${incident.firing} firing`.slice(0, 200).toWellFormed(),
    body: [
      `Severity: ${severity} (score ${state.score})`,
      ...weighed.map(({ text }) => `- ${text}`),
      "",
      ...viewsOf(state).map(
        ([name, view]) => `${name}: ${view === null ? "unknown" : `${view.value.summary} (${view.method})`}`,
      ),
      "",
      incident.text,
    ].join("\n"),
    severity,
    labels: ["incident", severity],
    about: incident.about,
  });
  return { ticket: { number: opened.number, is_new: opened.is_new } };
}

/** Orders steps that nobody has to be asked about. */
export async function orderHarmless({ harmless, ticket: kept }: State): Promise<Update> {
  return { orders: await order(harmless, kept, "") };
}

/** Orders steps; each is on the ticket once, however often the node is run. */
export async function order(steps: readonly Step[], kept: State["ticket"], by: string): Promise<Step[]> {
  for (const [index, { action, target, why }] of steps.entries()) {
    if (kept === null) throw new Error("there is no ticket to write on");
    const comment = `To do${by}: ${action} on ${target}. ${CATALOGUE[action].does} Why: ${why}`;
    await runbook.call({ number: kept.number, comment }, { key: `runbook_order:${index}` });
  }
  return [...steps];
}

/** Closes the ticket of a group of which nothing fires any more. */
export async function resolve({ incident }: State): Promise<Update> {
  if (incident === null) throw new Error("resolve was reached without an incident");
  const comment = `Resolved: ${incident.resolved} alerts of ${incident.name} no longer fire.`;
  const closed = await closeTicket.call({ about: incident.about, comment, status: "closed" });
  const kept = closed.found && closed.number !== undefined ? { number: closed.number, is_new: false } : null;
  return { ticket: kept, outcome: "resolved" };
}

/** The node that orders what nobody has to be asked about. */
export const harmless = flow.node(orderHarmless);
