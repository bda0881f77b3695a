import type { Command } from "commander";
import { z } from "zod";
import type { Cli } from "../cli.ts";
import { confirm } from "../confirm.ts";
import { findRun, readRun } from "../find-run.ts";
import { shortId } from "../id-prefix.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";

interface CancelOptions {
  thread?: string;
  yes?: boolean;
  json?: boolean;
}

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
      if (options.json === true) terminal.note(line);
      else terminal.out(line);
      await confirm(terminal, "Cancel it?", options.yes === true);
      const path = `/threads/${encodeURIComponent(run.thread_id)}/runs/${encodeURIComponent(run.run_id)}/cancel`;
      await api.request("POST", path, z.unknown(), { query: { wait: "1", action: "interrupt" } });
      const now = await readRun(api, run);
      if (options.json === true) return terminal.out(safeJson(now, 2));
      const word = now.status === "interrupted" ? "cancelled" : sanitiseLine(now.status);
      terminal.out(`${terminal.colours.green(word)}: run ${shortId(now.run_id)}`);
    });
}
