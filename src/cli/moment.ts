import { spanSeconds } from "../policy/span.ts";
import { usageError } from "./command-error.ts";
import { sanitiseLine } from "./sanitise.ts";

// With its zone: "nine o'clock" is another moment on the server than here.
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

/** A moment as it may be written: a span from now (4h), or with date, time and zone. Answers in UTC. */
export function momentOf(text: string, now: Date): string {
  const seconds = spanSeconds(text);
  if (seconds !== undefined) return new Date(now.getTime() + seconds * 1000).toISOString();
  const moment = MOMENT.test(text) ? new Date(text) : undefined;
  if (moment !== undefined && !Number.isNaN(moment.getTime())) return moment.toISOString();
  throw usageError(
    `"${sanitiseLine(text)}" is no moment: write a span like 30m, 4h or 2d, or a moment like 2026-12-01T09:00Z`,
  );
}
