import type { Command } from "commander";
import type { z } from "zod";
import type { Cli } from "../cli.ts";
import { findEffectId, shownEffectWire } from "../find-effect.ts";
import { formatDue, formatMoment, formatSecond, formatValue } from "../format.ts";
import { shortId } from "../id-prefix.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";
import { renderPairs } from "../table.ts";
import { clip } from "../text-width.ts";

const LONGEST_ERROR = 2_000;

type ShownEffect = z.infer<typeof shownEffectWire>;

/** `effects show`: one effect, with what it was given and what it gave. */
export function addEffectsShow(effects: Command, cli: Cli): void {
  effects
    .command("show")
    .description("show an effect: where it stands, what it was given and what it gave")
    .argument("<id>", "id of the effect, or its first characters")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  $ holdpoint effects show 1b2c\n  $ holdpoint effects show 1b2c --json | jq .result",
    )
    .action(async (text: string, options: { json?: boolean }) => {
      const api = cli.api();
      const id = await findEffectId(api, text);
      const { body } = await api.request("GET", `/effects/${id}`, shownEffectWire);
      if (options.json === true) return cli.terminal.out(safeJson(body, 2));
      for (const line of effectLines(cli, body)) cli.terminal.out(line);
    });
}

function effectLines(cli: Cli, effect: ShownEffect): string[] {
  const { bold, dim } = cli.terminal.colours;
  const room = Math.max(40, cli.terminal.columns - 16);
  const moment = (text: string | null) => (text === null ? "" : formatMoment(text));
  const told = (value: unknown) => (value == null ? "" : clip(formatValue(value).replaceAll("\n", " "), room));
  const isHeld = effect.status === "held";
  const pairs = [
    ["kind", effect.kind],
    ["graph", effect.graph_id ?? ""],
    ["run", effect.run_id],
    ["thread", effect.thread_id],
    ["key", effect.call_key === effect.name ? "" : effect.call_key],
    ["recorded", moment(effect.intent_at)],
    ["held until", isHeld ? heldUntil(effect.held_until, cli.terminal.now()) : ""],
    ["started", moment(effect.started_at)],
    ["attempts", effect.attempt > 1 ? String(effect.attempt) : ""],
    ["done", moment(effect.receipt_at)],
    ["given", told(effect.args)],
    ["gave", effect.status === "receipt" ? told(effect.result) : ""],
    ["error", clip(effect.error ?? "", LONGEST_ERROR)],
    ["because", effect.settled_because ?? ""],
    ["by", effect.settled_by ?? ""],
  ]
    .filter(([, value]) => value !== "")
    .map(([name, value]): [string, string] => [name as string, sanitiseLine(value as string)]);
  const waits =
    effect.review_id === null ? [] : [`  in doubt: review ${shortId(effect.review_id)} asks what became of it`];
  const recall = `${cli.name} effects recall ${shortId(effect.effect_id)} -m "…"`;
  const next = isHeld ? ["", dim(`  ${recall}`)] : [];
  const head = `${bold(`effect ${sanitiseLine(effect.effect_id)}`)}  ${sanitiseLine(`${effect.status}  ${effect.name}`)}`;
  return [head, ...renderPairs(pairs, 2, dim), ...waits, ...next];
}

function heldUntil(at: string | null, now: Date): string {
  return at === null
    ? ""
    : `${formatSecond(at)} (${Date.parse(at) > now.getTime() ? formatDue(at, now) : "any moment"})`;
}
