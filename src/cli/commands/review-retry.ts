import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { confirm } from "../confirm.ts";
import { findReview } from "../find-review.ts";
import { shortId } from "../id-prefix.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";
import { decidedWire } from "../wire.ts";

interface RetryOptions {
  yes?: boolean;
  json?: boolean;
}

/** `review retry` and `review reask`: what an operator does with an answer that did not arrive. */
export function addReviewRetry(review: Command, cli: Cli): void {
  goingOn(review, "retry", "carry a recorded answer out again whose run has failed")
    .addHelpText(
      "after",
      "\nFor reviews that are resume_failed. The answer is the recorded one, and what has a receipt is not done twice.\n\nExamples:\n  $ holdpoint review retry 7f3a --yes",
    )
    .action((id: string, options: RetryOptions) => goOn(cli, id, "retry", options));
  goingOn(review, "reask", "have the graph ask again, where an answer does not fit any more, or its run has failed")
    .addHelpText(
      "after",
      "\nFor reviews that are stale, open under code that has changed since, or resume_failed before any effect was begun.\nThe graph asks a new question; nothing is answered.\n\nExamples:\n  $ holdpoint review reask 7f3a --yes",
    )
    .action((id: string, options: RetryOptions) => goOn(cli, id, "reask", options));
}

function goingOn(review: Command, name: string, description: string): Command {
  return review
    .command(name)
    .description(description)
    .argument("<id>", "id of the review, or its first characters")
    .option("-y, --yes", "do not ask; needed where there is no terminal")
    .option("--json", "print the review and the new run as JSON");
}

async function goOn(cli: Cli, id: string, verb: "retry" | "reask", options: RetryOptions): Promise<void> {
  const { terminal } = cli;
  const found = await findReview(cli.api(), id);
  const say = options.json === true ? terminal.note : terminal.out;
  const why = found.status_reason == null ? "" : `: ${found.status_reason}`;
  say(sanitiseLine(`review ${shortId(found.id)} is ${found.status}${why}`));
  say(sanitiseLine(found.title));
  await confirm(
    terminal,
    verb === "retry" ? "Carry its answer out again?" : "Have it asked again?",
    options.yes === true,
  );
  const path = `/reviews/${encodeURIComponent(found.id)}/${verb}`;
  const { body } = await cli.api().request("POST", path, decidedWire, { body: {} });
  if (options.json === true) return terminal.out(safeJson(body, 2));
  const run = shortId(body.run_id ?? "");
  terminal.out(`${terminal.colours.green("started")}: run ${run} (${cli.name} runs watch ${run})`);
}
