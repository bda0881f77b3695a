import type { Cli } from "./cli.ts";
import { CommandError, usageError } from "./command-error.ts";
import { confirm } from "./confirm.ts";
import type { DecideOptions, Intent } from "./decide.ts";
import { type ActionChoice, checkOffered } from "./decisions.ts";
import { shortId } from "./id-prefix.ts";
import { isOpenReview } from "./review-view.ts";
import { safeJson, sanitiseLine } from "./sanitise.ts";
import { groupDecidedWire, type Review } from "./wire.ts";

/** What is decided of each review of a group, and what is said of all of them. */
interface GroupIntent extends Pick<Intent, "comment" | "reason_code"> {
  intentOf: (review: Review) => Pick<Intent, "decisions" | "shown">;
  /** "Approve all 2?" */
  question: string;
}

/** Shows every review of the group, asks once, sends all of it: each with the digest of exactly what was shown of it. */
export async function decideGroup(
  cli: Cli,
  { group_id, reviews }: { group_id: string; reviews: Review[] },
  { intentOf, question, comment, reason_code }: GroupIntent,
  options: DecideOptions & ActionChoice,
): Promise<void> {
  const { terminal } = cli;
  if (options.action !== undefined || options.rest !== undefined)
    throw usageError(
      "--action and --rest are about the actions of one review: give the id of a review, not of a group",
    );
  const intents = reviews.map((review) => ({ review, ...intentOf(review) }));
  const say = options.json === true ? terminal.note : terminal.out;
  const isOpen = reviews.some(isOpenReview);
  if (isOpen) {
    for (const { review, decisions } of intents) await offered(review, decisions);
    for (const [at, { review, shown }] of intents.entries()) {
      say(terminal.colours.dim(`${at + 1} of ${intents.length}: review ${shortId(review.id)}`));
      for (const line of shown.at(-1) === "" ? shown : [...shown, ""]) say(line);
    }
    await confirm(terminal, question, options.yes === true);
  }
  const answers = intents.map(({ review, decisions }) => ({
    review_id: review.id,
    decisions,
    seen_digest: review.request_digest,
  }));
  const said = {
    ...(comment === undefined || comment === "" ? {} : { comment }),
    ...(reason_code === undefined ? {} : { reason_code }),
  };
  const path = `/review-groups/${encodeURIComponent(group_id)}/decision`;
  const { body } = await cli.api().request("POST", path, groupDecidedWire, { body: { answers, ...said } });
  if (options.json === true) return terminal.out(safeJson(body, 2));
  for (const { id, outcome, status } of body.reviews.filter(({ id }) => reviews.some((review) => review.id === id))) {
    const already = isOpen ? "" : " (you had decided so before)";
    terminal.out(`${terminal.colours.green(sanitiseLine(outcome ?? status))}: review ${shortId(id)}${already}`);
  }
  const run = body.run_id == null ? undefined : shortId(body.run_id);
  terminal.out(
    run === undefined
      ? "The run goes on when the other open questions of its thread are answered."
      : `run ${run} carries them out: ${cli.name} runs watch ${run}`,
  );
}

async function offered(review: Review, decisions: Intent["decisions"]): Promise<void> {
  try {
    await checkOffered(review, decisions);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new CommandError(error.exitCode, `review ${shortId(review.id)}: ${error.message}; nothing was sent`);
  }
}
