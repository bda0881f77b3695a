import { setTimeout as delay } from "node:timers/promises";
import { isServerGone } from "../postgres/embedded.ts";
import { maskUrl } from "../postgres/unreachable.ts";

/** Takes a step of the start, again while Postgres is on its way. */
export type Patient = <Result>(step: () => Promise<Result>) => Promise<Result>;

/** How a start waits. */
export interface PatienceOptions {
  /** The database that is waited for. */
  url: string;
  progress: (line: string) => void;
  /** Ends the waiting. */
  signal: AbortSignal;
  /** How long at most, over all steps, since the first that failed. */
  waitMs?: number;
}

const WAIT_MS = 60_000;
const AGAIN_MS = 250;

/** For whoever is better told at once. */
export const impatient: Patient = (step) => step();

/**
 * Waits for a Postgres that starts, stops or restarts, as it does beside us when a machine boots; a supervisor would only
 * start us again, and the message blame the address. What waiting does not mend is thrown at once: a wrong password, a
 * database or a host that there is not. Each step must be one that can be taken twice.
 */
export function createPatience({ url, progress, signal, waitMs = WAIT_MS }: PatienceOptions): Patient {
  let deadline: number | undefined;
  let isWaiting = false;
  return async (step) => {
    // Bound: the deadline, which is the same for all steps.
    for (;;) {
      try {
        const result = await step();
        if (isWaiting) progress("the database answers");
        isWaiting = false;
        return result;
      } catch (error) {
        if (!isOnItsWay(error)) throw error;
        const now = performance.now();
        deadline ??= now + waitMs;
        if (now > deadline) throw error;
        if (!isWaiting) {
          const bound = `${Math.ceil(waitMs / 1000)} s at most`;
          progress(
            `the database at ${maskUrl(url)} does not answer yet (${reasonOf(error)}); waiting for it, ${bound}`,
          );
        }
        isWaiting = true;
        await delay(AGAIN_MS, undefined, { signal });
      }
    }
  };
}

/**
 * True where Postgres is starting or stopping, the connection broke off, or there was none in time, as on a machine that is
 * busy with starting; however deep that is in the error.
 */
function isOnItsWay(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (isServerGone(cause) || cause.message === "timeout expired") return true;
  return false;
}

function reasonOf(error: unknown): string {
  let reason = "";
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const [first] = cause instanceof AggregateError ? cause.errors : [];
    const message = first instanceof Error ? first.message : cause.message;
    if (message !== "") reason = message;
  }
  return reason;
}
