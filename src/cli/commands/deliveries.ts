import { type Command, Option } from "commander";
import { DELIVERY_STATUSES } from "../../protocol/delivery.ts";
import type { Cli } from "../cli.ts";
import { type DeliveryView, listDeliveries } from "../find-delivery.ts";
import { formatMoment, formatSince } from "../format.ts";
import { shortId } from "../id-prefix.ts";
import { printList, wholeNumberOption } from "../list-output.ts";
import type { Column } from "../table.ts";
import { addDeliveriesReplay } from "./deliveries-replay.ts";
import { addDeliveriesShow } from "./deliveries-show.ts";

interface ListOptions {
  status?: string;
  run?: string;
  review?: string;
  limit: number;
  json?: string | true;
}

/** `deliveries`: what webhooks were told and people were written, what came of it, and telling it again. */
export function addDeliveriesCommands(program: Command, cli: Cli): void {
  const deliveries = program
    .command("deliveries")
    .description("see what webhooks were told and people were written, and tell it again")
    .helpCommand(false);
  deliveries
    .command("list", { isDefault: true })
    .description("list deliveries, newest first")
    .addOption(new Option("-s, --status <status>", "only with this status").choices(DELIVERY_STATUSES))
    .option("-r, --run <id>", "only of this run (its whole id)")
    .option("--review <id>", "only of this review (its whole id)")
    .addOption(wholeNumberOption("-n, --limit <number>", "how many at most", 1, 1000).default(20))
    .option("--json [fields]", "print JSON, or only these fields of it (delivery_id,status,…)")
    .addHelpText(
      "after",
      `
pending: not answered yet, tried again for three days; delivered: answered with 2xx, or taken by the mail server; gone:
answered with 410, or refused for good by the mail server; dead: tried for three days in vain.

Piped, it prints one line a delivery, tab-separated and without a heading:
delivery_id, status, attempts, answer, next_at, created_at, run_id, event, url

Examples:
  $ holdpoint deliveries
  $ holdpoint deliveries list --status dead --json delivery_id,url`,
    )
    .action(async ({ status, run, review, limit, json }: ListOptions) => {
      const rows = await listDeliveries(cli.api(), { status, run_id: run, review_id: review, limit });
      printList(cli.terminal, columnsOf(cli, rows), rows, "no deliveries", json);
    });
  addDeliveriesShow(deliveries, cli);
  addDeliveriesReplay(deliveries, cli);
}

function columnsOf(cli: Cli, rows: readonly DeliveryView[]): Column<DeliveryView>[] {
  const ids = rows.map(({ delivery_id }) => delivery_id);
  const now = cli.terminal.now();
  return [
    { name: "ID", show: ({ delivery_id }) => shortId(delivery_id, ids), value: ({ delivery_id }) => delivery_id },
    { name: "STATUS", show: ({ status }) => status },
    { name: "ATTEMPTS", show: ({ attempts }) => String(attempts) },
    { name: "ANSWER", show: (delivery) => answerOf(delivery), shrinks: true },
    {
      name: "NEXT",
      show: ({ next_at }) => (next_at === null ? "" : formatMoment(next_at)),
      value: ({ next_at }) => next_at ?? "",
    },
    { name: "AGE", show: ({ created_at }) => formatSince(created_at, now), value: ({ created_at }) => created_at },
    { name: "RUN", show: ({ run_id }) => shortId(run_id), value: ({ run_id }) => run_id },
    { name: "EVENT", show: ({ event }) => event },
    { name: "URL", show: ({ url }) => url, shrinks: true },
  ];
}

/** What the last attempt came to. */
export function answerOf({ answer_status, error }: Pick<DeliveryView, "answer_status" | "error">): string {
  return answer_status === null ? (error ?? "") : String(answer_status);
}
