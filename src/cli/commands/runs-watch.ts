import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { CommandError } from "../command-error.ts";
import { EXIT } from "../exit-codes.ts";
import { findRun } from "../find-run.ts";
import { type Follower, followRun } from "../follow.ts";
import { shortId } from "../id-prefix.ts";
import { interruptible } from "../interruptible.ts";
import { endJson, endLines, endOfRun, type RunEnd } from "../run-end.ts";
import { safeJson } from "../sanitise.ts";
import { waitForAnswer } from "../wait-for-answer.ts";

interface WatchOptions {
  thread?: string;
  json?: boolean;
  wait: boolean;
}

/** `runs watch`: follows a run, and whatever carries it on, to the end. */
export function addRunsWatch(runs: Command, cli: Cli): void {
  runs
    .command("watch")
    .description("follow a run to its end, through every question it asks a person")
    .argument("<id>", "id of the run, or its first characters")
    .option("-t, --thread <id>", "the thread it is on, where that is known")
    .option("--no-wait", "stop at a question instead of waiting for its answer")
    .option("--json", "print one JSON object at the end")
    .addHelpText(
      "after",
      `
Ends with 0 when the work is done, with 1 when it failed or was cancelled. A connection that is lost is
taken up again; Ctrl-C stops watching, not the run.

Examples:
  $ holdpoint runs watch 1b2c
  $ holdpoint runs watch 1b2c --no-wait --json`,
    )
    .action((id: string, options: WatchOptions) => watch(cli, id, options));
}

async function watch(cli: Cli, id: string, options: WatchOptions): Promise<void> {
  const { terminal } = cli;
  const say = options.json === true ? terminal.note : terminal.out;
  await interruptible(
    () => `the run goes on: ${cli.name} runs watch ${id}`,
    async (signal) => {
      const run = await findRun(cli.api(), id, options.thread);
      const end = await followChain(cli, run, { terminal, say, signal }, options.wait);
      if (options.json === true) terminal.out(safeJson(endJson(end), 2));
      else for (const line of endLines(cli, end)) terminal.out(line);
      // Its lines are printed; only the exit code is left to give.
      if (end.exitCode !== EXIT.done) throw new CommandError(end.exitCode, "");
    },
  );
}

/** Follows a run, then the run that carries on after its question was answered, and so on: as long as there is one. */
async function followChain(
  cli: Cli,
  first: { run_id: string; thread_id: string },
  follower: Follower,
  wait: boolean,
): Promise<RunEnd> {
  const api = cli.api();
  const { bold, dim } = cli.terminal.colours;
  let run = first;
  for (;;) {
    follower.say(`${bold(`run ${shortId(run.run_id)}`)}  ${dim(`thread ${shortId(run.thread_id)}`)}`);
    const end = await endOfRun(api, await followRun(api, run, follower));
    if (end.outcome !== "waiting" && end.outcome !== "answered") return end;
    if (end.outcome === "waiting") {
      if (!wait) return end;
      for (const line of endLines(cli, end)) follower.say(line);
    }
    const answer = await waitForAnswer(api, end, follower);
    for (const line of answer.lines) follower.say(line);
    if (answer.resume_run_id === null)
      return { ...end, reviews: answer.reviews, outcome: "cancelled", exitCode: answer.exitCode };
    run = { run_id: answer.resume_run_id, thread_id: run.thread_id };
  }
}
