import { existsSync, statSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import type { Command } from "commander";
import pg from "pg";
import { type Config, readConfig } from "../../config.ts";
import { formatLoadError, type GraphSet } from "../../graphs/graph-set.ts";
import { PROJECT_FILE } from "../../graphs/project/read-project.ts";
import type { Break, CheckResult, GraphFound } from "../check-waiting.ts";
import type { Cli } from "../cli.ts";
import { CommandError, usageError } from "../command-error.ts";
import { EXIT } from "../exit-codes.ts";
import { count, formatSince } from "../format.ts";
import { printList } from "../list-output.ts";
import { graphsPlace, loadLocalGraphs } from "../local-graphs.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";
import type { Column } from "../table.ts";
import { withDatabaseUrl } from "./db.ts";

/** `check`: which of the questions that wait now could not be answered under the workflow files of a folder. */
export function addCheck(program: Command, cli: Cli): void {
  program
    .command("check")
    .description("see which waiting questions would break under the workflow files here; no server is needed")
    .argument("[folder]", "workflow files, or a LangGraph project; the configured ones unless given")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Every question that waits is compared with the code that asked it: its node, the way onwards from there, the thread's
state, and for what was not asked with review() the code itself. A server that runs this code compares in the same way
when the answer comes, and refuses it where this command says so. Only reads, from DATABASE_URL or the embedded database.
Ends with 1 when something would break. Piped, it prints: thread, review, graph, node, waiting since, title, why

Examples:
  $ holdpoint check
  $ holdpoint check ../next/workflows --json | jq '.breaks[].why'`,
    )
    .action((folder: string | undefined, { json }: { json?: boolean }) => check(cli, folder, json === true));
}

async function check(cli: Cli, folder: string | undefined, json: boolean): Promise<void> {
  const { terminal } = cli;
  const config = configOf(cli, folder);
  const directory = graphsPlace(config);
  refuseNoDatabase(cli);
  const set = await loadLocalGraphs(config);
  const result = await withDatabaseUrl(cli, (url) => readAll(cli, url, set));
  terminal.status("");
  const errors = set.errors.map(formatLoadError);
  if (json) terminal.out(safeJson({ folder: directory, ...result, errors }, 2));
  else print(cli, result, directory);
  if (!json) for (const error of errors) terminal.note(`not loaded: ${sanitiseLine(error)}`);
  if (result.would_break === 0) return;
  throw new CommandError(
    EXIT.failed,
    `${result.would_break} of ${count(result.checked, "waiting question")} would break`,
  );
}

/** The configuration with the graphs of a folder, which are those of its project where it has one. */
function configOf(cli: Cli, folder: string | undefined): Config {
  const { env, cwd } = cli.terminal;
  const config = cli.config();
  if (folder === undefined && config.project !== undefined) return config;
  if (folder !== undefined && (folder.trim() === "" || folder.includes("\0"))) {
    throw usageError(`${safeJson(folder)} is no folder`);
  }
  const directory = folder === undefined ? config.workflowsDir : resolve(cwd, folder);
  const shown = sanitiseLine(directory);
  if (!existsSync(directory)) throw usageError(`there is no folder ${shown}`);
  const isFolder = statSync(directory).isDirectory();
  if (isFolder ? existsSync(join(directory, PROJECT_FILE)) : extname(directory) === ".json")
    return readConfig({ ...env, HOLDPOINT_PROJECT: directory }, cwd);
  if (!isFolder) throw usageError(`${shown} is a file: give the folder of the workflow files`);
  return { ...config, project: undefined, workflowsDir: directory };
}

function refuseNoDatabase(cli: Cli): void {
  const { databaseUrl, dataDir } = cli.config();
  if (databaseUrl !== undefined || existsSync(join(dataDir, "pg18.lock"))) return;
  throw usageError(
    `there is no database in ${sanitiseLine(dataDir)} yet, so nothing waits: start here once, or set DATABASE_URL`,
  );
}

const QUIET_MS = 1_000;

async function readAll(cli: Cli, url: string, set: GraphSet): Promise<CheckResult> {
  const [{ openDatabase }, { checkWaiting }] = await Promise.all([
    import("../../postgres/database.ts"),
    import("../check-waiting.ts"),
  ]);
  const database = openDatabase({ url, max: 4, prepare: cli.config().databasePrepare });
  const startedAt = performance.now();
  try {
    return await checkWaiting(database, set, (checked, total) => {
      if (performance.now() - startedAt > QUIET_MS)
        cli.terminal.status(`checked ${checked} of ${total} waiting questions`);
    });
  } catch (error) {
    throw isOtherSchema(error)
      ? usageError("the database is not of this version: bring it up to date with holdpoint db migrate", error)
      : error;
  } finally {
    await database.close();
  }
}

// There is no such schema, table or column.
const isOtherSchema = (error: unknown) =>
  error instanceof pg.DatabaseError && ["3F000", "42P01", "42703"].includes(error.code ?? "");

function print(cli: Cli, { checked, would_break, breaks, graphs }: CheckResult, directory: string): void {
  const { terminal } = cli;
  if (would_break > 0 || !terminal.isScreen) printList(terminal, breakColumns(terminal.now()), breaks, "", undefined);
  if (would_break > breaks.length)
    terminal.note(`and ${would_break - breaks.length} more, which have not waited as long`);
  if (!terminal.isScreen) return;
  if (would_break > 0) terminal.out("");
  printList(terminal, GRAPH_COLUMNS, graphs, `no graph in ${directory}, and nothing waits`, undefined);
  if (graphs.some(isPlain)) {
    terminal.out("");
    terminal.out(
      terminal.colours.dim(
        "Plain questions cannot compare what they ask: any change of their graph's code but comments makes them stale.",
      ),
    );
  }
  if (would_break === 0) terminal.out(`nothing would break: ${count(checked, "waiting question")} checked`);
}

const isPlain = ({ waits_plainly, pauses_plainly }: GraphFound) => waits_plainly || pauses_plainly === true;

const breakColumns = (now: Date): readonly Column<Break>[] => [
  { name: "THREAD", show: ({ thread_id }) => thread_id.slice(0, 8), value: ({ thread_id }) => thread_id },
  { name: "REVIEW", show: ({ review_id }) => review_id.slice(0, 8), value: ({ review_id }) => review_id },
  { name: "GRAPH", show: ({ graph_id }) => graph_id },
  { name: "NODE", show: ({ node }) => node },
  {
    name: "WAITS",
    show: ({ waiting_since }) => formatSince(waiting_since, now),
    value: ({ waiting_since }) => waiting_since,
  },
  { name: "TITLE", show: ({ title }) => title, shrinks: true },
  { name: "WHY", show: ({ why }) => why },
];

const GRAPH_COLUMNS: readonly Column<GraphFound>[] = [
  { name: "GRAPH", show: ({ graph_id }) => graph_id },
  { name: "WAITING", show: ({ waiting }) => String(waiting), align: "right" },
  { name: "FINE", show: ({ fine }) => String(fine), align: "right" },
  { name: "WOULD BREAK", show: ({ would_break }) => String(would_break), align: "right" },
  { name: "PLAIN QUESTIONS", show: plainly },
];

function plainly({ waits_plainly, pauses_plainly }: GraphFound): string {
  if (waits_plainly) return "yes, one waits";
  if (pauses_plainly === null) return "not known: it is not here";
  return pauses_plainly ? "yes, in its files" : "none seen in its files";
}
