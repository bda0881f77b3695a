import type { Decision } from "../protocol/decision.ts";
import type { Cli } from "./cli.ts";
import { confirm } from "./confirm.ts";
import { checkOffered } from "./decisions.ts";
import { shortId } from "./id-prefix.ts";
import { isOpenReview } from "./review-view.ts";
import { safeJson, sanitiseLine } from "./sanitise.ts";
import { decidedWire, type Review } from "./wire.ts";

/** A decision as a command has put it together. */
export interface Intent {
  decisions: Decision[];
  comment?: string | undefined;
  /** One of the reasons that the review offers for a rejection. */
  reason_code?: string | undefined;
  /** Sends it back to the graph with a question; `decisions` is what that means. */
  ask?: { question: string; to: string };
  /** What is printed before asking: everything the decision is about. */
  shown: string[];
  /** "Approve?" */
  question: string;
}

/** The options that every deciding command has. */
export interface DecideOptions {
  yes?: boolean;
  json?: boolean;
}

/** Shows, asks, sends. What is sent carries the digest and the version of exactly what was shown. */
export async function decide(cli: Cli, review: Review, intent: Intent, options: DecideOptions): Promise<void> {
  const { terminal } = cli;
  // A review that is decided already cannot change any more: the server says whether this is the same decision again.
  if (isOpenReview(review)) {
    await checkOffered(review, intent.decisions);
    // Where nobody reads along the lines are still there, in the log of whatever runs this.
    const shown = intent.shown.at(-1) === "" ? intent.shown : [...intent.shown, ""];
    for (const line of shown) options.json === true ? terminal.note(line) : terminal.out(line);
    await confirm(terminal, intent.question, options.yes === true);
  }
  const path = `/reviews/${encodeURIComponent(review.id)}/${intent.ask === undefined ? "decision" : "ask"}`;
  const { body } = await cli.api().request("POST", path, decidedWire, {
    headers: { "if-match": `"${review.version}"` },
    body: { ...bodyOf(intent), seen_digest: review.request_digest },
  });
  if (options.json === true) terminal.out(safeJson(body, 2));
  else for (const line of resultLines(cli, review, body.review, body.run_id ?? null)) terminal.out(line);
}

function bodyOf({ decisions, comment, reason_code, ask }: Intent): object {
  if (ask !== undefined) return ask;
  return {
    decisions,
    ...(comment === undefined || comment === "" ? {} : { comment }),
    ...(reason_code === undefined ? {} : { reason_code }),
  };
}

function resultLines(cli: Cli, before: Review, review: Review, run_id: string | null): string[] {
  const { green } = cli.terminal.colours;
  const outcome = sanitiseLine(review.outcome ?? review.status);
  // Taken a second time only where it is the same decision of the same person.
  const already = isOpenReview(before) ? "" : " (you had decided so before)";
  const done = `${green(outcome)}: review ${shortId(review.id)}${already}`;
  if (run_id === null) return [done, "The run goes on when the other open questions of its thread are answered."];
  return [done, `run ${shortId(run_id)} carries it out: ${cli.name} runs watch ${shortId(run_id)}`];
}
