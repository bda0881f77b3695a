import type { ReviewAction } from "../protocol/interrupt.ts";
import type { Json } from "../protocol/json.ts";
import { count, formatDue, formatMoment, formatSince, formatValue } from "./format.ts";
import { shortId } from "./id-prefix.ts";
import { plainText } from "./markdown.ts";
import { peoplePairs, termsLines } from "./review-terms.ts";
import { hasHiddenCharacters, sanitiseLine, sanitiseText } from "./sanitise.ts";
import { renderPairs } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { widestOf, wrap } from "./text-width.ts";
import type { Review } from "./wire.ts";

const WIDEST_TEXT = 100;
const NARROWEST_VALUE = 20;
const OPEN = new Set(["open", "info_requested"]);

/** True while a person can still answer. */
export function isOpenReview({ status }: Review): boolean {
  return OPEN.has(status);
}

/** What will happen if the action is approved, in one sentence. */
export function effectSentence(action: ReviewAction): string {
  return sanitiseLine(action.preview ?? `${action.name} runs with the arguments below.`);
}

/** What has to be done for it to happen: not everything can be approved. */
export function leadOf({ allowed }: ReviewAction): string {
  return allowed.includes("approve") ? "If approved:" : "If answered:";
}

/** A review as a reviewer reads it: what would happen, with which arguments, who says so, and what was `said` about it. */
export function reviewLines(review: Review, said: readonly string[], terminal: Terminal): string[] {
  const { bold, dim } = terminal.colours;
  const single = review.actions.length === 1;
  return [
    // On a line of its own: a title may end in words that look like a status.
    dim(`review ${shortId(review.id)}  ${statusWords(review)}`),
    bold(sanitiseLine(review.title)),
    ...review.actions.map(
      (action) => `${single ? "" : `${action.index}. `}${leadOf(action)} ${effectSentence(action)}`,
    ),
    "",
    ...review.actions.flatMap((action) => [...actionLines(action, terminal), ""]),
    ...descriptionLines(review, terminal),
    ...evidenceLines(review, terminal),
    ...said,
    ...decisionLines(review, terminal),
    ...renderPairs(facts(review, terminal.now()), 2, dim),
    ...(isOpenReview(review) ? termsLines(review, terminal) : []),
    ...warningLines(review, terminal),
  ];
}

/** What a decision binds its maker to: everything that the digest covers, the chosen actions first. */
export function proposalLines(review: Review, actions: readonly ReviewAction[], terminal: Terminal): string[] {
  return [
    terminal.colours.bold(sanitiseLine(review.title)),
    ...actions.flatMap((action) => [`${leadOf(action)} ${effectSentence(action)}`, ...actionLines(action, terminal)]),
    "",
    ...descriptionLines(review, terminal),
    ...evidenceLines(review, terminal),
    ...warningLines(review, terminal),
  ];
}

function statusWords({ status, outcome, status_reason }: Review): string {
  const how = outcome == null ? "" : ` (${outcome})`;
  return sanitiseLine(`${status.replaceAll("_", " ")}${how}${status_reason == null ? "" : `: ${status_reason}`}`);
}

function actionLines(action: ReviewAction, terminal: Terminal): string[] {
  const { colours } = terminal;
  const risk = action.risk === undefined ? "" : `, ${action.risk} risk`;
  const head = `  ${colours.cyan(sanitiseLine(action.name))}  ${colours.dim(sanitiseLine(`${action.allowed.join(", ")}${risk}`))}`;
  const words = action.description === undefined ? [] : plainText(action.description).split("\n");
  return [head, ...words.map((line) => `    ${sanitiseText(line)}`), ...argumentLines(action, terminal)];
}

function argumentLines({ args, editable_paths }: ReviewAction, terminal: Terminal): string[] {
  const { dim } = terminal.colours;
  const isPlain = typeof args !== "object" || args === null || Array.isArray(args);
  const entries: [string, Json][] = isPlain ? [["value", args]] : Object.entries(args);
  if (entries.length === 0) return [dim("    no arguments")];
  const widest = widestOf(entries.map(([name]) => sanitiseLine(name)));
  const room = Math.max(NARROWEST_VALUE, Math.min(terminal.columns, WIDEST_TEXT) - widest - 10);
  const pairs = entries.map(([name, value]): [string, string] => {
    const isEditable = editable_paths?.some((path) => path === `/${name}` || path.startsWith(`/${name}/`)) === true;
    return [name, barred(formatValue(value), room, dim) + (isEditable ? dim("  (can be changed)") : "")];
  });
  return renderPairs(pairs, 4, dim);
}

/** A value of several lines stands behind a bar, so that none of them can pass for another argument. */
function barred(text: string, room: number, dim: (text: string) => string): string {
  const lines = text.split("\n").flatMap((line) => wrap(line, room));
  return lines.length === 1 ? text : lines.map((line) => `${dim("│")} ${line}`).join("\n");
}

/** Behind a bar, so that nothing in it can pass for a line of ours. */
function descriptionLines({ description }: Review, { colours, columns }: Terminal): string[] {
  if (description.trim() === "") return [];
  const width = Math.min(columns, WIDEST_TEXT) - 4;
  const lines = sanitiseText(plainText(description))
    .split("\n")
    .flatMap((line) => wrap(line, width));
  const label = colours.dim("  In the words of the graph, which may quote customers and models:");
  return [label, ...lines.map((line) => `  ${colours.dim("│")} ${line}`.trimEnd()), ""];
}

function evidenceLines({ value }: Review, { colours }: Terminal): string[] {
  const evidence = isRecord(value) ? value["evidence"] : undefined;
  if (!Array.isArray(evidence) || evidence.length === 0) return [];
  const pairs = evidence.filter(isRecord).map((item): [string, string] => {
    const kind = typeof item["kind"] === "string" ? item["kind"] : "";
    return [
      String(item["label"] ?? kind),
      sanitiseLine(`${String(item["ref"] ?? "")}${kind === "" ? "" : `  (${kind})`}`),
    ];
  });
  return [colours.dim("  To check for yourself:"), ...renderPairs(pairs, 4, colours.dim), ""];
}

function decisionLines({ decision }: Review, { colours }: Terminal): string[] {
  if (decision == null) return [];
  const decisions = Array.isArray(decision.decisions) ? decision.decisions.filter(isRecord) : [];
  const lines = decisions.map(describeDecision);
  const comment =
    decision.comment == null || decision.comment === "" ? [] : [`comment: ${sanitiseText(decision.comment)}`];
  const reason = decision.reason_code == null ? [] : [`reason: ${sanitiseLine(decision.reason_code)}`];
  return [
    colours.dim(sanitiseLine(`  Decided by ${decision.display_name}, ${formatMoment(decision.at)}:`)),
    ...[...lines, ...reason, ...comment].map((line) => `    ${line}`),
    "",
  ];
}

/** One decision of a review in words. */
export function describeDecision(decision: Record<string, Json>): string {
  const { type, args, message, value } = decision;
  const words = { approve: "approved", edit: "approved with changes", reject: "rejected", respond: "answered" };
  const verb =
    typeof type === "string" && Object.hasOwn(words, type) ? words[type as keyof typeof words] : String(type);
  const said = args ?? message ?? value;
  return sanitiseLine(verb) + (said === undefined ? "" : `: ${formatValue(said)}`);
}

function facts(review: Review, now: Date): [string, string][] {
  const due =
    review.due_at == null ? [] : [["due", `${formatDue(review.due_at, now)} (${formatMoment(review.due_at)})`]];
  const asked = review.requested_by === undefined ? "" : `${review.requested_by}, `;
  const pairs = [
    ["asked by", `${asked}${formatSince(review.opened_at, now)} ago (${formatMoment(review.opened_at)})`],
    ...(isOpenReview(review) ? [...due, ...peoplePairs(review, now)] : []),
    ["graph", `${review.graph_id}, node ${review.node}${review.guarded === true ? ", guarded" : ""}`],
    ["review", `${review.id}, version ${review.version}`],
    ["run", review.run_id],
    ...(review.resume_run_id == null ? [] : [["resumed by", review.resume_run_id]]),
    ["thread", review.thread_id],
    ["digest", review.request_digest],
  ] as [string, string][];
  return pairs.map(([name, value]) => [name, sanitiseLine(value)]);
}

function warningLines(review: Review, { colours, now }: Terminal): string[] {
  const warnings: string[] = [];
  if (review.forked_from != null)
    warnings.push(`this thread was copied from ${sanitiseLine(review.forked_from)}, which may ask the same`);
  if (isOpenReview(review) && review.due_at != null && Date.parse(review.due_at) < now().getTime())
    warnings.push("it is overdue");
  const risky = review.actions.filter(({ risk }) => risk === "high").length;
  if (risky > 0) warnings.push(`${count(risky, "action")} of high risk`);
  const texts = [review.title, review.description, stringsOf(review.actions), stringsOf(review.value)];
  if (texts.some(hasHiddenCharacters)) {
    warnings.push(
      "its texts hold hidden or control characters, shown here as \\x.. and \\u....: somebody may want to mislead you",
    );
  }
  return warnings.map((warning) => `${colours.yellow("!")} ${warning}`);
}

/** All strings of a value in one, as they are. */
function stringsOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(stringsOf).join(" ");
  if (typeof value !== "object" || value === null) return "";
  return Object.entries(value)
    .map(([name, inner]) => `${name} ${stringsOf(inner)}`)
    .join(" ");
}

function isRecord(value: unknown): value is Record<string, Json> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
