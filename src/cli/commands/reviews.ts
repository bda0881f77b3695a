import { setTimeout as sleep } from "node:timers/promises";
import { Argument, type Command, Option } from "commander";
import { REVIEW_STATUSES } from "../../protocol/review.ts";
import type { Cli } from "../cli.ts";
import { listReviews } from "../find-review.ts";
import { formatAmount, formatDue, formatSince } from "../format.ts";
import { shortId } from "../id-prefix.ts";
import { interruptible } from "../interruptible.ts";
import { printList, wholeNumberOption } from "../list-output.ts";
import type { Column } from "../table.ts";
import type { Review } from "../wire.ts";

interface ReviewsOptions {
  graph?: string;
  status: string;
  limit: number;
  json?: string | true;
  watch?: boolean;
}

const WATCH_EVERY_MS = 2000;

/** `reviews`: what waits for a person. */
export function addReviews(program: Command, cli: Cli): void {
  program
    .command("reviews")
    .description("list what waits for a person, longest first")
    .addArgument(new Argument("[list]", "the same in one more word").choices(["list"]))
    .option("-g, --graph <id>", "only of this graph")
    .addOption(
      new Option("-s, --status <status>", "only with this status").choices([...REVIEW_STATUSES, "all"]).default("open"),
    )
    .addOption(wholeNumberOption("-n, --limit <number>", "how many at most", 1, 10_000).default(100))
    .option("--json [fields]", "print JSON, or only these fields of it (id,title,…)")
    .option("-w, --watch", "go on and print each new one as it comes")
    .addHelpText(
      "after",
      `
Piped, it prints one line a review, tab-separated and without a heading:
id, title, amount, graph, opened_at, due_at, status

Examples:
  $ holdpoint reviews
  $ holdpoint reviews --graph refund-approval --json id,title,due_at
  $ holdpoint reviews --watch | while read id rest; do notify "$id"; done`,
    )
    .action((_list: string | undefined, options: ReviewsOptions) => list(cli, options));
}

async function list(cli: Cli, options: ReviewsOptions): Promise<void> {
  const filter = { graph_id: options.graph, status: options.status === "all" ? undefined : options.status };
  const reviews = await listReviews(cli.api(), filter, options.limit);
  if (options.watch !== true)
    return printList(cli.terminal, columnsOf(cli, reviews), reviews, emptyLine(options), options.json);
  await interruptible(
    () => "",
    async (signal) => {
      const known = new Set(reviews.map(({ id }) => id));
      printList(cli.terminal, columnsOf(cli, reviews), reviews, emptyLine(options), options.json);
      // Until Ctrl-C.
      for (;;) {
        await sleep(WATCH_EVERY_MS, undefined, { signal });
        const fresh = (await listReviews(cli.api(), filter, options.limit)).filter(({ id }) => !known.has(id));
        for (const { id } of fresh) known.add(id);
        if (fresh.length > 0) printList(cli.terminal, columnsOf(cli, fresh), fresh, "", options.json, false);
      }
    },
  );
}

function emptyLine({ status, graph }: ReviewsOptions): string {
  const of = graph === undefined ? "" : ` of ${graph}`;
  return status === "open" ? `nothing${of} waits for a person` : `no reviews${of}`;
}

function columnsOf(cli: Cli, reviews: readonly Review[]): Column<Review>[] {
  const ids = reviews.map(({ id }) => id);
  const now = cli.terminal.now();
  const amount = ({ actions }: Review) => formatAmount(actions[0]?.args);
  const isMixed = new Set(reviews.map(({ status }) => status)).size > 1;
  return [
    { name: "ID", show: ({ id }) => shortId(id, ids), value: ({ id }) => id },
    { name: "TITLE", show: ({ title }) => title, shrinks: true },
    { name: "AMOUNT", show: amount, align: "right" },
    { name: "GRAPH", show: ({ graph_id }) => graph_id },
    { name: "WAITING", show: ({ opened_at }) => formatSince(opened_at, now), value: ({ opened_at }) => opened_at },
    { name: "DUE", show: ({ due_at }) => formatDue(due_at ?? null, now), value: ({ due_at }) => due_at ?? "" },
    { name: isMixed ? "STATUS" : "", show: ({ status }) => (isMixed ? status : ""), value: ({ status }) => status },
  ];
}
