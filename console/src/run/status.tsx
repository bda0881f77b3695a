import { words } from "../ui/format.ts";
import type { ProcessStatus } from "./model.ts";

/** A sign and a tone for each: the sign and the word say what the colour says. */
const LOOKS: Record<string, { sign: string; tone: string; label?: string }> = {
  waiting: { sign: "◔", tone: "warn", label: "waiting for a person" },
  pending: { sign: "◌", tone: "" },
  running: { sign: "▸", tone: "accent" },
  success: { sign: "✓", tone: "ok" },
  error: { sign: "✕", tone: "bad" },
  timeout: { sign: "◕", tone: "bad" },
  interrupted: { sign: "■", tone: "", label: "cancelled" },
  stale: { sign: "!", tone: "bad" },
  superseded: { sign: "→", tone: "" },
  cancelled: { sign: "■", tone: "" },
  receipt: { sign: "✓", tone: "ok" },
  intent: { sign: "▸", tone: "warn" },
  failed: { sign: "✕", tone: "bad" },
  held: { sign: "◔", tone: "warn" },
  not_done: { sign: "◌", tone: "" },
  recalled: { sign: "■", tone: "" },
};

/** What a status is called on the screen. */
export function statusLabel(status: string): string {
  return LOOKS[status]?.label ?? words(status);
}

/** Where something stands. */
export function StatusBadge({ status, short = false }: { status: ProcessStatus | string; short?: boolean }) {
  const { sign, tone } = LOOKS[status] ?? { sign: "·", tone: "" };
  return (
    <span className={`badge ${tone}`}>
      <span aria-hidden="true">{sign}</span>
      {short ? words(status === "interrupted" ? "cancelled" : status) : statusLabel(status)}
    </span>
  );
}

/** The sign alone, where the word stands beside it. */
export function statusSign(status: string): string {
  return LOOKS[status]?.sign ?? "·";
}
