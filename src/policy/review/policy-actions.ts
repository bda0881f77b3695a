import type { DecisionType, Flavour, ReviewAction } from "../../protocol/interrupt.ts";
import type { ReviewPolicy } from "../../protocol/review-policy.ts";
import { validateAgainst } from "./json-schema.ts";

/** The actions of a question as they may be decided under a policy: with the answers it adds, less what it takes. */
export function actionsUnder(
  policy: Pick<ReviewPolicy, "answers" | "limits">,
  flavour: Flavour,
  actions: readonly ReviewAction[],
): ReviewAction[] {
  return actions.map((action) => {
    const offered = withAnswers(action, flavour, policy.answers);
    const limit = policy.limits?.find((one) => one.action === action.index);
    if (limit === undefined) return offered;
    const { editable_paths } = limit;
    const allowed = offered.allowed.filter((type) => limit.allowed.includes(type));
    const narrowed = { ...offered, allowed, ...(editable_paths === null ? {} : { editable_paths }) };
    // The schema is that of the arguments; where a response is all that is left it would be taken for the response's.
    if (isRespondOnly(offered) || !isRespondOnly(narrowed)) return narrowed;
    const { args_schema: _arguments, ...left } = narrowed;
    return left;
  });
}

function isRespondOnly({ allowed }: ReviewAction): boolean {
  return allowed.every((type) => type === "respond");
}

/** A plain interrupt() takes any JSON; approve and reject are offered where the policy says which JSON they are. */
export function withAnswers(action: ReviewAction, flavour: Flavour, answers: ReviewPolicy["answers"]): ReviewAction {
  if (answers === null || (flavour !== "raw" && flavour !== "schema")) return action;
  // What the graph's own schema refuses would only fail once somebody has clicked.
  const meant = (["approve", "reject"] as const).filter((type) => {
    const value = answers[type];
    return value !== undefined && validateAgainst(action.args_schema, value, "").length === 0;
  });
  if (meant.length === 0) return action;
  const { args_schema, ...rest } = action;
  const given = (type: "approve" | "reject") => JSON.stringify(answers[type]);
  const preview = [
    ...(meant.includes("approve") ? [`The node "${action.name}" is given ${given("approve")}.`] : []),
    ...(meant.includes("reject") ? [`A rejection gives it ${given("reject")}.`] : []),
    "Any other value you send is given as it is.",
  ];
  return {
    ...rest,
    allowed: [...meant, ...action.allowed] satisfies DecisionType[],
    ...(args_schema === undefined ? {} : { response_schema: args_schema }),
    preview: preview.join(" "),
  };
}
