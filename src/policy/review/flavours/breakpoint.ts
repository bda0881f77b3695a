import { type FlavourForm, NO_MORE_CHECKS } from "./form.ts";

/** A static breakpoint: it asks nothing, and whatever is sent lets it go on. */
export const breakpoint: FlavourForm = {
  ...NO_MORE_CHECKS,
  question({ asks, node, graph_id }) {
    if (asks) return undefined;
    const preview = `The node "${node}" runs.`;
    return {
      title: `${graph_id}: paused before "${node}"`,
      description: "",
      actions: [{ index: 0, name: node, args: null, allowed: ["approve"], preview }],
      shown: null,
    };
  },
  fromResume: () => ({ ok: true, value: [{ type: "approve" }] }),
  toGraph: () => undefined,
};
