import { type Command, Option } from "commander";
import { SEVERITIES } from "../../protocol/finding.ts";
import { TICKET_STATUSES } from "../../protocol/ticket.ts";
import type { Cli } from "../cli.ts";
import { findTicket, listTickets, type TicketView, ticketHistoryWire } from "../find-ticket.ts";
import { formatMoment, formatSince } from "../format.ts";
import { shortId } from "../id-prefix.ts";
import { printList, wholeNumberOption } from "../list-output.ts";
import { safeJson, sanitiseLine, sanitiseText } from "../sanitise.ts";
import { type Column, renderPairs } from "../table.ts";

interface ListOptions {
  status: string;
  severity?: string;
  limit: number;
  json?: string | true;
}

/** `tickets`: what workflows have opened, and closing it. */
export function addTicketsCommands(program: Command, cli: Cli): void {
  const tickets = program
    .command("tickets")
    .description("see the tickets that workflows have opened, and close them")
    .helpCommand(false);
  tickets
    .command("list", { isDefault: true })
    .description("list tickets, newest first")
    .addOption(new Option("-s, --status <status>", "which").choices([...TICKET_STATUSES, "all"]).default("open"))
    .addOption(new Option("--severity <severity>", "only of this severity").choices(SEVERITIES))
    .addOption(wholeNumberOption("-n, --limit <number>", "how many at most", 1, 1000).default(20))
    .option("--json [fields]", "print JSON, or only these fields of it (number,title,…)")
    .addHelpText(
      "after",
      `
Piped, it prints one line a ticket, tab-separated and without a heading:
number, status, severity, opened_at, title, labels, thread_id

Examples:
  $ holdpoint tickets
  $ holdpoint tickets list --status all --severity critical --json number,title`,
    )
    .action(async ({ status, severity, limit, json }: ListOptions) => {
      const query = { status: status === "all" ? undefined : status, severity, limit };
      const rows = await listTickets(cli.api(), query);
      printList(cli.terminal, columnsOf(cli), rows, "no tickets", json);
    });
  addShow(tickets, cli);
  addClose(tickets, cli);
}

function columnsOf(cli: Cli): Column<TicketView>[] {
  const now = cli.terminal.now();
  return [
    { name: "NUMBER", show: ({ number }) => String(number) },
    { name: "STATUS", show: ({ status }) => status },
    { name: "SEVERITY", show: ({ severity }) => severity },
    { name: "AGE", show: ({ opened_at }) => formatSince(opened_at, now), value: ({ opened_at }) => opened_at },
    { name: "TITLE", show: ({ title }) => title, shrinks: true },
    { name: "LABELS", show: ({ labels }) => labels.join(", "), shrinks: true },
    { name: "THREAD", show: ({ thread_id }) => shortId(thread_id), value: ({ thread_id }) => thread_id },
  ];
}

function addShow(tickets: Command, cli: Cli): void {
  tickets
    .command("show")
    .description("show a ticket and what was said about it")
    .argument("<number>", "number of the ticket")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  $ holdpoint tickets show 12\n  $ holdpoint tickets show 12 --json")
    .action(async (text: string, options: { json?: boolean }) => {
      const api = cli.api();
      const { ticket_id } = await findTicket(api, text);
      const { body: ticket } = await api.request("GET", `/tickets/${ticket_id}`, ticketHistoryWire);
      if (options.json === true) return cli.terminal.out(safeJson(ticket, 2));
      const { bold, dim } = cli.terminal.colours;
      const { labels, about, closed_at } = ticket;
      const pairs: [string, string][] = [
        ["severity", sanitiseLine(ticket.severity)],
        ...(labels.length === 0 ? [] : [["labels", sanitiseLine(labels.join(", "))] as [string, string]]),
        ...(about === null ? [] : [["about", sanitiseLine(about)] as [string, string]]),
        ["thread", sanitiseLine(ticket.thread_id)],
        ["run", sanitiseLine(ticket.run_id)],
        ["opened", formatMoment(ticket.opened_at)],
        ...(closed_at === null ? [] : [["closed", formatMoment(closed_at)] as [string, string]]),
      ];
      const lines = [
        `${bold(`ticket ${ticket.number}: ${sanitiseLine(ticket.title)}`)}  ${sanitiseLine(ticket.status)}`,
        ...renderPairs(pairs, 2, dim),
        ...(ticket.body === "" ? [] : ["", sanitiseText(ticket.body)]),
        ...ticket.comments.flatMap(({ at, principal_id, text: said, status }) => [
          "",
          dim(
            `${formatMoment(at)}  ${sanitiseLine(principal_id ?? "a run")}${status === null ? "" : `: ${sanitiseLine(status)}`}`,
          ),
          ...(said === "" ? [] : [sanitiseText(said)]),
        ]),
      ];
      for (const line of lines) cli.terminal.out(line);
    });
}

function addClose(tickets: Command, cli: Cli): void {
  tickets
    .command("close")
    .description("close a ticket, or open it again")
    .argument("<number>", "number of the ticket")
    .option("-c, --comment <text>", "why", "")
    .option("--reopen", "open it again")
    .option("--json", "print the ticket as JSON")
    .addHelpText("after", '\nExamples:\n  $ holdpoint tickets close 12 --comment "disk was replaced"')
    .action(async (text: string, { comment, reopen, json }: { comment: string; reopen?: boolean; json?: boolean }) => {
      const api = cli.api();
      const { ticket_id } = await findTicket(api, text);
      const body = { status: reopen === true ? "open" : "closed", ...(comment === "" ? {} : { comment }) };
      const { body: ticket } = await api.request("PATCH", `/tickets/${ticket_id}`, ticketHistoryWire, { body });
      if (json === true) return cli.terminal.out(safeJson(ticket, 2));
      const { green } = cli.terminal.colours;
      cli.terminal.out(`${green(sanitiseLine(ticket.status))}: ticket ${ticket.number}, ${sanitiseLine(ticket.title)}`);
    });
}
