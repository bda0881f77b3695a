import type { Command } from "commander";
import { z } from "zod";
import type { Cli } from "../cli.ts";
import { formatMoment, formatSince } from "../format.ts";
import { shortId } from "../id-prefix.ts";
import { printList } from "../list-output.ts";
import type { Column } from "../table.ts";

const workerWire = z.looseObject({
  worker_id: z.string(),
  hostname: z.string(),
  process_id: z.number(),
  slots: z.number(),
  graph_ids: z.array(z.string()),
  running: z.number(),
  state: z.string(),
  started_at: z.string(),
  heartbeat_at: z.string(),
});

type WorkerView = z.infer<typeof workerWire>;

/** `workers`: the processes that execute runs. */
export function addWorkers(program: Command, cli: Cli): void {
  program
    .command("workers")
    .description("list the processes that execute runs, and those of the last day that are gone")
    .option("--json [fields]", "print JSON, or only these fields of it (worker_id,state,…)")
    .addHelpText(
      "after",
      `
live: it works; stopped: it said good-bye; lost: no heartbeat for as long as its leases last.

Piped, it prints one line a worker, tab-separated and without a heading:
worker_id, hostname, process_id, running, slots, state, started_at, heartbeat_at, graphs

Examples:
  $ holdpoint workers
  $ holdpoint workers --json worker_id,state`,
    )
    .action(async ({ json }: { json?: string | true }) => {
      const { body: workers } = await cli.api().request("GET", "/workers", z.array(workerWire));
      printList(cli.terminal, columnsOf(cli, workers), workers, "no workers: start one with holdpoint work", json);
    });
}

function columnsOf(cli: Cli, rows: readonly WorkerView[]): Column<WorkerView>[] {
  const ids = rows.map(({ worker_id }) => worker_id);
  const now = cli.terminal.now();
  return [
    { name: "WORKER", show: ({ worker_id }) => shortId(worker_id, ids), value: ({ worker_id }) => worker_id },
    { name: "HOST", show: ({ hostname }) => hostname },
    { name: "PID", show: ({ process_id }) => String(process_id), align: "right" },
    { name: "RUNNING", show: ({ running }) => String(running), align: "right" },
    { name: "SLOTS", show: ({ slots }) => String(slots), align: "right" },
    { name: "STATE", show: ({ state }) => state },
    { name: "SINCE", show: ({ started_at }) => formatMoment(started_at), value: ({ started_at }) => started_at },
    {
      name: "HEARTBEAT",
      show: ({ heartbeat_at }) => `${formatSince(heartbeat_at, now)} ago`,
      value: ({ heartbeat_at }) => heartbeat_at,
    },
    { name: "GRAPHS", show: ({ graph_ids }) => graph_ids.join(", "), shrinks: true },
  ];
}
