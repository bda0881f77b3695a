import { type CanonicalDecision, type Decision, decisionSchema } from "../../protocol/decision.ts";
import type { Checked, Fault } from "../../protocol/fault.ts";
import type { Flavour, ReviewAction } from "../../protocol/interrupt.ts";
import type { Json } from "../../protocol/json.ts";
import type { ReviewOutcome } from "../../protocol/review.ts";
import { changedPaths } from "./diff.ts";
import { validateAgainst } from "./json-schema.ts";

/** Gives every decision its action's index and one order, so that equal answers are equal bytes. */
export function canonicalDecisions(decisions: readonly Decision[], actionCount: number): Checked<CanonicalDecision[]> {
  const faults: Fault[] = [];
  const seen = new Set<number>();
  const canonical = decisions.map((decision, position): CanonicalDecision => {
    const pointer = `/decisions/${position}/action`;
    const action = decision.action ?? (actionCount === 1 ? 0 : -1);
    if (action === -1)
      faults.push({
        pointer,
        message: `say which of the ${actionCount} actions this decides (0 to ${actionCount - 1})`,
      });
    else if (action >= actionCount)
      faults.push({ pointer, message: `there is no action ${action}; the review has ${actionCount}` });
    else if (seen.has(action)) faults.push({ pointer, message: `action ${action} is decided twice` });
    seen.add(action);
    return { ...decision, action };
  });
  for (let action = 0; action < actionCount; action += 1) {
    if (faults.length === 0 && !seen.has(action))
      faults.push({ pointer: "/decisions", message: `action ${action} is not decided` });
  }
  if (faults.length > 0) return { ok: false, faults };
  return { ok: true, value: canonical.toSorted((a, b) => a.action - b.action) };
}

/** Checks each decision against what its action allows: the type, the edited arguments' schema, the editable paths. */
export function checkDecisions(decisions: readonly CanonicalDecision[], actions: readonly ReviewAction[]): Fault[] {
  return decisions.flatMap((decision, position) => {
    const action = actions[decision.action];
    if (action === undefined)
      return [{ pointer: `/decisions/${position}/action`, message: `there is no action ${decision.action}` }];
    return checkDecision(decision, action, `/decisions/${position}`);
  });
}

function checkDecision(decision: CanonicalDecision, action: ReviewAction, pointer: string): Fault[] {
  if (!action.allowed.includes(decision.type)) {
    return [
      {
        pointer: `${pointer}/type`,
        message: `"${decision.type}" is not offered here; allowed: ${action.allowed.join(", ")}`,
      },
    ];
  }
  if (decision.type === "edit") {
    const bySchema = validateAgainst(action.args_schema, decision.args, `${pointer}/args`);
    if (bySchema.length > 0 || action.editable_paths === undefined) return bySchema;
    const editable = action.editable_paths;
    return changedPaths(action.args as Json, decision.args)
      .filter((path) => !editable.some((allowed) => path === allowed || path.startsWith(`${allowed}/`)))
      .map((path) => ({
        pointer: `${pointer}/args${path}`,
        message: `may not be changed; editable: ${editable.join(", ")}`,
      }));
  }
  // Where a response is the only answer, the schema is the response's; beside approve or edit it is the arguments'.
  if (decision.type === "respond" && action.allowed.every((type) => type === "respond")) {
    return validateAgainst(action.args_schema, decision.value ?? decision.message, `${pointer}/value`);
  }
  return [];
}

/** Reads the value of a LangGraph `command.resume` as decisions on a pause of this flavour. */
export function decisionsFromResume(flavour: Flavour, resume: unknown): Checked<Decision[]> {
  switch (flavour) {
    case "raw":
    case "schema":
      return { ok: true, value: [{ type: "respond", value: (resume ?? null) as Json }] };
    case "breakpoint":
      return { ok: true, value: [{ type: "approve" }] };
    case "review": {
      const parsed = decisionSchema
        .array()
        .min(1)
        .max(100)
        .safeParse(isRecord(resume) ? resume["decisions"] : undefined);
      if (parsed.success) return { ok: true, value: parsed.data };
      return {
        ok: false,
        faults: [
          {
            pointer: "/command/resume/decisions",
            message: 'expected {"decisions": [{"type": "approve" | "edit" | "reject" | "respond", …}]}',
          },
        ],
      };
    }
  }
}

/** What the graph receives from `interrupt()`; undefined for a breakpoint, which takes no answer. */
export function answerForGraph(
  flavour: Flavour,
  value_digest: string,
  decisions: readonly CanonicalDecision[],
): Json | undefined {
  switch (flavour) {
    case "review":
      return { value_digest, decisions: decisions as unknown as Json[] };
    case "raw":
    case "schema": {
      const first = decisions[0];
      return first?.type === "respond" ? (first.value ?? first.message ?? null) : null;
    }
    case "breakpoint":
      return undefined;
  }
}

/** The word for what was decided. */
export function outcomeOf(decisions: readonly CanonicalDecision[]): ReviewOutcome {
  const words = { approve: "approved", edit: "edited", reject: "rejected", respond: "responded" } as const;
  const outcomes = new Set(decisions.map((decision) => words[decision.type]));
  const [only] = outcomes;
  return outcomes.size === 1 && only !== undefined ? only : "mixed";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
