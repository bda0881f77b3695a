import { setTimeout as sleep } from "node:timers/promises";
import { Argument, type Command, Option } from "commander";
import { REVIEW_STATUSES } from "../../protocol/review.ts";
import { RISKS } from "../../protocol/review-policy.ts";
import type { Cli } from "../cli.ts";
import { listReviews, type ReviewFilter } from "../find-review.ts";
import { interruptible } from "../interruptible.ts";
import { printList, wholeNumberOption } from "../list-output.ts";
import { momentOf } from "../moment.ts";
import { principalName } from "../principal-name.ts";
import { reviewColumns } from "../review-columns.ts";

interface ReviewsOptions {
  graph?: string;
  status: string;
  mine?: boolean;
  group?: string;
  myGroups?: boolean;
  assignee?: string;
  unclaimed?: boolean;
  overdue?: boolean;
  snoozed?: boolean;
  risk?: string;
  dueBefore?: string;
  search?: string;
  sort: keyof typeof SORTS;
  limit: number;
  json?: string | true;
  watch?: boolean;
}

const WATCH_EVERY_MS = 2000;
const SORTS = { waiting: "opened_at", newest: "newest", due: "due_at", priority: "priority" } as const;
const WAITING = "open,info_requested";

/** `reviews`: what waits for a person. */
export function addReviews(program: Command, cli: Cli): void {
  const reviews = program
    .command("reviews")
    .description("list what waits for a person, longest first")
    .addArgument(new Argument("[list]", "the same in one more word").choices(["list"]));
  addFilters(reviews)
    .addOption(
      new Option("--sort <order>", "what comes first: waiting longest, newest, due next, highest priority")
        .choices(Object.keys(SORTS))
        .default("waiting"),
    )
    .addOption(wholeNumberOption("-n, --limit <number>", "how many at most", 1, 10_000).default(100))
    .option("--json [fields]", "print JSON, or only these fields of it (id,title,…)")
    .option("-w, --watch", "go on and print each new one as it comes")
    .addHelpText(
      "after",
      `
All that is given has to hold. Of what waits, the snoozed are left out unless they are asked for or overdue.
Piped, it prints one line a review, tab-separated and without a heading:
id, title, amount, graph, opened_at, due_at, status, risk, assignee, claimed_by

Examples:
  $ holdpoint reviews
  $ holdpoint reviews --mine --sort due
  $ holdpoint reviews --group finance --unclaimed --risk high --due-before 4h
  $ holdpoint reviews --graph refund-approval --json id,title,due_at
  $ holdpoint reviews --watch | while read id rest; do notify "$id"; done`,
    )
    .action((_list: string | undefined, options: ReviewsOptions) => list(cli, options));
}

function addFilters(reviews: Command): Command {
  return reviews
    .option("--mine", "assigned to you, claimed by you, or asked of you by name")
    .option("--group <name>", "asked of this group")
    .option("--my-groups", "asked of a group that you are in")
    .option("--assignee <person>", "assigned to this person")
    .option("--unclaimed", "in nobody's hands")
    .option("--overdue", "past the moment it was due")
    .option("--snoozed", "put out of sight for a while")
    .addOption(new Option("--risk <risk>", "of this risk").choices(RISKS))
    .option("-g, --graph <id>", "only of this graph")
    .addOption(
      new Option("-s, --status <status>", "only with this status; waiting: open, or waiting for an answer")
        .choices(["waiting", ...REVIEW_STATUSES, "all"])
        .default("waiting"),
    )
    .option("--due-before <moment>", "due within this span (4h) or before this moment (2026-12-01T09:00Z)")
    .option("-q, --search <text>", "with this text in its title");
}

async function list(cli: Cli, options: ReviewsOptions): Promise<void> {
  const { terminal } = cli;
  const read = () => listReviews(cli.api(), filterOf(options, terminal.now()), options.limit);
  const reviews = await read();
  const print = (rows: typeof reviews, empty: string, heading = true) =>
    printList(terminal, reviewColumns(rows, terminal), rows, empty, options.json, heading);
  if (options.watch !== true) return print(reviews, emptyLine(options));
  await interruptible(
    () => "",
    async (signal) => {
      const known = new Set(reviews.map(({ id }) => id));
      print(reviews, emptyLine(options));
      // Until Ctrl-C.
      for (;;) {
        await sleep(WATCH_EVERY_MS, undefined, { signal });
        const fresh = (await read()).filter(({ id }) => !known.has(id));
        for (const { id } of fresh) known.add(id);
        if (fresh.length > 0) print(fresh, "", false);
      }
    },
  );
}

/** A span is counted from each look, so that what comes to be due soon is seen by whoever watches. */
function filterOf(options: ReviewsOptions, now: Date): ReviewFilter {
  const { status, graph, group, assignee, risk, dueBefore, search, sort, overdue } = options;
  const hidden = status === "waiting" && overdue !== true ? "false" : undefined;
  const asked = (flag: boolean | undefined) => (flag === true ? "true" : undefined);
  return {
    status: status === "all" ? undefined : status === "waiting" ? WAITING : status,
    graph_id: graph,
    group,
    assignee: assignee === undefined ? undefined : principalName(assignee),
    risk,
    mine: asked(options.mine),
    my_groups: asked(options.myGroups),
    unclaimed: asked(options.unclaimed),
    overdue: asked(overdue),
    snoozed: asked(options.snoozed) ?? hidden,
    due_before: dueBefore === undefined ? undefined : momentOf(dueBefore, now),
    q: search,
    sort: SORTS[sort],
  };
}

function emptyLine(options: ReviewsOptions): string {
  const { status, graph, sort: _sort, limit: _limit, json: _json, watch: _watch, ...filters } = options;
  const of = graph === undefined ? "" : ` of ${graph}`;
  if (Object.keys(filters).length > 0) return `no reviews${of} are like that`;
  return status === "waiting" ? `nothing${of} waits for a person` : `no reviews${of}`;
}
