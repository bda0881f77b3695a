import { readFileSync } from "node:fs";
import { Command } from "commander";
import type { Cli } from "./cli.ts";
import { addAuditCommands } from "./commands/audit.ts";
import { addCheck } from "./commands/check.ts";
import { addDatabaseCommands } from "./commands/db.ts";
import { addDeliveriesCommands } from "./commands/deliveries.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addEffectsCommands } from "./commands/effects.ts";
import { addGraphs } from "./commands/graphs.ts";
import { addInsights } from "./commands/insights.ts";
import { addKeysCommands } from "./commands/keys.ts";
import { addLogin } from "./commands/login.ts";
import { addMockModel } from "./commands/mock-model.ts";
import { addPolicyCommands } from "./commands/policy-check.ts";
import { addQueue } from "./commands/queue.ts";
import { addReviewApprove } from "./commands/review-approve.ts";
import { addReviewAsk } from "./commands/review-ask.ts";
import { addReviewAttend } from "./commands/review-attend.ts";
import { addReviewEdit } from "./commands/review-edit.ts";
import { addReviewEscalate } from "./commands/review-escalate.ts";
import { addReviewReject } from "./commands/review-reject.ts";
import { addReviewRespond } from "./commands/review-respond.ts";
import { addReviewRetry } from "./commands/review-retry.ts";
import { addReviewShow } from "./commands/review-show.ts";
import { addReviews } from "./commands/reviews.ts";
import { addRun } from "./commands/run.ts";
import { addRunsCancel } from "./commands/runs-cancel.ts";
import { addRunsList } from "./commands/runs-list.ts";
import { addRunsRetry } from "./commands/runs-retry.ts";
import { addRunsShow } from "./commands/runs-show.ts";
import { addRunsWatch } from "./commands/runs-watch.ts";
import { addServerCommands } from "./commands/start.ts";
import { addTicketsCommands } from "./commands/tickets.ts";
import { addUsage } from "./commands/usage.ts";
import { addWebhookCommands } from "./commands/webhook.ts";
import { addWhoami } from "./commands/whoami.ts";
import { addWorkers } from "./commands/workers.ts";
import { sanitiseText } from "./sanitise.ts";

const AFTER_HELP = `
Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 conflict (already decided), 4 denied, 5 invalid, 6 stale.
Ids can be shortened to their first 4 characters or more.`;

/** The command line, all of it. */
export function createProgram(cli: Cli): Command {
  const { terminal } = cli;
  const program = new Command("holdpoint")
    .description("Runs LangGraph workflows durably and asks a person before anything that matters.")
    .version(packageVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
      outputError: (text, write) => write(sanitiseText(text.replace(/^error: /, "holdpoint: "))),
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
    })
    .addHelpText("after", AFTER_HELP);

  addServerCommands(program, cli);
  addRun(program, cli);
  addReviews(program, cli);
  const review = program.command("review").description("look at one review, and decide it").helpCommand(false);
  for (const add of [
    addReviewShow,
    addReviewApprove,
    addReviewEdit,
    addReviewReject,
    addReviewRespond,
    addReviewAsk,
    addReviewAttend,
    addReviewEscalate,
    addReviewRetry,
  ])
    add(review, cli);
  const runs = program
    .command("runs")
    .description("see what runs, follow it, stop it, try it again")
    .helpCommand(false);
  for (const add of [addRunsList, addRunsShow, addRunsWatch, addRunsCancel, addRunsRetry]) add(runs, cli);
  addInsights(program, cli);
  addUsage(program, cli);
  addQueue(program, cli);
  addWorkers(program, cli);
  addEffectsCommands(program, cli);
  addDeliveriesCommands(program, cli);
  addTicketsCommands(program, cli);
  addWebhookCommands(program, cli);
  addAuditCommands(program, cli);
  addGraphs(program, cli);
  addCheck(program, cli);
  addMockModel(program, cli);
  addPolicyCommands(program, cli);
  addKeysCommands(program, cli);
  addWhoami(program, cli);
  addLogin(program, cli);
  addDoctor(program, cli);
  addDatabaseCommands(program, cli);
  return program;
}

/** The version of this package. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return version;
}
