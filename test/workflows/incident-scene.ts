import { readFile } from "node:fs/promises";
import { createMemoryNotifications } from "../../src/kit/notifications.ts";
import { createMemoryTickets } from "../../src/kit/tickets.ts";
import { approve, type RunGraphOptions, runGraph } from "../../src/testing.ts";
import type { PostedAlerts } from "../../workflows/incident-triage/alertmanager.ts";
import graph from "../../workflows/incident-triage.ts";

/** One of the examples, as Alertmanager posts it. */
export const example = async (name: string): Promise<PostedAlerts> =>
  JSON.parse(await readFile(new URL(`../../examples/incident-${name}.json`, import.meta.url), "utf8"));

/** Triages a group; the ticket and what was told are kept where tests look. */
export async function triage(input: PostedAlerts, options: RunGraphOptions = {}) {
  const tickets = options.tickets ?? createMemoryTickets();
  const notifications = options.notifications ?? createMemoryNotifications({ to: ["mailto:on-call@example.com"] });
  const run = await runGraph(graph, input, { reviewers: () => approve, ...options, tickets, notifications });
  const kept = tickets as ReturnType<typeof createMemoryTickets>;
  return { ...run, tickets: kept, told: (notifications as ReturnType<typeof createMemoryNotifications>).sent };
}

/** What was ordered, in words. */
export const steps = (orders: readonly { action: string; target: string }[]) =>
  orders.map(({ action, target }) => `${action} on ${target}`);

/** What a model sees. */
export const view = { severity: "high", summary: "It is slow.", confidence: 0.9 };
/** What a model drafts: one claim points at nothing that there is, and one at nothing. */
export const DRAFT = {
  summary: [{ text: "Checkout was slow.", sources: ["A1", "V1"] }],
  impact: [{ text: "Customers left.", sources: ["A99"] }],
  causes: [{ text: "Perhaps the database.", sources: [] }],
  follow_ups: [{ text: "Look at the ticket.", sources: ["T1"] }],
  confidence: 0.8,
};

/** A model that says these things; the four views run side by side, so their answers are alike. */
export function scripted({
  plan,
  views = [view, view, view, view],
  draft = DRAFT,
}: {
  plan: object;
  views?: object[];
  draft?: object;
}) {
  return [...views, plan, draft].map((json) => ({ json }));
}
