import { visibleLine } from "../visible-text.ts";
import type { ReviewNotice } from "./notice.ts";
import { reviewLinkUrl } from "./notice-webhook.ts";

/** A mail, before it is put into the form that mail servers take. */
export interface MailText {
  subject: string;
  text: string;
}

const LONGEST_SUBJECT = 200;
const LONGEST_LINE = 1_000;

const SAYS: Readonly<Record<string, string>> = {
  "review.opened": "Your decision is asked for.",
  "review.assigned": "This review was assigned.",
  "review.info_requested": "Somebody has asked a question about this review.",
  "review.escalated": "Nobody has decided this review in time; it was escalated.",
  "review.due_soon": "This review still waits for a decision.",
  "review.resume_failed": "This review was decided, and what was to happen then has failed.",
  "review.stale": "What this review shows no longer stands; somebody has to look at it.",
  "review.failed": "Nobody has decided this review in time, and its run has failed.",
  "review.bypassed": "This review was bypassed.",
};

const MARKS: Readonly<Record<string, string>> = {
  "review.opened": "Review",
  "review.assigned": "Assigned",
  "review.info_requested": "Question",
  "review.escalated": "Escalated",
  "review.due_soon": "Reminder",
  "review.resume_failed": "Failed after the decision",
  "review.stale": "Stale",
  "review.failed": "Timed out",
  "review.bypassed": "Bypassed",
};

/**
 * What a person is written about a review. The link shows it; nothing is decided by opening it, or by the scanners and
 * previews that open it first. No arguments: mail is read on other people's machines.
 */
export function reviewMailText(notice: ReviewNotice, publicUrl: string): MailText {
  const { event, title, effects, more_effects, due_at, assignee, risk, reason, requested_by, graph_id, node } = notice;
  const more = more_effects === 0 ? [] : [`  and ${more_effects} more`];
  const facts = [
    ...(due_at === null ? [] : [`Due: ${minutes(due_at)}`]),
    ...(risk === null ? [] : [`Risk: ${risk}`]),
    ...(assignee === null ? [] : [`Assigned to: ${defanged(assignee)}`]),
    `Asked by: ${defanged(requested_by)}`,
    `Graph: ${defanged(graph_id)}, at ${defanged(node)}`,
  ];
  const lines = [
    SAYS[event] ?? "Something happened to this review.",
    "",
    `  ${defanged(title)}`,
    ...(reason === null ? [] : ["", `  ${defanged(reason)}`]),
    ...(effects.length === 0 ? [] : ["", "If approved:", ...effects.map((effect) => `  ${defanged(effect)}`), ...more]),
    "",
    ...facts,
    "",
    `Look at it and decide here: ${reviewLinkUrl(publicUrl, notice.review_id)}`,
    "",
    "Opening the link decides nothing. The indented lines are the words of the graph, which may quote customers and models:",
    "what is shown on the page is what counts.",
  ];
  return {
    subject: clipped(
      `[Holdpoint] ${MARKS[event] ?? "Review"}: ${visibleLine(title.slice(0, LONGEST_SUBJECT))}`,
      LONGEST_SUBJECT,
    ),
    text: `${lines.join("\n")}\n`,
  };
}

/** Foreign words in one line, in which no mail program finds a link: the only link is ours. */
export function defanged(text: string): string {
  return clipped(visibleLine(text.slice(0, LONGEST_LINE)), LONGEST_LINE)
    .replaceAll("://", "[:]//")
    .replaceAll(/\bwww\./gi, "www[.]")
    .replaceAll(/mailto:/gi, "mailto[:]");
}

/** A text that is no longer than this, and says when it was. */
export function clipped(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1).toWellFormed()}…`;
}

function minutes(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`;
}
