import { approve } from "./incident-triage/approve.ts";
import { flow, type State, type Update } from "./incident-triage/flow.ts";
import { incidentOf } from "./incident-triage/incident.ts";
import { harmless, record, resolve } from "./incident-triage/orders.ts";
import { part, plan } from "./incident-triage/plan.ts";
import { draft, finish, finishResolved } from "./incident-triage/post-mortem.ts";
import { grade, weigh } from "./incident-triage/severity.ts";
import { tell } from "./incident-triage/tell.ts";
import { viewNode } from "./incident-triage/views.ts";

// A thread may be used again: nothing of an earlier group may count for this one.
const NEW_CASE = {
  performance: null,
  quality: null,
  security: null,
  business: null,
  findings: [],
  weighed: [],
  score: 0,
  severity: "info",
  ticket: null,
  plan: null,
  harmless: [],
  destructive: [],
  dropped: [],
  approval: null,
  orders: [],
  notification: null,
  draft: null,
  postmortem: null,
  outcome: null,
  answer: null,
} satisfies Update;

const read = (state: State): Update => ({ ...NEW_CASE, incident: incidentOf(state) });

/**
 * A group of alerts comes in, as Alertmanager posts it. It is looked at from four sides at once and weighed; a ticket says
 * so. What to do comes from a catalogue: what is harmless is ordered at once, about what is destructive a person is asked
 * first. People are told, and a post-mortem is drafted. When nothing fires any more, the ticket is closed.
 */
export default flow.graph({
  nodes: {
    read: flow.node(read),
    triage: flow.route({
      routes: ["views", "resolve"],
      choose: ({ status }) =>
        status === "resolved"
          ? { to: "resolve", reason: "nothing of the group fires any more" }
          : { to: "views", reason: "alerts of the group fire" },
    }),
    views: flow.parallel({
      branches: {
        performance: { run: viewNode("performance") },
        quality: { run: viewNode("quality") },
        security: { run: viewNode("security") },
        business: { run: viewNode("business") },
      },
      into: "findings",
    }),
    weigh,
    grade: flow.node(grade),
    record: flow.node(record),
    choose: plan,
    part: flow.node(part),
    order: harmless,
    approve,
    resolve: flow.node(resolve),
    tell: flow.node(tell),
    after: flow.route({
      routes: ["write", "close"],
      choose: ({ outcome }) =>
        outcome === "resolved"
          ? { to: "close", reason: "it is over" }
          : { to: "write", reason: "there is something to learn from" },
    }),
    write: draft,
    finish: flow.node(finish),
    close: flow.node(finishResolved),
  },
  edges: {
    start: "read",
    read: "triage",
    views: "weigh",
    weigh: "grade",
    grade: "record",
    record: "choose",
    choose: "part",
    part: "order",
    order: "approve",
    resolve: "tell",
    tell: "after",
    write: "finish",
    finish: "end",
    close: "end",
  },
});
