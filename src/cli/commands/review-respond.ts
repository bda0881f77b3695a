import type { Command } from "commander";
import type { Decision } from "../../protocol/decision.ts";
import type { Cli } from "../cli.ts";
import { usageError } from "../command-error.ts";
import { decide } from "../decide.ts";
import { type DecidingOptions, decidingCommand } from "../deciding-command.ts";
import { chosenAction, decisionsOf } from "../decisions.ts";
import { findReview } from "../find-review.ts";
import { formatValue } from "../format.ts";
import { readJsonArgument } from "../input.ts";
import { proposalLines } from "../review-view.ts";
import { safeJson } from "../sanitise.ts";

interface RespondOptions extends DecidingOptions {
  value?: string;
}

/** `review respond`: an answer in words, or as a value. */
export function addReviewRespond(review: Command, cli: Cli): void {
  decidingCommand(review, "respond", "answer a question that a graph asks")
    .option("-m, --message <text>", "the answer in words")
    .option("--value <json>", "the answer as JSON: a file, - for standard input, or the JSON itself")
    .addHelpText(
      "after",
      `\nExamples:\n  $ holdpoint review respond 7f3a -m "the second address"\n  $ holdpoint review respond 7f3a --value '{"approved": true}'`,
    )
    .action(async (id: string, options: RespondOptions) => {
      if ((options.message === undefined) === (options.value === undefined))
        throw usageError("give the answer with -m or with --value, one of the two");
      const answer: Decision =
        options.value === undefined
          ? { type: "respond", message: options.message ?? "" }
          : { type: "respond", value: await readJsonArgument(options.value, "--value", cli.terminal) };
      const found = await findReview(cli.api(), id);
      const action = chosenAction(found, options);
      const decisions = decisionsOf(found, [action], () => answer, options);
      const given =
        options.value === undefined ? formatValue(options.message) : safeJson((answer as { value?: unknown }).value, 2);
      const shown = [...proposalLines(found, [action], cli.terminal), `You answer: ${given}`];
      await decide(cli, found, { decisions, shown, question: "Send this answer?" }, options);
    });
}
