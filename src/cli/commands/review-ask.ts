import type { Command } from "commander";
import type { Decision } from "../../protocol/decision.ts";
import type { Cli } from "../cli.ts";
import { usageError } from "../command-error.ts";
import { decide } from "../decide.ts";
import { findReview } from "../find-review.ts";
import { shortId } from "../id-prefix.ts";
import { principalName } from "../principal-name.ts";
import { proposalLines } from "../review-view.ts";
import { sanitiseText } from "../sanitise.ts";
import type { Review } from "../wire.ts";
import { attend } from "./review-attend.ts";

interface AskOptions {
  message: string;
  to?: string;
  yes?: boolean;
  json?: boolean;
}

/** The name that stands for the graph. */
const AGENT = "agent";

/** `review ask`: somebody has to say more first, or the graph has to think again. */
export function addReviewAsk(review: Command, cli: Cli): void {
  review
    .command("ask")
    .description("ask for more before deciding: a person, or the graph itself")
    .argument("<id>", "id of the review, or its first characters")
    .requiredOption("-m, --message <text>", "what you want to know, or want to be different")
    .option("--to <who>", 'whom: a person, or "agent" for the graph (default: whoever knows)')
    .option("-y, --yes", "with --to agent: do not ask; needed where there is no terminal")
    .option("--json", "print the review as JSON")
    .addHelpText(
      "after",
      `
Asked of a person, the review waits for "holdpoint review answer" and then for its decision again; anybody who
knows may answer. Sent back to the agent it is decided: what it asks about does not happen, the graph is given
your words, and it asks again if it wants to.

Examples:
  $ holdpoint review ask 7f3a -m "is that her account?" --to ben
  $ holdpoint review ask 7f3a -m "leave the fee out of it" --to agent`,
    )
    .action(async (id: string, options: AskOptions) => {
      const { message: question, json, to } = options;
      if (question.trim() === "") throw usageError("say with -m what you want to know");
      if (to === AGENT) return await sendBack(cli, await findReview(cli.api(), id), options);
      const body = { question, to: to === undefined ? null : principalName(to) };
      const done = (asked: Review) => `asked ${body.to ?? "whoever knows"}: review ${shortId(asked.id)} waits for it`;
      return await attend(cli, id, { act: "ask", body, done }, json === true);
    });
}

/** A decision like any other: shown, asked and bound to what was shown. */
async function sendBack(cli: Cli, review: Review, options: AskOptions): Promise<void> {
  const { message } = options;
  const decisions = review.actions.map(({ index, allowed }): Decision => {
    const type = allowed.includes("respond") ? "respond" : "reject";
    return { action: index, type, message };
  });
  const shown = [
    ...proposalLines(review, review.actions, cli.terminal),
    `You send it back to the graph: ${sanitiseText(message)}`,
  ];
  const ask = { question: message, to: AGENT };
  await decide(cli, review, { decisions, ask, shown, question: "Send it back?" }, options);
}
