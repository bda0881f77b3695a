import type { DeliveryStatus, MailAnswer } from "../protocol/delivery.ts";
import { nextWaitMs } from "./backoff.ts";

/** What becomes of a delivery after an attempt. */
export interface DeliveryOutcome {
  status: DeliveryStatus;
  /** How long until the next attempt; null when there is none. */
  waitMs: number | null;
  failures: number;
}

/**
 * Decides what an answer means: any 2xx is the receiver's word that it has it, 410 that it wants no more, as is a mail
 * server's refusal for good; everything else, redirects too, is tried again until the time is over.
 */
export function afterAttempt(
  { status, isRefused = false }: Pick<MailAnswer, "status"> & Partial<Pick<MailAnswer, "isRefused">>,
  { failures, leftMs, chance }: { failures: number; leftMs: number; chance: number },
): DeliveryOutcome {
  if (status !== null && status >= 200 && status <= 299) return { status: "delivered", waitMs: null, failures };
  if (status === 410 || isRefused) return { status: "gone", waitMs: null, failures: failures + 1 };
  const waitMs = nextWaitMs(failures + 1, leftMs, chance);
  return { status: waitMs === null ? "dead" : "pending", waitMs, failures: failures + 1 };
}
