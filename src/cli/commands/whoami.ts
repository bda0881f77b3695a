import type { Command } from "commander";
import { z } from "zod";
import type { Cli } from "../cli.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";
import { renderPairs } from "../table.ts";
import { wrap } from "../text-width.ts";

const whoWire = z.looseObject({
  principal_id: z.string(),
  kind: z.string(),
  display_name: z.string(),
  tenant_id: z.string(),
  groups: z.array(z.string()),
  permissions: z.array(z.string()),
});

/** `whoami`: who the server takes this command line for, and what that one may do. */
export function addWhoami(program: Command, cli: Cli): void {
  program
    .command("whoami")
    .description("say who the server takes you for, and what you may do")
    .option("--json", "print JSON")
    .action(async ({ json }: { json?: boolean }) => {
      const api = cli.api();
      const { body: who } = await api.request("GET", "/whoami", whoWire);
      if (json === true) return cli.terminal.out(safeJson(who, 2));
      const pairs: [string, string][] = [
        ["principal", `${who.principal_id} (${who.kind}, ${who.display_name})`],
        ["tenant", who.tenant_id],
        ...(who.groups.length === 0 ? [] : [["groups", who.groups.join(", ")] as [string, string]]),
        ["may", who.permissions.join(", ") || "nothing"],
        ["server", api.connection.url],
      ];
      const room = Math.max(20, cli.terminal.columns - 12);
      const shown = pairs.map(([name, value]) => [name, wrap(sanitiseLine(value), room).join("\n")] as const);
      for (const line of renderPairs(shown, 0, cli.terminal.colours.dim)) cli.terminal.out(line);
    });
}
