import type { Cli } from "./cli.ts";
import { sanitiseLine } from "./sanitise.ts";

type HomeDatabase = Awaited<ReturnType<typeof import("../compose/home-database.ts")["openHomeDatabase"]>>;

/** Opens this installation's database, migrated, for as long as `body` needs it. */
export async function withHomeDatabase<Result>(
  cli: Cli,
  body: (home: HomeDatabase) => Promise<Result>,
): Promise<Result> {
  const [{ openHomeDatabase }, { openLog }] = await Promise.all([
    import("../compose/home-database.ts"),
    import("../telemetry/log.ts"),
  ]);
  const log = openLog({ level: "error", pretty: false });
  const home = await openHomeDatabase(cli.config(), log, (line) =>
    cli.terminal.note(cli.terminal.colours.dim(sanitiseLine(line))),
  );
  try {
    return await body(home);
  } finally {
    await home.close();
  }
}
