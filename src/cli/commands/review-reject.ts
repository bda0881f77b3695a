import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { usageError } from "../command-error.ts";
import { decide } from "../decide.ts";
import { type DecidingOptions, decidingCommand } from "../deciding-command.ts";
import { chosenActions, decisionsOf } from "../decisions.ts";
import { findReview } from "../find-review.ts";
import { proposalLines } from "../review-view.ts";
import { sanitiseText } from "../sanitise.ts";

/** `review reject`: it shall not happen, and why. */
export function addReviewReject(review: Command, cli: Cli): void {
  decidingCommand(review, "reject", "reject: what the review shows will not happen")
    .requiredOption("-m, --message <text>", "the reason; the graph is given it")
    .addHelpText(
      "after",
      '\nExamples:\n  $ holdpoint review reject 7f3a -m "the invoice is not hers"\n  $ holdpoint review reject 7f3a -m "too late" --yes',
    )
    .action(async (id: string, options: DecidingOptions) => {
      const message = options.message ?? "";
      if (message.trim() === "") throw usageError("say why with -m: the graph is given the reason");
      const found = await findReview(cli.api(), id);
      const chosen = chosenActions(found, options);
      const decisions = decisionsOf(found, chosen, () => ({ type: "reject", message }), options);
      const shown = [...proposalLines(found, chosen, cli.terminal), `You reject it: ${sanitiseText(message)}`];
      await decide(cli, found, { decisions, shown, question: "Reject?" }, options);
    });
}
