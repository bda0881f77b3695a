import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { usageError } from "../command-error.ts";
import { findReview } from "../find-review.ts";
import { formatMoment } from "../format.ts";
import { shortId } from "../id-prefix.ts";
import { momentOf } from "../moment.ts";
import { principalName } from "../principal-name.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";
import { type Review, reviewWire } from "../wire.ts";

interface AttendOptions {
  json?: boolean;
  message?: string;
  nobody?: boolean;
}

/** What is sent for a command, and what is said when it is done. */
interface Attendance {
  /** The last part of the route. */
  act: string;
  body?: unknown;
  /** The same, where it depends on the review as it was found. */
  bodyOf?: (found: Review) => unknown;
  done: (review: Review) => string;
}

/** `review claim`, `release`, `assign`, `delegate`, `snooze`, `unsnooze`, `comment`, `answer`: what decides nothing. */
export function addReviewAttend(review: Command, cli: Cli): void {
  addHolding(review, cli);
  addHandingOn(review, cli);
  addSnoozing(review, cli);
  addSpeaking(review, cli);
}

/** Sends it, and prints the review as it is then. */
export async function attend(cli: Cli, id: string, attendance: Attendance, json: boolean): Promise<void> {
  const { act, body, bodyOf, done } = attendance;
  const api = cli.api();
  const found = await findReview(api, id);
  const path = `/reviews/${encodeURIComponent(found.id)}/${act}`;
  const { body: review } = await api.request("POST", path, reviewWire, {
    body: bodyOf?.(found) ?? body ?? {},
  });
  cli.terminal.out(json ? safeJson(review, 2) : sanitiseLine(done(review)));
}

function attending(review: Command, name: string, description: string): Command {
  return review
    .command(name)
    .description(description)
    .argument("<id>", "id of the review, or its first characters")
    .option("--json", "print the review as JSON");
}

function addHolding(review: Command, cli: Cli): void {
  attending(review, "claim", "take a review in hand: for a while nobody else can decide it")
    .addHelpText(
      "after",
      "\nAnother claim of yours goes on for as long again.\n\nExamples:\n  $ holdpoint review claim 7f3a",
    )
    .action((id: string, { json }: AttendOptions) => {
      const done = ({ id: whole, claim }: Review) =>
        `claimed: review ${shortId(whole)}${claim == null ? "" : ` until ${formatMoment(claim.until)}`}`;
      return attend(cli, id, { act: "claim", done }, json === true);
    });
  attending(review, "release", "let go of a review that you have claimed")
    .addHelpText("after", "\nExamples:\n  $ holdpoint review release 7f3a")
    .action((id: string, { json }: AttendOptions) => {
      const done = ({ id: whole }: Review) => `released: review ${shortId(whole)}`;
      return attend(cli, id, { act: "release", done }, json === true);
    });
}

function addHandingOn(review: Command, cli: Cli): void {
  const assigned = ({ id, assignee }: Review) =>
    assignee == null
      ? `assigned to nobody: review ${shortId(id)}`
      : `assigned to ${assignee}: review ${shortId(id)} is theirs to decide`;
  attending(review, "assign", "say who is to decide a review")
    .argument("[person]", "id of the person, as whoami prints it")
    .option("--nobody", "nobody in particular: whoever may decide it")
    .addHelpText(
      "after",
      "\nExamples:\n  $ holdpoint review assign 7f3a ana\n  $ holdpoint review assign 7f3a --nobody",
    )
    .action((id: string, person: string | undefined, { json, nobody }: AttendOptions) => {
      if ((person === undefined) === (nobody !== true))
        throw usageError("say to whom: give the id of a person, or --nobody");
      const to = person === undefined ? null : principalName(person);
      return attend(cli, id, { act: "assign", body: { to }, done: assigned }, json === true);
    });
  attending(review, "delegate", "hand a review that is yours on to somebody else")
    .argument("<person>", "id of the person, as whoami prints it")
    .addHelpText("after", "\nExamples:\n  $ holdpoint review delegate 7f3a ben")
    .action((id: string, person: string, { json }: AttendOptions) => {
      const body = { to: principalName(person) };
      return attend(cli, id, { act: "delegate", body, done: assigned }, json === true);
    });
}

function addSnoozing(review: Command, cli: Cli): void {
  attending(review, "snooze", "put a review out of sight for a while; its deadlines stay")
    .argument("<until>", "for how long (30m, 4h, 2d) or until when (2026-12-01T09:00+01:00)")
    .addHelpText(
      "after",
      "\nExamples:\n  $ holdpoint review snooze 7f3a 4h\n  $ holdpoint review snooze 7f3a 2026-12-01T09:00Z",
    )
    .action((id: string, until: string, { json }: AttendOptions) => {
      const body = { until: momentOf(until, cli.terminal.now()) };
      const done = ({ id: whole, snoozed_until }: Review) =>
        `snoozed: review ${shortId(whole)} until ${formatMoment(snoozed_until ?? body.until)}`;
      return attend(cli, id, { act: "snooze", body, done }, json === true);
    });
  attending(review, "unsnooze", "bring a snoozed review back into sight")
    .addHelpText("after", "\nExamples:\n  $ holdpoint review unsnooze 7f3a")
    .action((id: string, { json }: AttendOptions) => {
      const done = ({ id: whole }: Review) => `back in sight: review ${shortId(whole)}`;
      return attend(cli, id, { act: "snooze", body: { until: null }, done }, json === true);
    });
}

function addSpeaking(review: Command, cli: Cli): void {
  attending(review, "comment", "say something about a review; it decides nothing")
    .requiredOption("-m, --message <text>", "what you say")
    .addHelpText("after", '\nExamples:\n  $ holdpoint review comment 7f3a -m "the customer called twice"')
    .action((id: string, { json, message }: AttendOptions) => {
      const done = ({ id: whole }: Review) => `noted: review ${shortId(whole)}`;
      return attend(cli, id, { act: "comment", body: { text: words(message) }, done }, json === true);
    });
  attending(review, "answer", "answer what was asked about a review; it waits for its decision again")
    .requiredOption("-m, --message <text>", "the answer")
    .addHelpText(
      "after",
      '\nTo answer the question that the graph itself asks: holdpoint review respond.\n\nExamples:\n  $ holdpoint review answer 7f3a -m "yes, it is her account"',
    )
    .action((id: string, { json, message }: AttendOptions) => {
      const done = ({ id: whole }: Review) => `answered: review ${shortId(whole)} waits for its decision again`;
      return attend(cli, id, { act: "answer", body: { text: words(message) }, done }, json === true);
    });
}

function words(message: string | undefined): string {
  if (message === undefined || message.trim() === "") throw usageError("say something with -m");
  return message;
}
