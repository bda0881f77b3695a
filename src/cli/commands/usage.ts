import { type Command, Option } from "commander";
import { z } from "zod";
import type { Cli } from "../cli.ts";
import { count, formatMoment } from "../format.ts";
import { shortId } from "../id-prefix.ts";
import { printList } from "../list-output.ts";
import { safeJson } from "../sanitise.ts";
import type { Column } from "../table.ts";

const sumWire = {
  calls: z.number(),
  input_tokens: z.number(),
  output_tokens: z.number(),
  cached_tokens: z.number(),
  cost: z.number().nullable(),
  unpriced: z.number(),
};
const groupWire = z.looseObject({ ...sumWire, key: z.string(), graph_id: z.string().nullable() });
/** GET /usage */
const usageWire = z.looseObject({
  from: z.string(),
  to: z.string(),
  total: z.looseObject(sumWire),
  groups: z.array(groupWire),
  is_cut: z.boolean(),
});

type Group = z.infer<typeof groupWire>;

const GROUPS = ["graph", "node", "run", "model", "day"] as const;

interface UsageOptions {
  by: (typeof GROUPS)[number];
  since?: string;
  until?: string;
  graph?: string;
  model?: string;
  json?: boolean;
}

/** `usage`: what was spent on models and tools. */
export function addUsage(program: Command, cli: Cli): void {
  program
    .command("usage")
    .description("see what was spent on models and tools, by graph, node, run, model or day")
    .addOption(new Option("--by <what>", "what to sum by").choices(GROUPS).default("graph"))
    .option("--since <when>", "only calls since 90m, 24h, 7d, or a date; the last 7 days unless given")
    .option("--until <when>", "only calls before")
    .option("--graph <name>", "only of a graph")
    .option("--model <name>", "only of a model or a tool")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
These are the calls that budgets count. A cost is that of calls whose price is known (HOLDPOINT_MODEL_PRICES, or the
tool's own word); a + behind it says that there were others. Runs that carry a run's answers count as part of it, and
days are those of UTC.

Piped, it prints one line a group, tab-separated and without a heading:
group, graph, calls, input_tokens, output_tokens, cached_tokens, cost, unpriced

Examples:
  $ holdpoint usage
  $ holdpoint usage --by day --since 30d
  $ holdpoint usage --by node --graph refund-approval --json | jq .total.cost`,
    )
    .action((options: UsageOptions) => usage(cli, options));
}

async function usage({ api, terminal }: Cli, options: UsageOptions): Promise<void> {
  const { by, since, until, graph, model, json } = options;
  const query = { group_by: by, since, until, graph_id: graph, name: model, limit: 1000 };
  const { body } = await api().request("GET", "/usage", usageWire, { query });
  if (json === true) return terminal.out(safeJson(body, 2));
  const from = formatMoment(body.from);
  printList(terminal, columnsOf(by, terminal.isScreen), body.groups, `nothing was spent since ${from}`, undefined);
  if (!terminal.isScreen || body.groups.length === 0) return;
  const { calls, input_tokens, output_tokens } = body.total;
  const cost = moneyOf(body.total);
  const sum = `${count(calls, "call")}, ${input_tokens}+${output_tokens} tokens${cost === "" ? "" : `, cost ${cost}`}`;
  terminal.out(
    terminal.colours.dim(`${body.is_cut ? "all, of which these are the first" : "all"}: ${sum}, since ${from}`),
  );
}

const moneyOf = ({ cost, unpriced }: Pick<Group, "cost" | "unpriced">) =>
  cost === null ? "" : `${cost.toFixed(4)}${unpriced > 0 ? "+" : ""}`;

function columnsOf(by: UsageOptions["by"], isScreen: boolean): Column<Group>[] {
  const named: Column<Group> = {
    name: by.toUpperCase(),
    show: ({ key }) => (by === "run" ? shortId(key) : key),
    value: ({ key }) => key,
    shrinks: true,
  };
  const graph: Column<Group> = { name: "GRAPH", show: ({ graph_id }) => graph_id ?? "" };
  const unpriced: Column<Group> = { name: "UNPRICED", show: (row) => String(row.unpriced) };
  const sums: Column<Group>[] = [
    { name: "CALLS", show: ({ calls }) => String(calls), align: "right" },
    { name: "INPUT", show: ({ input_tokens }) => String(input_tokens), align: "right" },
    { name: "OUTPUT", show: ({ output_tokens }) => String(output_tokens), align: "right" },
    { name: "CACHED", show: ({ cached_tokens }) => String(cached_tokens), align: "right" },
    { name: "COST", show: moneyOf, value: ({ cost }) => (cost === null ? "" : String(cost)), align: "right" },
  ];
  if (!isScreen) return [named, graph, ...sums, unpriced];
  return by === "node" || by === "run" ? [named, graph, ...sums] : [named, ...sums];
}
