import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { decide } from "../decide.ts";
import { type DecidingOptions, decidingCommand } from "../deciding-command.ts";
import { chosenActions, decisionsOf } from "../decisions.ts";
import { findReview } from "../find-review.ts";
import { proposalLines } from "../review-view.ts";

/** `review approve`: what was shown shall happen. */
export function addReviewApprove(review: Command, cli: Cli): void {
  decidingCommand(review, "approve", "approve: what the review shows will happen")
    .option("-m, --message <text>", "why, for whoever reads the history")
    .addHelpText(
      "after",
      `
Prints what will happen and asks; in a script add --yes. The server takes the approval only for exactly
what was printed (exit code 6 when that has changed, 3 when somebody else was first).

Examples:
  $ holdpoint review approve 7f3a -m "checked the invoice"
  $ holdpoint review approve 7f3a --yes --json
  $ holdpoint review approve 7f3a --action 0 --rest reject`,
    )
    .action(async (id: string, options: DecidingOptions) => {
      const found = await findReview(cli.api(), id);
      const chosen = chosenActions(found, options);
      const decisions = decisionsOf(found, chosen, () => ({ type: "approve" }), options);
      const shown = proposalLines(found, chosen, cli.terminal);
      await decide(cli, found, { decisions, comment: options.message, shown, question: "Approve?" }, options);
    });
}
