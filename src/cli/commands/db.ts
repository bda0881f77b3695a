import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { CommandError, usageError } from "../command-error.ts";
import { EXIT } from "../exit-codes.ts";
import { sanitiseLine } from "../sanitise.ts";

/** `db`: the database of this installation. */
export function addDatabaseCommands(program: Command, cli: Cli): void {
  const db = program
    .command("db")
    .description("look after the database")
    .helpCommand(false)
    .addHelpText(
      "after",
      `
The embedded PostgreSQL comes without pg_dump. To back it up, stop it and copy its folder (.holdpoint/pg18),
or use the pg_dump of PostgreSQL 18 or newer on its socket.`,
    );
  db.command("stop")
    .description("stop the embedded database, unless a server uses it")
    .option("--force", "also when one does; it starts the database again")
    .action(({ force }: { force?: boolean }) => stop(cli, force === true));
  db.command("migrate")
    .description("bring the database up to this version; starting does the same")
    .option("--dry-run", "do everything, then take it back")
    .action(({ dryRun }: { dryRun?: boolean }) => migrateDatabase(cli, dryRun === true));
}

async function stop(cli: Cli, force: boolean): Promise<void> {
  const { databaseUrl, dataDir } = cli.config();
  if (databaseUrl !== undefined) throw usageError("DATABASE_URL is set: that database is not ours to stop");
  const { stopEmbedded } = await import("../../postgres/embedded.ts");
  const result = await stopEmbedded(dataDir, force);
  if (result === "left running") {
    throw new CommandError(EXIT.conflict, "a server uses the database: stop it first, or add --force");
  }
  cli.terminal.out(result === "stopped" ? "stopped" : "the database was not running");
}

async function migrateDatabase(cli: Cli, dryRun: boolean): Promise<void> {
  const { terminal } = cli;
  const { migrate } = await import("../../postgres/migrate.ts");
  const { applied, newer } = await withDatabaseUrl(cli, (url) => migrate({ url, dryRun }));
  for (const name of applied) terminal.out(`${dryRun ? "would apply" : "applied"} ${sanitiseLine(name)}`);
  if (applied.length === 0) terminal.out("nothing to do");
  for (const name of newer) terminal.note(`${sanitiseLine(name)} is of a newer version, and not breaking`);
}

/** The address of this installation's database, running; not migrated. */
export async function withDatabaseUrl<Result>(cli: Cli, body: (url: string) => Promise<Result>): Promise<Result> {
  const { databaseUrl, databaseDirectUrl, dataDir } = cli.config();
  if (databaseUrl !== undefined) return await body(databaseDirectUrl ?? databaseUrl);
  const { bootEmbedded } = await import("../../postgres/embedded.ts");
  const onProgress = (line: string) => cli.terminal.note(cli.terminal.colours.dim(sanitiseLine(line)));
  const postgres = await bootEmbedded({ dataDir, onProgress });
  try {
    return await body(postgres.url);
  } finally {
    await postgres.release();
  }
}
