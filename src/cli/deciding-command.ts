import { type Command, Option } from "commander";

/** The options that every command that decides has. */
export interface DecidingOptions {
  action?: string;
  rest?: string;
  yes?: boolean;
  json?: boolean;
  message?: string;
}

const ONE = "id of the review, or its first characters";

/** What a command takes that can decide all reviews of a pause together. */
export const ONE_OR_GROUP = "id of the review, or of a group of them (group_id), or its first characters";

/** A command that decides a review, with the options all of them have. */
export function decidingCommand(review: Command, name: string, description: string, argument = ONE): Command {
  return review
    .command(name)
    .description(description)
    .argument("<id>", argument)
    .option("-a, --action <number>", "only this action of the review")
    .addOption(new Option("--rest <decision>", "what happens to its other actions").choices(["approve", "reject"]))
    .option("-y, --yes", "do not ask; needed where there is no terminal")
    .option("--json", "print the decided review as JSON");
}
