import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { deliveryHistoryWire, findDeliveryId } from "../find-delivery.ts";
import { shortId } from "../id-prefix.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";

/** `deliveries replay`: tells a webhook again. */
export function addDeliveriesReplay(deliveries: Command, cli: Cli): void {
  deliveries
    .command("replay")
    .description("send a delivery again, with the same webhook-id; one that waits is sent now")
    .argument("<id>", "id of the delivery, or its first characters")
    .option("--json", "print the delivery as JSON")
    .addHelpText("after", "\nExamples:\n  $ holdpoint deliveries replay 1b2c")
    .action(async (text: string, options: { json?: boolean }) => {
      const api = cli.api();
      const id = await findDeliveryId(api, text);
      const { body } = await api.request("POST", `/deliveries/${id}/replay`, deliveryHistoryWire);
      if (options.json === true) return cli.terminal.out(safeJson(body, 2));
      const { green } = cli.terminal.colours;
      cli.terminal.out(`${green("sent again")}: delivery ${shortId(body.delivery_id)} to ${sanitiseLine(body.url)}`);
    });
}
