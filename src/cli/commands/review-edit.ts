import type { Command } from "commander";
import type { ReviewAction } from "../../protocol/interrupt.ts";
import type { Json } from "../../protocol/json.ts";
import type { Cli } from "../cli.ts";
import { CommandError, usageError } from "../command-error.ts";
import { decide } from "../decide.ts";
import { type DecidingOptions, decidingCommand } from "../deciding-command.ts";
import { checkOffered, chosenAction, decisionsOf } from "../decisions.ts";
import { changeLines, changesBetween } from "../difference.ts";
import { applySets } from "../edit-args.ts";
import { editByHand } from "../edit-by-hand.ts";
import { editorOf } from "../editor.ts";
import { EXIT } from "../exit-codes.ts";
import { findReview } from "../find-review.ts";
import { readJsonArgument } from "../input.ts";
import { isOpenReview, proposalLines } from "../review-view.ts";
import { sanitiseLine } from "../sanitise.ts";
import type { Review } from "../wire.ts";

interface EditOptions extends DecidingOptions {
  set: string[];
  file?: string;
}

/** `review edit`: it shall happen, with other arguments. */
export function addReviewEdit(review: Command, cli: Cli): void {
  decidingCommand(review, "edit", "approve with changed arguments")
    .option(
      "-s, --set <name=value>",
      "change one argument; may be repeated",
      (set: string, sets: string[]) => [...sets, set],
      [],
    )
    .option("-f, --file <json>", "all arguments: a file, - for standard input, or the JSON itself")
    .option("-m, --message <text>", "why, for whoever reads the history")
    .addHelpText(
      "after",
      `
The value of --set gets the type that the argument's schema says. Inner arguments are named with dots
(lines.0.amount) or as a JSON pointer (/lines/0/amount). What was changed is shown before it is sent.
With neither --set nor --file the arguments are opened in $VISUAL or $EDITOR, at a terminal; what the schema
does not allow is opened again with the fault named.

Examples:
  $ holdpoint review edit 7f3a --set amount=12.50 -m "one track only"
  $ holdpoint review edit 7f3a --file args.json --yes
  $ EDITOR="code --wait" holdpoint review edit 7f3a`,
    )
    .action(async (id: string, options: EditOptions) => {
      const isByHand = options.set.length === 0 && options.file === undefined;
      if (isByHand && !cli.terminal.isInteractive) {
        throw usageError("say what to change: --set amount=12.50, or --file with all arguments");
      }
      if (options.set.length > 0 && options.file !== undefined) throw usageError("give --set or --file, not both");
      const found = await findReview(cli.api(), id);
      const action = chosenAction(found, options);
      const args = isByHand
        ? await argumentsByHand(cli, found, action, options)
        : await editedArguments(cli, action, options);
      const changes = changesBetween(action.args, args);
      if (changes.length === 0)
        throw new CommandError(EXIT.invalid, "this changes nothing: to let it happen as it is, approve it");
      const decisions = decisionsOf(found, [action], () => ({ type: "edit", args }), options);
      const shown = [
        ...proposalLines(found, [action], cli.terminal),
        "You change:",
        ...changes.flatMap((change) => changeLines(change, cli.terminal)).map((line) => `  ${line}`),
      ];
      await decide(
        cli,
        found,
        { decisions, comment: options.message, shown, question: "Approve with these changes?" },
        options,
      );
    });
}

/** In an editor, and until what is left there is an answer that the review takes. */
async function argumentsByHand(cli: Cli, review: Review, action: ReviewAction, options: EditOptions): Promise<Json> {
  if (!isOpenReview(review))
    throw new CommandError(EXIT.conflict, sanitiseLine(`this review is ${review.status}: there is nothing to edit`));
  if (!action.allowed.includes("edit"))
    throw new CommandError(EXIT.invalid, `this cannot be decided so: allowed: ${action.allowed.join(", ")}`);
  const decided = (args: Json) => decisionsOf(review, [action], () => ({ type: "edit", args }), options);
  // Before anybody has typed anything: what is missing on the command line.
  decided(action.args);
  return await editByHand(action, editorOf(cli.terminal), (args) => checkOffered(review, decided(args)));
}

async function editedArguments(cli: Cli, action: ReviewAction, options: EditOptions): Promise<Json> {
  if (options.file !== undefined) return await readJsonArgument(options.file, "--file", cli.terminal);
  return applySets(action.args, action.args_schema, options.set);
}
