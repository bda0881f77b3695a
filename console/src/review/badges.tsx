import type { ReviewTask } from "../../../src/protocol/review.ts";
import { words } from "../ui/format.ts";

const RISKS = {
  low: { sign: "▽", tone: "" },
  medium: { sign: "◇", tone: "warn" },
  high: { sign: "▲", tone: "bad" },
} as const;

/** How much harm a wrong answer does: sign, word and colour. */
export function RiskBadge({ risk }: { risk: ReviewTask["risk"] }) {
  if (risk === null) return null;
  const { sign, tone } = RISKS[risk];
  return (
    <span className={`badge ${tone}`}>
      <span aria-hidden="true">{sign}</span> {risk}
      <span className="risk-word"> risk</span>
    </span>
  );
}

const TONES: Partial<Record<ReviewTask["status"], string>> = {
  open: "accent",
  info_requested: "warn",
  stale: "bad",
  resume_failed: "bad",
  failed: "bad",
  closed: "ok",
  decided: "ok",
  resuming: "ok",
};

/** Where a review stands. */
export function StatusBadge({ review }: { review: Pick<ReviewTask, "status" | "outcome"> }) {
  const { status, outcome } = review;
  return (
    <span className={`badge ${TONES[status] ?? ""}`}>
      {outcome === null ? words(status) : status === "closed" ? outcome : `${outcome}, ${words(status)}`}
    </span>
  );
}

/** Whether a person can still answer. */
export function isOpen({ status }: Pick<ReviewTask, "status">): boolean {
  return status === "open" || status === "info_requested";
}
