import type { Command } from "commander";
import { LOCAL_OWNER } from "../../protocol/principal.ts";
import type { Cli } from "../cli.ts";
import { withHomeDatabase } from "../home-database.ts";

/** `login`: a fresh link that opens the page, signed in. */
export function addLogin(program: Command, cli: Cli): void {
  program
    .command("login")
    .description("print a link that logs you in once, within 10 minutes")
    .addHelpText(
      "after",
      `
The link is made in the database of this installation: whoever may read its folder, or knows its DATABASE_URL,
may log in as its owner.`,
    )
    .action(async () => {
      // First: a link is of no use where no server answers.
      const { url } = cli.api().connection;
      const { createLoginLink } = await import("../../postgres/identity.ts");
      const link = await withHomeDatabase(cli, ({ database }) => createLoginLink(database, LOCAL_OWNER));
      cli.terminal.out(`${url}/login/${link.secret}`);
    });
}
