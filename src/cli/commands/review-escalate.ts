import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { usageError } from "../command-error.ts";
import { shortId } from "../id-prefix.ts";
import { principalName } from "../principal-name.ts";
import { peopleWords } from "../review-terms.ts";
import type { Review } from "../wire.ts";
import { attend } from "./review-attend.ts";

interface EscalateOptions {
  message?: string;
  to?: string;
  group?: string;
  json?: boolean;
}

/** `review escalate`: asks those of the next level without waiting for the clock. */
export function addReviewEscalate(review: Command, cli: Cli): void {
  review
    .command("escalate")
    .description("ask those of a review's next level now, and not when it is due")
    .argument("<id>", "id of the review, or its first characters")
    .requiredOption("-m, --message <text>", "why")
    .option("--to <person>", "ask this person as well")
    .option("--group <name>", "ask this group as well")
    .option("--json", "print the review as JSON, and who is asked")
    .addHelpText(
      "after",
      `
Whoever is on none of the review's lists is brought in by an administrator of reviews only. Where the policy
names nobody further, administrators are told.

Examples:
  $ holdpoint review escalate 7f3a -m "the customer waits at the counter"
  $ holdpoint review escalate 7f3a --to boss -m "over my limit"`,
    )
    .action(async (id: string, { message, to, group, json }: EscalateOptions) => {
      if (message === undefined || message.trim() === "") throw usageError("say why with -m");
      // Bound to the level that stands there now: of two who do this at once the second is told.
      const bodyOf = (found: Review) => ({
        reason: message,
        to: to === undefined ? null : principalName(to),
        group: group ?? null,
        level: levelOf(found),
      });
      await attend(cli, id, { act: "escalate", bodyOf, done }, json === true);
    });
}

function levelOf({ deadlines = [] }: Review): number | null {
  const next = deadlines.find(({ step, done: isDone }) => step === "escalation" && !isDone);
  return next?.level ?? null;
}

function done({ id, escalation }: Review): string {
  const who = peopleWords(escalation?.to, "those who administer reviews");
  const rest = escalation?.names_nobody === true ? "; the policy names nobody further" : "";
  return `escalated: review ${shortId(id)} is told to ${who}${rest}`;
}
