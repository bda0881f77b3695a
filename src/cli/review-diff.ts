import type { ReviewAction } from "../protocol/interrupt.ts";
import type { Json } from "../protocol/json.ts";
import type { Api } from "./api.ts";
import { changeLines, changesBetween } from "./difference.ts";
import { readReview } from "./find-review.ts";
import { shortId } from "./id-prefix.ts";
import { sanitiseLine } from "./sanitise.ts";
import type { Terminal } from "./terminal.ts";
import type { Review } from "./wire.ts";

/** What was changed: by whoever edited it, and by the graph since it was sent back to it. */
export async function diffLines(api: Api, review: Review, terminal: Terminal): Promise<string[]> {
  const { bold } = terminal.colours;
  const edited = review.actions.flatMap((action) => {
    const args = decidedArgs(review, action);
    return args === undefined ? [] : actionLines(action, action.args, args, terminal);
  });
  const before = review.revises == null ? undefined : await readReview(api, review.revises);
  const revised = before === undefined ? [] : revisionLines(before, review, terminal);
  if (edited.length === 0 && before === undefined)
    return ["there is nothing to compare it with: it was not edited, and it is the first of its kind"];
  const unchanged = ["  nothing in its arguments"];
  return [
    ...(before === undefined
      ? []
      : [bold(`changed since review ${shortId(before.id)}`), ...(revised.length === 0 ? unchanged : revised)]),
    ...(edited.length === 0 ? [] : [bold("changed by the decision"), ...edited]),
  ];
}

function revisionLines(before: Review, { actions }: Review, terminal: Terminal): string[] {
  const gone = before.actions.filter(({ index }) => !actions.some((action) => action.index === index));
  return [
    ...actions.flatMap((action) => {
      const old = before.actions.find(({ index }) => index === action.index);
      if (old === undefined) return [sanitiseLine(`  added    ${action.name}`)];
      const renamed = old.name === action.name ? [] : [sanitiseLine(`  ${old.name} is now ${action.name}`)];
      return [...renamed, ...actionLines(action, old.args, action.args, terminal)];
    }),
    ...gone.map(({ name }) => sanitiseLine(`  removed  ${name}`)),
  ];
}

function actionLines({ index, name }: ReviewAction, before: Json, after: Json, terminal: Terminal): string[] {
  const changes = changesBetween(before, after).flatMap((change) => changeLines(change, terminal));
  if (changes.length === 0) return [];
  return [`  ${terminal.colours.cyan(sanitiseLine(`${index}. ${name}`))}`, ...changes.map((line) => `    ${line}`)];
}

function decidedArgs({ decision }: Review, { index }: ReviewAction): Json | undefined {
  const all = Array.isArray(decision?.decisions) ? decision.decisions : [];
  const made = all.find((one) => isRecord(one) && one["action"] === index && one["type"] === "edit");
  return isRecord(made) ? made["args"] : undefined;
}

function isRecord(value: Json | undefined): value is Record<string, Json> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
