import { type Command, Option } from "commander";
import { EFFECT_STATUSES } from "../../protocol/effect.ts";
import type { Cli } from "../cli.ts";
import { type EffectView, listEffects } from "../find-effect.ts";
import { formatMoment, formatSince } from "../format.ts";
import { shortId } from "../id-prefix.ts";
import { printList, wholeNumberOption } from "../list-output.ts";
import type { Column } from "../table.ts";
import { addEffectsRecall } from "./effects-recall.ts";
import { addEffectsShow } from "./effects-show.ts";

interface ListOptions {
  status?: string;
  name?: string;
  run?: string;
  thread?: string;
  limit: number;
  json?: string | true;
}

/** `effects`: what nodes did outside, what of it is in doubt or held back, and calling it back. */
export function addEffectsCommands(program: Command, cli: Cli): void {
  const effects = program
    .command("effects")
    .description("see what nodes did outside, and call back what is held")
    .helpCommand(false);
  effects
    .command("list", { isDefault: true })
    .description("list effects, newest first")
    .addOption(new Option("-s, --status <status>", "only with this status").choices(EFFECT_STATUSES))
    .option("--name <name>", "only of this name")
    .option("-r, --run <id>", "only of this run (its whole id)")
    .option("-t, --thread <id>", "only of this thread (its whole id)")
    .addOption(wholeNumberOption("-n, --limit <number>", "how many at most", 1, 1000).default(20))
    .option("--json [fields]", "print JSON, or only these fields of it (effect_id,status,…)")
    .addHelpText(
      "after",
      `
held: waits for its time, and can be recalled until then; intent: started, without a result yet, and in doubt when a review
asks about it; not_done: an attempt surely did nothing, another may follow; receipt: done; failed: given up by a person;
recalled: called back before it began.

Piped, it prints one line an effect, tab-separated and without a heading:
effect_id, status, name, kind, attempt, waits_for, intent_at, run_id, graph_id

Examples:
  $ holdpoint effects
  $ holdpoint effects --status held --json effect_id,name,held_until`,
    )
    .action(async ({ status, name, run, thread, limit, json }: ListOptions) => {
      const rows = await listEffects(cli.api(), { status, name, run_id: run, thread_id: thread, limit });
      printList(cli.terminal, columnsOf(cli, rows), rows, "no effects", json);
    });
  addEffectsShow(effects, cli);
  addEffectsRecall(effects, cli);
}

function columnsOf(cli: Cli, rows: readonly EffectView[]): Column<EffectView>[] {
  const ids = rows.map(({ effect_id }) => effect_id);
  const now = cli.terminal.now();
  return [
    { name: "ID", show: ({ effect_id }) => shortId(effect_id, ids), value: ({ effect_id }) => effect_id },
    { name: "STATUS", show: ({ status }) => status },
    { name: "NAME", show: ({ name }) => name, shrinks: true },
    { name: "KIND", show: ({ kind }) => kind },
    { name: "ATTEMPTS", show: ({ attempt }) => String(attempt) },
    {
      name: "WAITS FOR",
      show: ({ status, held_until, review_id }) =>
        review_id !== null ? `review ${shortId(review_id)}` : status === "held" ? formatMoment(held_until ?? "") : "",
      value: ({ status, held_until, review_id }) => review_id ?? (status === "held" ? (held_until ?? "") : ""),
    },
    { name: "AGE", show: ({ intent_at }) => formatSince(intent_at, now), value: ({ intent_at }) => intent_at },
    { name: "RUN", show: ({ run_id }) => shortId(run_id), value: ({ run_id }) => run_id },
    { name: "GRAPH", show: ({ graph_id }) => graph_id ?? "", shrinks: true },
  ];
}
