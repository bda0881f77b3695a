import type { Command } from "commander";
import { z } from "zod";
import type { Api } from "../api.ts";
import type { Cli } from "../cli.ts";
import { findRun } from "../find-run.ts";
import { graphLines, runLines } from "../insights-view.ts";
import { graphInsightsWire, runInsightsWire } from "../insights-wire.ts";
import { safeJson } from "../sanitise.ts";

interface InsightsOptions {
  since?: string;
  json?: boolean;
}

const assistantWire = z.looseObject({ graph_id: z.string() });
const RUN_ID = /^[0-9a-f-]{4,36}(…|\.\.\.)?$/i;

/** `insights`: where the time and the money of a run, or of a graph's runs, went. */
export function addInsights(program: Command, cli: Cli): void {
  program
    .command("insights")
    .description("see where the time of a run went, or that of a graph's runs")
    .argument("<run|graph>", "id of a run, or its first characters, or the name of a graph")
    .option(
      "--since <when>",
      "of a graph: only runs created since 90m, 24h, 7d, or a date; the last 7 days unless given",
    )
    .option("--json", "print JSON; times are in milliseconds")
    .addHelpText(
      "after",
      `
Of a run: how long it waited in the queue and for a person, and how long models, tools and everything else in its
nodes took along the critical path, each apart from the others. Runs that carry its answers count as part of it.
Of a graph: what became of its runs, how long half of them and 95 % of them took, and its slowest nodes.

Examples:
  $ holdpoint insights 1b2c
  $ holdpoint insights refund-approval --since 24h
  $ holdpoint insights refund-approval --json | jq '.nodes[0]'`,
    )
    .action((id: string, options: InsightsOptions) => insights(cli, id, options));
}

async function insights(cli: Cli, named: string, { since, json }: InsightsOptions): Promise<void> {
  const { terminal } = cli;
  const api = cli.api();
  if (await isGraph(api, named)) {
    const path = `/insights/graphs/${encodeURIComponent(named)}`;
    const { body } = await api.request("GET", path, graphInsightsWire, { query: { since } });
    if (json === true) return terminal.out(safeJson(body, 2));
    for (const line of graphLines(terminal, body)) terminal.out(line);
    return;
  }
  const { run_id } = await findRun(api, named);
  const { body } = await api.request("GET", `/insights/runs/${run_id}`, runInsightsWire);
  if (json === true) return terminal.out(safeJson(body, 2));
  for (const line of runLines(terminal, body)) terminal.out(line);
}

/** A graph may have a name that looks like the beginning of an id: then the graph is meant. */
async function isGraph(api: Api, named: string): Promise<boolean> {
  if (!RUN_ID.test(named.trim())) return true;
  const body = { graph_id: named, limit: 1 };
  return (await api.request("POST", "/assistants/search", z.array(assistantWire), { body })).body.length > 0;
}
