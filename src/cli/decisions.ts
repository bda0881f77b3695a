// What a person wants, as the decisions of a whole review. A review is decided in one go: where it has several actions,
// the ones that were not named need an answer too, and nothing is ever guessed.
import type { Decision } from "../protocol/decision.ts";
import type { ReviewAction } from "../protocol/interrupt.ts";
import { CommandError, usageError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import { sanitiseLine } from "./sanitise.ts";
import type { Review } from "./wire.ts";

/** Which actions a command is about. */
export interface ActionChoice {
  /** `--action`: the one action. */
  action?: string | undefined;
  /** `--rest`: what happens to the others. */
  rest?: string | undefined;
}

/** The action that `--action` names, or the only one. */
export function chosenAction(review: Review, { action }: ActionChoice): ReviewAction {
  if (action !== undefined) {
    const index = /^\d{1,3}$/.test(action) ? Number(action) : -1;
    const chosen = review.actions.find((each) => each.index === index);
    if (chosen !== undefined) return chosen;
    throw usageError(`there is no action ${sanitiseLine(action)}: ${actionNames(review)}`);
  }
  const [only, ...others] = review.actions;
  if (only !== undefined && others.length === 0) return only;
  throw usageError(
    `this review asks about ${review.actions.length} actions, say which with --action: ${actionNames(review)}`,
  );
}

/** The actions a command decides alike: the one of `--action`, else all of them. */
export function chosenActions(review: Review, choice: ActionChoice): readonly ReviewAction[] {
  return choice.action === undefined ? review.actions : [chosenAction(review, choice)];
}

/** The decisions of the whole review: `decide` for the chosen actions, `--rest` for the others. */
export function decisionsOf(
  review: Review,
  chosen: readonly ReviewAction[],
  decide: (action: ReviewAction) => Decision,
  { rest }: ActionChoice,
): Decision[] {
  const others = review.actions.filter((action) => !chosen.includes(action));
  if (others.length > 0 && rest !== "approve" && rest !== "reject") {
    throw new CommandError(
      EXIT.invalid,
      `this review is decided as a whole: say what happens to ${others.map(nameOf).join(", ")} with --rest approve or --rest reject`,
    );
  }
  return review.actions.map((action) => {
    if (chosen.includes(action)) return { ...decide(action), action: action.index };
    return rest === "approve" ? { type: "approve", action: action.index } : { type: "reject", action: action.index };
  });
}

/** Refuses before anything is asked or sent what the review does not offer; the server checks the same again. */
export async function checkOffered(review: Review, decisions: readonly Decision[]): Promise<void> {
  // Loaded only here: compiling schemas is the slowest part of the program.
  const { canonicalDecisions, checkDecisions } = await import("../policy/review/normalise.ts");
  const canonical = canonicalDecisions(decisions, review.actions.length);
  const faults = canonical.ok ? checkDecisions(canonical.value, review.actions) : canonical.faults;
  if (faults.length === 0) return;
  const lines = faults.map(({ pointer, message }) => sanitiseLine(`${shortPointer(pointer)}: ${message}`));
  throw new CommandError(EXIT.invalid, `this cannot be decided so: ${lines.join("\n  ")}`);
}

function shortPointer(pointer: string): string {
  const inner = pointer.replace(/^\/decisions(\/\d+)?\/?/, "").replaceAll("/", ".");
  return inner.replace(/^args\./, "") || "the decision";
}

function actionNames(review: Review): string {
  return review.actions.map(nameOf).join(", ");
}

function nameOf(action: ReviewAction): string {
  return `${action.index} (${sanitiseLine(action.name)})`;
}
