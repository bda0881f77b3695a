import type { Command } from "commander";
import { z } from "zod";
import type { Api } from "../api.ts";
import type { Cli } from "../cli.ts";
import { confirm } from "../confirm.ts";
import { findRun } from "../find-run.ts";
import { shortId } from "../id-prefix.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";
import { clip } from "../text-width.ts";
import { runWire } from "../wire.ts";

interface RetryOptions {
  thread?: string;
  yes?: boolean;
  json?: boolean;
}

const planWire = z.looseObject({
  run_id: z.string(),
  thread_id: z.string(),
  graph_id: z.string(),
  status: z.string(),
  error: z.looseObject({ error: z.string(), message: z.string() }).nullable(),
  from: z.enum(["checkpoint", "start"]),
});
const stateWire = z.looseObject({ next: z.array(z.string()).nullish() });

type Plan = z.infer<typeof planWire>;

/** `runs retry`: goes on from where a run failed. */
export function addRunsRetry(runs: Command, cli: Cli): void {
  runs
    .command("retry")
    .description("start a run that goes on from where a failed one stopped")
    .argument("<id>", "id of the failed run, or its first characters")
    .option("-t, --thread <id>", "the thread it is on, where that is known")
    .option("-y, --yes", "do not ask; needed where there is no terminal")
    .option("--json", "print the new run as JSON")
    .addHelpText(
      "after",
      `
Only the last run of a thread can be retried, and only if it ended with error or timeout. What the other nodes
of the failed step have done is kept, and an effect that has a receipt is not repeated.

Examples:
  $ holdpoint runs retry 1b2c
  $ holdpoint runs retry 1b2c --yes --json | jq -r .run_id`,
    )
    .action((id: string, options: RetryOptions) => retry(cli, id, options));
}

async function retry(cli: Cli, id: string, options: RetryOptions): Promise<void> {
  const { terminal } = cli;
  const api = cli.api();
  const failed = await findRun(api, id, options.thread);
  const path = `/runs/${encodeURIComponent(failed.run_id)}/retry`;
  const { body: plan } = await api.request("GET", path, planWire);
  const say = options.json === true ? terminal.note : terminal.out;
  for (const line of planLines(plan, await nextOf(api, plan))) say(line);
  await confirm(terminal, "Start it?", options.yes === true);
  const { body: run } = await api.request("POST", path, runWire, { body: {} });
  if (options.json === true) return terminal.out(safeJson(run, 2));
  const started = shortId(run.run_id);
  terminal.out(`${terminal.colours.green("started")}: run ${started} (${cli.name} runs watch ${started})`);
}

async function nextOf(api: Api, { thread_id }: Plan): Promise<string[]> {
  return (await api.request("GET", `/threads/${encodeURIComponent(thread_id)}/state`, stateWire)).body.next ?? [];
}

function planLines({ run_id, graph_id, status, error, from }: Plan, next: readonly string[]): string[] {
  const why = error === null ? "" : `: ${clip(`${error.error}: ${error.message}`.replaceAll("\n", " "), 300)}`;
  const where =
    from === "start"
      ? "  nothing of it was stored: a new run gets its input again"
      : `  a new run goes on from where it stopped: ${next.join(", ") || "its end"}`;
  return [
    `run ${shortId(run_id)} of ${graph_id} ended with ${status}${why}`,
    where,
    "  what other nodes of that step have done is kept; an effect that has a receipt is not repeated",
  ].map(sanitiseLine);
}
