import type { Command } from "commander";
import type { z } from "zod";
import type { Cli } from "../cli.ts";
import { deliveryHistoryWire, findDeliveryId } from "../find-delivery.ts";
import { formatMoment } from "../format.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";
import { renderPairs } from "../table.ts";
import { clip } from "../text-width.ts";

type History = z.infer<typeof deliveryHistoryWire>;

/** `deliveries show`: one delivery and every attempt at it. */
export function addDeliveriesShow(deliveries: Command, cli: Cli): void {
  deliveries
    .command("show")
    .description("show a delivery: where it stands, and what each attempt was answered")
    .argument("<id>", "id of the delivery, or its first characters")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  $ holdpoint deliveries show 1b2c\n  $ holdpoint deliveries show 1b2c --json")
    .action(async (text: string, options: { json?: boolean }) => {
      const api = cli.api();
      const id = await findDeliveryId(api, text);
      const { body } = await api.request("GET", `/deliveries/${id}`, deliveryHistoryWire);
      if (options.json === true) return cli.terminal.out(safeJson(body, 2));
      for (const line of showLines(cli, body)) cli.terminal.out(line);
    });
}

function showLines(cli: Cli, delivery: History): string[] {
  const { bold, dim } = cli.terminal.colours;
  const { next_at } = delivery;
  const pairs: [string, string][] = [
    ["event", sanitiseLine(delivery.event)],
    ...(delivery.review_id == null ? [] : [["review", sanitiseLine(delivery.review_id)] as [string, string]]),
    ["run", sanitiseLine(delivery.run_id)],
    ["thread", sanitiseLine(delivery.thread_id)],
    ["url", sanitiseLine(delivery.url)],
    ["created", formatMoment(delivery.created_at)],
    ...(next_at === null ? [] : [["next", formatMoment(next_at)] as [string, string]]),
    ...(next_at === null ? [] : [["until", formatMoment(delivery.retry_until)] as [string, string]]),
  ];
  return [
    `${bold(`delivery ${sanitiseLine(delivery.delivery_id)}`)}  ${sanitiseLine(delivery.status)}`,
    ...renderPairs(pairs, 2, dim),
    ...delivery.history.toReversed().map((attempt) => attemptLine(cli, attempt)),
  ];
}

function attemptLine(cli: Cli, attempt: History["history"][number]): string {
  const { dim } = cli.terminal.colours;
  const took = attempt.duration_ms === null ? "" : ` in ${attempt.duration_ms} ms`;
  const told = attempt.answer_body === null ? "" : attempt.answer_body.replaceAll(/\s+/g, " ").trim();
  const said = attempt.answer_status === null ? "" : `${attempt.answer_status}${took}${told === "" ? "" : ": "}`;
  const failed = attempt.error === null ? "" : `${attempt.error}${took}`;
  const open = attempt.ended_at === null ? "no word of it yet" : "";
  const line = `  ${attempt.attempt}. ${formatMoment(attempt.started_at)}  ${said}${failed}${open}`;
  return `${sanitiseLine(line)}${dim(clip(sanitiseLine(told), Math.max(20, cli.terminal.columns - line.length - 1)))}`;
}
