import type { Command } from "commander";
import { z } from "zod";
import type { Api } from "../api.ts";
import type { Cli } from "../cli.ts";
import { CommandError } from "../command-error.ts";
import { confirm } from "../confirm.ts";
import { EXIT } from "../exit-codes.ts";
import { listReviews } from "../find-review.ts";
import { addressOfRun, findRun, type ListedRun, readRun } from "../find-run.ts";
import { shortId } from "../id-prefix.ts";
import { isOpenReview } from "../review-view.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";
import type { Review } from "../wire.ts";

interface CancelOptions {
  thread?: string;
  yes?: boolean;
  json?: boolean;
}

const UNDER_WAY = new Set(["pending", "running"]);

/** `runs cancel`: stops a run; a question it asked is taken back. */
export function addRunsCancel(runs: Command, cli: Cli): void {
  runs
    .command("cancel")
    .description("stop a run; a question that it asks a person is taken back")
    .argument("<id>", "id of the run, or its first characters")
    .option("-t, --thread <id>", "the thread it is on, where that is known")
    .option("-y, --yes", "do not ask; needed where there is no terminal")
    .option("--json", "print the run as JSON")
    .addHelpText("after", "\nExamples:\n  $ holdpoint runs cancel 1b2c\n  $ holdpoint runs cancel 1b2c --yes")
    .action(async (id: string, options: CancelOptions) => {
      const { terminal } = cli;
      const api = cli.api();
      const run = await findRun(api, id, options.thread);
      const line = `run ${shortId(run.run_id)} (${sanitiseLine(run.status)}) of thread ${shortId(run.thread_id)}`;
      const asked = await openReviewsOf(api, run);
      if (!UNDER_WAY.has(run.status) && asked.length === 0) {
        throw new CommandError(EXIT.conflict, `${line} has ended already: there is nothing to cancel`);
      }
      const say = options.json === true ? terminal.note : terminal.out;
      say(line);
      for (const review of asked) say(`  takes back review ${shortId(review.id)}: ${sanitiseLine(review.title)}`);
      await confirm(terminal, "Cancel it?", options.yes === true);
      await api.request("POST", `${addressOfRun(run)}/cancel`, z.unknown(), {
        query: { wait: "1", action: "interrupt" },
      });
      const now = await readRun(api, run);
      if (options.json === true) {
        terminal.out(safeJson(now, 2));
        return;
      }
      const word = UNDER_WAY.has(now.status) ? "asked to stop" : asked.length > 0 ? "cancelled" : endWord(now.status);
      terminal.out(`${terminal.colours.green(word)}: run ${shortId(now.run_id)}`);
    });
}

function endWord(status: string): string {
  // It may have come to its end just before it was told to stop.
  return status === "interrupted" ? "cancelled" : sanitiseLine(status);
}

async function openReviewsOf(api: Api, { thread_id, run_id }: ListedRun): Promise<Review[]> {
  const reviews = await listReviews(api, { thread_id });
  return reviews.filter((review) => review.run_id === run_id && isOpenReview(review));
}
