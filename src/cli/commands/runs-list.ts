import { type Command, Option } from "commander";
import { z } from "zod";
import { RUN_STATUSES } from "../../protocol/run.ts";
import type { Api } from "../api.ts";
import type { Cli } from "../cli.ts";
import { listReviews } from "../find-review.ts";
import { runsOfThread, runsOfThreads, searchThreads } from "../find-run.ts";
import { formatMoment, formatSince } from "../format.ts";
import { shortId } from "../id-prefix.ts";
import { printList, wholeNumberOption } from "../list-output.ts";
import type { Column } from "../table.ts";
import type { RunView } from "../wire.ts";

interface ListOptions {
  graph?: string;
  thread?: string;
  status?: string;
  limit: number;
  json?: string | true;
}

interface ListedRun extends RunView {
  graph_id: string;
  /** The open review it waits for. */
  review_id: string | null;
}

const RUNS_OF_A_THREAD = 20;
const ASSISTANTS_AT_MOST = 1000;
const assistantWire = z.looseObject({ assistant_id: z.string(), graph_id: z.string() });

/** `runs list`: what runs, ran and waits. */
export function addRunsList(runs: Command, cli: Cli): void {
  runs
    .command("list", { isDefault: true })
    .description("list runs, newest first")
    .option("-g, --graph <id>", "only of this graph")
    .option("-t, --thread <id>", "only of this thread")
    .addOption(new Option("-s, --status <status>", "only with this status").choices(RUN_STATUSES))
    .addOption(wholeNumberOption("-n, --limit <number>", "how many at most", 1, 1000).default(20))
    .option("--json [fields]", "print JSON, or only these fields of it (run_id,status,…)")
    .addHelpText(
      "after",
      `
Piped, it prints one line a run, tab-separated and without a heading:
run_id, graph, status, review_id, created_at, updated_at, thread_id

Examples:
  $ holdpoint runs list
  $ holdpoint runs list --status error --json run_id,thread_id`,
    )
    .action((options: ListOptions) => list(cli, options));
}

async function list(cli: Cli, options: ListOptions): Promise<void> {
  const api = cli.api();
  const { graph, thread, status, limit } = options;
  const runs =
    thread === undefined
      ? await runsOfThreads(
          api,
          await searchThreads(api, {
            limit,
            offset: 0,
            ...(graph === undefined ? {} : { metadata: { graph_id: graph } }),
          }),
          Math.min(limit, RUNS_OF_A_THREAD),
          status,
        )
      : await runsOfThread(api, thread, limit, status);
  const newest = runs.toSorted((a, b) => b.created_at.localeCompare(a.created_at)).slice(0, limit);
  const [waiting, graphs] = await Promise.all([listReviews(api, { status: "open" }), graphsByAssistant(api)]);
  const waits = new Map(waiting.map(({ run_id, id }) => [run_id, id]));
  const rows = newest.map((run) => ({
    ...run,
    graph_id: graphs.get(run.assistant_id ?? "") ?? run.assistant_id ?? "",
    review_id: waits.get(run.run_id) ?? null,
  }));
  printList(cli.terminal, columnsOf(cli, rows), rows, "no runs", options.json);
}

/** A run names its assistant, a person wants to know its graph. */
async function graphsByAssistant(api: Api): Promise<Map<string, string>> {
  const body = { limit: ASSISTANTS_AT_MOST };
  const { body: assistants } = await api.request("POST", "/assistants/search", z.array(assistantWire), { body });
  return new Map(assistants.map(({ assistant_id, graph_id }) => [assistant_id, graph_id]));
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
function statusWord({ status, review_id }: ListedRun): string {
  if (review_id !== null) return "waiting";
  return status === "interrupted" ? "cancelled" : status;
}
