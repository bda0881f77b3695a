import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { decide } from "../decide.ts";
import { decideGroup } from "../decide-group.ts";
import { type DecidingOptions, decidingCommand, ONE_OR_GROUP } from "../deciding-command.ts";
import { chosenActions, decisionsOf } from "../decisions.ts";
import { findSubject } from "../find-group.ts";
import { proposalLines } from "../review-view.ts";
import type { Review } from "../wire.ts";

/** `review approve`: what was shown shall happen. */
export function addReviewApprove(review: Command, cli: Cli): void {
  decidingCommand(review, "approve", "approve: what the review shows will happen", ONE_OR_GROUP)
    .option("-m, --message <text>", "why, for whoever reads the history")
    .addHelpText(
      "after",
      `
Prints what will happen and asks; in a script add --yes. The server takes the approval only for exactly
what was printed (exit code 6 when that has changed, 3 when somebody else was first).

Examples:
  $ holdpoint review approve 7f3a -m "checked the invoice"
  $ holdpoint review approve 7f3a --yes --json
  $ holdpoint review approve 7f3a --action 0 --rest reject

With the id of a group all its open reviews are printed and approved together, or none of them.`,
    )
    .action(async (id: string, options: DecidingOptions) => {
      const subject = await findSubject(cli.api(), id);
      const intentOf = (found: Review) => {
        const chosen = chosenActions(found, options);
        const decisions = decisionsOf(found, chosen, () => ({ type: "approve" }), options);
        return { decisions, shown: proposalLines(found, chosen, cli.terminal) };
      };
      const comment = options.message;
      if ("review" in subject) {
        const { review: found } = subject;
        return await decide(cli, found, { ...intentOf(found), comment, question: "Approve?" }, options);
      }
      const question = `Approve all ${subject.reviews.length}?`;
      await decideGroup(cli, subject, { intentOf, comment, question }, options);
    });
}
