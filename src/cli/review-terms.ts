import { count, formatDue, formatMoment } from "./format.ts";
import { sanitiseLine } from "./sanitise.ts";
import type { Terminal } from "./terminal.ts";
import type { Review } from "./wire.ts";

interface People {
  users: string[];
  groups: string[];
}

const ENDS: Readonly<Record<string, string>> = {
  fail: "it ends, and its run fails",
  reject: "it is rejected",
  approve: "it is approved",
};

/** Who may decide a review, who has it, and how far it has come, as names and values. */
export function peoplePairs({ candidates, policy, assignee, claim, ...review }: Review, now: Date): [string, string][] {
  const asked = candidates === undefined ? [] : [candidates, ...(policy?.also_candidates ?? [])];
  const needs = policy?.require_comment ?? [];
  const most = policy?.max_revisions;
  const { snoozed_until, revision = 1, risk } = review;
  const snoozed = snoozed_until != null && Date.parse(snoozed_until) > now.getTime() ? snoozed_until : null;
  const pairs: [string, string | null][] = [
    ["risk", risk ?? null],
    [
      "may decide",
      asked.length === 0 ? null : asked.map((people) => peopleWords(people)).join(", and on this list too: "),
    ],
    ["assigned to", assignee ?? null],
    ["in hand", claim == null ? null : `claimed by ${claim.by} until ${formatMoment(claim.until)}`],
    ["snoozed", snoozed === null ? null : `until ${formatMoment(snoozed)}`],
    [
      "turn",
      revision < 2
        ? null
        : `${revision}: sent back ${count(revision - 1, "time")}${most === undefined ? "" : `, ${most} at most`}`,
    ],
    ["comment", needs.length === 0 ? null : `needed to ${needs.join(", ")}`],
  ];
  return pairs.flatMap(([name, value]) => (value === null ? [] : [[name, sanitiseLine(value)] as [string, string]]));
}

/** What happens while nobody decides, in order; and the reasons that a rejection can give. */
export function termsLines({ deadlines, policy }: Review, { colours, now }: Terminal): string[] {
  const steps = (deadlines ?? []).map((deadline) => {
    const when = `${formatMoment(deadline.at)} ${deadline.done ? "(done)" : `(${formatDue(deadline.at, now())})`}`;
    return sanitiseLine(`    ${when}  ${stepWords(deadline)}`);
  });
  const stays = policy?.on_timeout === "keep" ? ["    it stays open, however long it takes"] : [];
  const reasons = (policy?.reject_options ?? []).map(({ code, title }) => sanitiseLine(`    ${code}  ${title}`));
  return [
    ...(steps.length + stays.length === 0 ? [] : [colours.dim("  While nobody decides:"), ...steps, ...stays]),
    ...(reasons.length === 0 ? [] : [colours.dim("  Reasons to reject (--reason):"), ...reasons]),
  ];
}

type Deadline = NonNullable<Review["deadlines"]>[number];

function stepWords({ step, to, action }: Deadline): string {
  if (step === "reminder") return "those who are asked are reminded";
  if (step === "escalation") return `asked too: ${peopleWords(to, "those who administer reviews")}`;
  return ENDS[action ?? ""] ?? `${step} ${action ?? ""}`.trim();
}

/** People and groups in a line. */
export function peopleWords(people: People | undefined, nobody = "whoever may decide reviews"): string {
  const names = [...(people?.users ?? []), ...(people?.groups ?? []).map((group) => `group ${group}`)];
  return names.length === 0 ? nobody : names.join(", ");
}
