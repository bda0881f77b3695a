import { CATALOGUE } from "./catalogue.ts";
import { approvalSchema, flow, type State, type Step } from "./flow.ts";
import { order } from "./orders.ts";
import { viewsOf } from "./views.ts";

/** Asks about what is destructive, and orders what was approved: as proposed, or less of it. */
export const approve = flow.reviewNode({
  into: "approval",
  action: "runbook.order",
  key: "mitigation",
  schema: approvalSchema,
  // A reviewer leaves steps out; what nobody has proposed cannot be put in.
  bounds: ({ destructive }) =>
    approvalSchema.refine(({ steps }) => steps.every((step) => destructive.some((one) => isSame(one, step))), {
      path: ["steps"],
      message: "only the proposed steps can be taken, or fewer of them",
    }),
  allowed: ["approve", "edit", "reject"],
  editable_paths: ["/steps"],
  risk: "high",
  due: "4h",
  propose(state) {
    const { destructive, incident, severity, ticket } = state;
    if (destructive.length === 0 || incident === null) return null;
    return {
      title: `${destructive.length} destructive ${destructive.length === 1 ? "step" : "steps"} for ${incident.name} (${severity})`,
      description: descriptionOf(state),
      preview: destructive
        .map(({ action, target }) => `${target}: ${CATALOGUE[action].does}`)
        .join(" ")
        .slice(0, 500)
        .toWellFormed(),
      args: { steps: destructive },
      terms: {
        priority: severity === "critical" ? 90 : 70,
        evidence: [
          ...incident.sources
            .filter(({ url }) => url !== "")
            .map(({ label, url }) => ({ kind: "url" as const, label, ref: url })),
          { kind: "state_path", label: `ticket ${ticket?.number ?? "?"}`, ref: "/ticket" },
          { kind: "state_path", label: "what was weighed", ref: "/weighed" },
        ],
      },
    };
  },
  async execute({ steps }, state) {
    const done = await order(steps, state.ticket, " (a person has agreed)");
    return { orders: [...state.orders, ...done] };
  },
  on: { approve: "tell", edit: "tell", reject: "tell" },
  otherwise: "tell",
});

const isSame = (one: Step, other: Step) =>
  one.action === other.action && one.target === other.target && one.why === other.why;

// Fenced: what it quotes was written by others, and is no markdown of ours.
function descriptionOf(state: State): string {
  const lines = [
    ...state.destructive.map(
      ({ action, target, why }) => `${action} on ${target}: ${CATALOGUE[action].does} Why: ${why}`,
    ),
    "",
    ...viewsOf(state).map(([name, view]) => `${name}: ${view === null ? "unknown" : view.value.summary}`),
    ...(state.dropped.length === 0 ? [] : ["", ...state.dropped.map((text) => `left out: ${text}`)]),
    "",
    state.incident?.text ?? "",
  ];
  const quoted = lines.join("\n").replaceAll("`", "'").slice(0, 8_000).toWellFormed();
  return `Nothing is touched by approving: the steps are written on the ticket for whoever is on call.\n\n\`\`\`\n${quoted}\n\`\`\``;
}
