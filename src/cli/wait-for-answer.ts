import { setTimeout as sleep } from "node:timers/promises";
import type { Api } from "./api.ts";
import { CommandError } from "./command-error.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { listReviews } from "./find-review.ts";
import type { Follower } from "./follow.ts";
import { formatSpan } from "./format.ts";
import { isOpenReview } from "./review-view.ts";
import { answeredLine, type RunEnd } from "./run-end.ts";
import type { Review } from "./wire.ts";

/** What became of the questions a run waited for. */
interface Answer {
  reviews: Review[];
  /** The run that carries the answers; null when there is none and will be none. */
  resume_run_id: string | null;
  exitCode: ExitCode;
  lines: string[];
}

const POLL_MS = 1000;

/** Waits until every question of a run is answered or taken back. Bound: the person's, or Ctrl-C. */
export async function waitForAnswer(api: Api, end: RunEnd, { terminal, signal }: Follower): Promise<Answer> {
  const beginMs = performance.now();
  let reviews = end.reviews;
  while (reviews.some(isOpenReview)) {
    terminal.status(terminal.colours.dim(`  … waiting for a person  ${formatSpan(performance.now() - beginMs)}`));
    await sleep(POLL_MS, undefined, { signal });
    reviews = (await readAgain(api, end.run.thread_id, end.run.run_id)) ?? reviews;
  }
  terminal.status("");
  const resume_run_id = reviews.find((review) => review.resume_run_id != null)?.resume_run_id ?? null;
  const stale = reviews.some(({ status }) => status === "stale" || status === "superseded");
  return { reviews, resume_run_id, exitCode: stale ? EXIT.stale : EXIT.failed, lines: reviews.map(answeredLine) };
}

/** Undefined while the server is away: whoever waits for a person outlasts a restart. */
async function readAgain(api: Api, thread_id: string, run_id: string): Promise<Review[] | undefined> {
  try {
    return (await listReviews(api, { thread_id })).filter((review) => review.run_id === run_id);
  } catch (error) {
    if (error instanceof CommandError && error.code === "unreachable") return undefined;
    throw error;
  }
}
