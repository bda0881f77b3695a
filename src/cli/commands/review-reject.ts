import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { CommandError, usageError } from "../command-error.ts";
import { decide } from "../decide.ts";
import { decideGroup } from "../decide-group.ts";
import { type DecidingOptions, decidingCommand, ONE_OR_GROUP } from "../deciding-command.ts";
import { chosenActions, decisionsOf } from "../decisions.ts";
import { EXIT } from "../exit-codes.ts";
import { findSubject } from "../find-group.ts";
import { proposalLines } from "../review-view.ts";
import { sanitiseLine, sanitiseText } from "../sanitise.ts";
import type { Review } from "../wire.ts";

interface RejectOptions extends DecidingOptions {
  reason?: string;
}

/** `review reject`: it shall not happen, and why. */
export function addReviewReject(review: Command, cli: Cli): void {
  decidingCommand(review, "reject", "reject: what the review shows will not happen", ONE_OR_GROUP)
    .option("-m, --message <text>", "why; the graph is given it")
    .option("--reason <code>", "one of the reasons that review show lists; it brings its own words, unless -m is given")
    .addHelpText(
      "after",
      '\nExamples:\n  $ holdpoint review reject 7f3a -m "the invoice is not hers"\n  $ holdpoint review reject 7f3a --reason too_late --yes',
    )
    .action(async (id: string, options: RejectOptions) => {
      const { message: own, reason: reason_code } = options;
      const isSilent = own === undefined ? reason_code === undefined : own.trim() === "";
      if (isSilent) throw usageError("say why with -m or --reason: the graph is given the reason");
      const subject = await findSubject(cli.api(), id);
      const intentOf = (found: Review) => {
        const message = own ?? wordsOf(found, reason_code ?? "");
        const chosen = chosenActions(found, options);
        const decisions = decisionsOf(found, chosen, () => ({ type: "reject", message }), options);
        const why = reason_code === undefined ? "" : ` (${sanitiseLine(reason_code)})`;
        const shown = [...proposalLines(found, chosen, cli.terminal), `You reject it${why}: ${sanitiseText(message)}`];
        return { decisions, shown };
      };
      if ("review" in subject) {
        const { review: found } = subject;
        return await decide(cli, found, { ...intentOf(found), reason_code, question: "Reject?" }, options);
      }
      const question = `Reject all ${subject.reviews.length}?`;
      await decideGroup(cli, subject, { intentOf, reason_code, question }, options);
    });
}

/** What the graph is told for one of the reasons that the review offers. */
function wordsOf({ policy }: Review, code: string): string {
  const offered = policy?.reject_options ?? [];
  const reason = offered.find((option) => option.code === code);
  if (reason !== undefined) return reason.message ?? reason.title;
  const known = offered.map((option) => option.code).join(", ");
  throw new CommandError(
    EXIT.invalid,
    sanitiseLine(`"${code}" is none of this review's reasons: ${known || "it has none, say why with -m"}`),
  );
}
