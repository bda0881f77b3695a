import { flow, type Severity, type State, viewSchema } from "./flow.ts";
import type { Incident } from "./incident.ts";

/** The four ways of looking at an incident. */
export const VIEWS = ["performance", "quality", "security", "business"] as const;
/** One of them. */
export type ViewName = (typeof VIEWS)[number];

const ASKS: Record<ViewName, string> = {
  performance: "performance: latency, saturation of CPU, memory, disk and network, queues, capacity",
  quality: "quality: errors, crashes, failed checks, wrong or lost data, a bad release",
  security: "security: attacks, misused logins, leaked secrets, expired certificates, abuse",
  business: "business: which customers cannot do what, orders and payments, promises of service",
};

/** What the fixed rules look for, in the names, labels and words of the alerts. */
const SIGNS: Record<ViewName, RegExp> = {
  performance: /latenc|slow|saturat|cpu|memory|\boom|disk|filesystem|inode|queue|throttl|backlog|capacity/i,
  quality: /error|5xx|fail|crash|restart|probe|\bdown\b|absent|corrupt|replication|release|version=/i,
  security: /login|auth|attack|certificate|\btls\b|secret|intrusion|brute|vulnerab|source_network=/i,
  business: /checkout|payment|order|revenue|customer|\bsl[ao]\b|cart|tier=/i,
};

/** Looks at an incident from one side, by a model or by fixed rules. */
export function viewNode<const Name extends ViewName>(name: Name) {
  return flow.analysis({
    into: name,
    schema: viewSchema,
    prompt: ({ incident }) => ({
      system: `You are on call and read alerts of Prometheus. Say what they mean for ${ASKS[name]}; for nothing else.
Say "info" where they say nothing about it. Do not guess what the alerts do not tell. You decide nothing.`,
      user: incident?.text ?? "",
    }),
    without_model: ({ incident }) => viewByRules(name, incident),
  });
}

function viewByRules(name: ViewName, incident: Incident | null) {
  const sign = SIGNS[name].exec(incident?.text ?? "")?.[0];
  if (incident === null || sign === undefined)
    return { severity: "info" as const, summary: `Nothing in the alerts speaks of ${name}.`, confidence: 0.5 };
  const severity = severityOf(incident.labelled);
  const summary = `${incident.firing} firing (${incident.name}), labelled ${incident.labelled || "nothing"}; "${sign}" speaks of ${name}.`;
  return { severity, summary, confidence: 0.5 };
}

const BY_LABEL: Record<string, Severity> = {
  none: "info",
  info: "info",
  low: "low",
  warning: "medium",
  error: "high",
  high: "high",
  critical: "critical",
  page: "critical",
  emergency: "critical",
};

/** How bad something is by the label of Prometheus' rules; medium where it says nothing that is known. */
export function severityOf(label: string): Severity {
  return BY_LABEL[label.toLowerCase()] ?? "medium";
}

/** What was seen from each side; null where a look failed. */
export function viewsOf(state: State): readonly (readonly [ViewName, State[ViewName]])[] {
  return VIEWS.map((name) => [name, state[name]] as const);
}
