import type { Command } from "commander";
import { z } from "zod";
import type { Cli } from "../cli.ts";
import { listReviews } from "../find-review.ts";
import { findRun } from "../find-run.ts";
import { formatMoment, formatValue } from "../format.ts";
import { shortId } from "../id-prefix.ts";
import { isOpenReview } from "../review-view.ts";
import { answeredLine } from "../run-end.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";
import { renderPairs } from "../table.ts";
import { clip } from "../text-width.ts";
import type { RunView } from "../wire.ts";

interface ShowOptions {
  thread?: string;
  json?: boolean;
}

const threadStateWire = z.looseObject({ values: z.unknown(), next: z.array(z.string()).nullish() });

/** `runs show`: one run, its questions and what it left. */
export function addRunsShow(runs: Command, cli: Cli): void {
  runs
    .command("show")
    .description("show a run: its status, its reviews and the state of its thread")
    .argument("<id>", "id of the run, or its first characters")
    .option("-t, --thread <id>", "the thread it is on, where that is known")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  $ holdpoint runs show 1b2c\n  $ holdpoint runs show 1b2c --json | jq .state.values",
    )
    .action(async (id: string, options: ShowOptions) => {
      const api = cli.api();
      const run = await findRun(api, id, options.thread);
      const path = `/threads/${encodeURIComponent(run.thread_id)}/state`;
      const { body: state } = await api.request("GET", path, threadStateWire);
      const reviews = (await listReviews(api, { thread_id: run.thread_id })).filter(
        ({ run_id }) => run_id === run.run_id,
      );
      if (options.json === true) return cli.terminal.out(safeJson({ run, reviews, state }, 2));
      for (const line of showLines(cli, run)) cli.terminal.out(line);
      for (const review of reviews) {
        cli.terminal.out(
          `  ${isOpenReview(review) ? `waits for review ${shortId(review.id)}: ${sanitiseLine(review.title)}` : answeredLine(review)}`,
        );
      }
      for (const line of stateLines(cli, state)) cli.terminal.out(line);
    });
}

function showLines(cli: Cli, run: RunView): string[] {
  const { bold, dim } = cli.terminal.colours;
  const pairs: [string, string][] = [
    ["thread", sanitiseLine(run.thread_id)],
    ["created", formatMoment(run.created_at)],
    ["changed", formatMoment(run.updated_at)],
  ];
  return [`${bold(`run ${run.run_id}`)}  ${sanitiseLine(run.status)}`, ...renderPairs(pairs, 2, dim)];
}

function stateLines(cli: Cli, { values, next }: z.infer<typeof threadStateWire>): string[] {
  const { dim } = cli.terminal.colours;
  const ahead = next == null || next.length === 0 ? [] : [`  next: ${next.map(sanitiseLine).join(", ")}`];
  if (typeof values !== "object" || values === null) return ahead;
  const room = Math.max(20, cli.terminal.columns - 24);
  const pairs = Object.entries(values)
    .filter(([, value]) => value !== null)
    .map(([name, value]): [string, string] => [name, clip(formatValue(value).replaceAll("\n", " "), room)]);
  return [...ahead, dim("  state of the thread now:"), ...renderPairs(pairs, 4, dim)];
}
