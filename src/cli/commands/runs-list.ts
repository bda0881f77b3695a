import { type Command, Option } from "commander";
import { RUN_STATUSES } from "../../protocol/run.ts";
import type { Cli } from "../cli.ts";
import { type ListedRun, listRuns } from "../find-run.ts";
import { formatMoment, formatSince } from "../format.ts";
import { shortId } from "../id-prefix.ts";
import { printList, wholeNumberOption } from "../list-output.ts";
import type { Column } from "../table.ts";

interface ListOptions {
  graph?: string;
  thread?: string;
  status?: string;
  since?: string;
  limit: number;
  json?: string | true;
}

/** `runs list`: what runs, ran and waits. */
export function addRunsList(runs: Command, cli: Cli): void {
  runs
    .command("list", { isDefault: true })
    .description("list runs, newest first")
    .option("-g, --graph <id>", "only of this graph")
    .option("-t, --thread <id>", "only of this thread")
    .addOption(new Option("-s, --status <status>", "only with this status").choices(RUN_STATUSES))
    .option("--since <when>", "only those created since: 90m, 24h, 7d, or a date")
    .addOption(wholeNumberOption("-n, --limit <number>", "how many at most", 1, 1000).default(20))
    .option("--json [fields]", "print JSON, or only these fields of it (run_id,status,…)")
    .addHelpText(
      "after",
      `
Piped, it prints one line a run, tab-separated and without a heading:
run_id, graph, status, review_id, created_at, updated_at, thread_id

Examples:
  $ holdpoint runs list
  $ holdpoint runs list --status error --since 24h --json run_id,thread_id`,
    )
    .action((options: ListOptions) => list(cli, options));
}

async function list(cli: Cli, { graph, thread, status, since, limit, json }: ListOptions): Promise<void> {
  const rows = await listRuns(cli.api(), { graph_id: graph, thread_id: thread, status, since, limit });
  printList(cli.terminal, columnsOf(cli, rows), rows, "no runs", json);
}

function columnsOf(cli: Cli, rows: readonly ListedRun[]): Column<ListedRun>[] {
  const ids = rows.map(({ run_id }) => run_id);
  const threads = rows.map(({ thread_id }) => thread_id);
  const now = cli.terminal.now();
  return [
    { name: "RUN", show: ({ run_id }) => shortId(run_id, ids), value: ({ run_id }) => run_id },
    { name: "GRAPH", show: ({ graph_id }) => graph_id, shrinks: true },
    { name: "STATUS", show: (run) => statusWord(run), value: ({ status }) => status },
    {
      name: "WAITS FOR",
      show: ({ review_id }) => (review_id === null ? "" : `review ${shortId(review_id)}`),
      value: ({ review_id }) => review_id ?? "",
    },
    { name: "STARTED", show: ({ created_at }) => formatMoment(created_at), value: ({ created_at }) => created_at },
    { name: "AGE", show: ({ created_at }) => formatSince(created_at, now), value: ({ updated_at }) => updated_at },
    {
      name: "THREAD",
      show: ({ thread_id }) =>
        shortId(
          thread_id,
          threads.filter((id) => id !== thread_id),
        ),
      value: ({ thread_id }) => thread_id,
    },
  ];
}

/** A run that paused has the status `success` in the API's words; a person would read that as done. */
function statusWord({ status, review_id, error }: ListedRun): string {
  if (review_id !== null) return "waiting";
  if (status === "success" && error?.error === "review_timed_out") return "timed out";
  return status === "interrupted" ? "cancelled" : status;
}
