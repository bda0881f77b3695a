import type { Command } from "commander";
import { z } from "zod";
import type { Cli } from "../cli.ts";
import { formatSpan } from "../format.ts";
import { printList } from "../list-output.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";
import type { Column } from "../table.ts";

const countsWire = {
  pending: z.number(),
  ready: z.number(),
  behind: z.number(),
  later: z.number(),
  running: z.number(),
  oldest_wait_seconds: z.number().nullable(),
};
const graphWire = z.looseObject({
  graph_id: z.string(),
  ...countsWire,
  limit: z.number().nullable(),
  loaded_by: z.number(),
  priorities: z.array(z.looseObject({ priority: z.number(), pending: z.number() })),
});
const queueWire = z.looseObject({ ...countsWire, is_cut: z.boolean(), graphs: z.array(graphWire) });

type GraphQueue = z.infer<typeof graphWire>;

/** `queue`: what waits to be executed, and what for. */
export function addQueue(program: Command, cli: Cli): void {
  program
    .command("queue")
    .description("see what waits to be executed, by graph, and what for")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
READY may start now, BEHIND waits for an earlier run of its thread, LATER for its time.

Piped, it prints one line a graph, tab-separated and without a heading:
graph, pending, ready, behind, later, running, limit, oldest_wait_seconds, loaded_by

Examples:
  $ holdpoint queue
  $ holdpoint queue --json | jq .pending`,
    )
    .action(async ({ json }: { json?: boolean }) => {
      const { terminal } = cli;
      const { body: queue } = await cli.api().request("GET", "/queue", queueWire);
      if (json === true) return terminal.out(safeJson(queue, 2));
      printList(terminal, COLUMNS, queue.graphs, "nothing waits and nothing runs", undefined);
      if (!terminal.isScreen || queue.graphs.length === 0) return;
      for (const line of remarks(queue)) terminal.out(sanitiseLine(line));
    });
}

const COLUMNS: Column<GraphQueue>[] = [
  { name: "GRAPH", show: ({ graph_id }) => graph_id, shrinks: true },
  { name: "WAITING", show: ({ pending }) => String(pending), align: "right" },
  { name: "READY", show: ({ ready }) => String(ready), align: "right" },
  { name: "BEHIND", show: ({ behind }) => String(behind), align: "right" },
  { name: "LATER", show: ({ later }) => String(later), align: "right" },
  { name: "RUNNING", show: ({ running }) => String(running), align: "right" },
  { name: "LIMIT", show: ({ limit }) => (limit === null ? "-" : String(limit)), align: "right" },
  {
    name: "OLDEST",
    show: ({ oldest_wait_seconds: seconds }) => (seconds === null ? "" : formatSpan(seconds * 1000)),
    value: ({ oldest_wait_seconds: seconds }) => (seconds === null ? "" : String(seconds)),
    align: "right",
  },
  { name: "WORKERS", show: ({ loaded_by }) => String(loaded_by), align: "right" },
];

function remarks({ graphs, is_cut }: z.infer<typeof queueWire>): string[] {
  const unloaded = graphs.filter(({ pending, loaded_by }) => pending > 0 && loaded_by === 0);
  const full = graphs.filter(({ ready, running, limit }) => ready > 0 && limit !== null && running >= limit);
  const mixed = graphs.filter(({ priorities }) => priorities.length > 1);
  return [
    ...unloaded.map(({ graph_id }) => `! ${graph_id} waits for a worker that has it loaded; no live one has`),
    ...full.map(({ graph_id, limit }) => `! ${graph_id} is at its limit of ${limit} (HOLDPOINT_GRAPH_CONCURRENCY)`),
    ...mixed.map(({ graph_id, priorities }) => {
      const each = priorities.map(({ priority, pending }) => `${pending} of ${priority}`).join(", ");
      return `  ${graph_id} by priority: ${each}`;
    }),
    ...(is_cut ? ["! there is more: only the first 100,000 runs were counted"] : []),
  ];
}
