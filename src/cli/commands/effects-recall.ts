import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { findEffectId, shownEffectWire } from "../find-effect.ts";
import { shortId } from "../id-prefix.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";

interface RecallOptions {
  message: string;
  json?: boolean;
}

/** `effects recall`: calls back what is held. */
export function addEffectsRecall(effects: Command, cli: Cli): void {
  effects
    .command("recall")
    .description("call back an effect that is held: it will not happen, and its run is told so")
    .argument("<id>", "id of the effect, or its first characters")
    .requiredOption("-m, --message <text>", "why; the graph is given it")
    .option("-y, --yes", "as the commands that decide have it; a recall never asks, its time is short")
    .option("--json", "print the effect as JSON")
    .addHelpText("after", '\nExamples:\n  $ holdpoint effects recall 1b2c -m "the invoice was for another customer"')
    .action(async (text: string, { message, json }: RecallOptions) => {
      const api = cli.api();
      const id = await findEffectId(api, text);
      const { body } = await api.request("POST", `/effects/${id}/recall`, shownEffectWire, {
        body: { reason: message },
      });
      if (json === true) return cli.terminal.out(safeJson(body, 2));
      const { green } = cli.terminal.colours;
      cli.terminal.out(`${green("recalled")}: effect ${shortId(body.effect_id)} "${sanitiseLine(body.name)}"`);
    });
}
