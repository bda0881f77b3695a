import type { Command } from "commander";
import { z } from "zod";
import type { Cli } from "../cli.ts";
import { listReviews } from "../find-review.ts";
import { addressOfRun, findRun, type ListedRun, readRun } from "../find-run.ts";
import { formatDuration, formatMoment, formatValue } from "../format.ts";
import { shortId } from "../id-prefix.ts";
import { isOpenReview } from "../review-view.ts";
import { answeredLine } from "../run-end.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";
import { renderPairs } from "../table.ts";
import { clip } from "../text-width.ts";

interface ShowOptions {
  thread?: string;
  json?: boolean;
}

const attemptWire = z.looseObject({
  attempt: z.number(),
  worker_id: z.string(),
  started_at: z.string(),
  ended_at: z.string().nullable(),
  outcome: z.string().nullable(),
  error_class: z.string().nullable(),
});
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
      const { body: attempts } = await api.request("GET", `${addressOfRun(run)}/attempts`, z.array(attemptWire));
      if (options.json === true) {
        const whole = { ...run, ...(await readRun(api, run)) };
        return cli.terminal.out(safeJson({ run: whole, attempts, reviews, state }, 2));
      }
      for (const line of [...showLines(cli, run), ...attemptLines(attempts)]) cli.terminal.out(line);
      for (const review of reviews) {
        cli.terminal.out(
          `  ${isOpenReview(review) ? `waits for review ${shortId(review.id)}: ${sanitiseLine(review.title)}` : answeredLine(review)}`,
        );
      }
      for (const line of stateLines(cli, state)) cli.terminal.out(line);
    });
}

function showLines(cli: Cli, run: ListedRun): string[] {
  const { bold, dim } = cli.terminal.colours;
  const pairs = [
    ["graph", sanitiseLine(run.graph_id)],
    ["thread", sanitiseLine(run.thread_id)],
    ["created", formatMoment(run.created_at)],
    ["started", run.started_at === null ? "" : formatMoment(run.started_at)],
    ["ended", run.ended_at === null ? "" : formatMoment(run.ended_at)],
    ["error", run.error === null ? "" : clip(sanitiseLine(`${run.error.error}: ${run.error.message}`), 400)],
  ].filter(([, value]) => value !== "") as [string, string][];
  return [`${bold(`run ${run.run_id}`)}  ${sanitiseLine(run.status)}`, ...renderPairs(pairs, 2, dim)];
}

/** One attempt is what everybody expects; more tell of workers that were lost. */
function attemptLines(attempts: readonly z.infer<typeof attemptWire>[]): string[] {
  if (attempts.length < 2) return [];
  return attempts.map(({ attempt, worker_id, started_at, ended_at, outcome, error_class }) => {
    const took = ended_at === null ? "" : ` after ${formatDuration(Date.parse(ended_at) - Date.parse(started_at))}`;
    const how = sanitiseLine(`${outcome ?? "under way"}${took}${error_class === null ? "" : ` (${error_class})`}`);
    return `  attempt ${attempt} of worker ${shortId(worker_id)}, ${formatMoment(started_at)}: ${how}`;
  });
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
