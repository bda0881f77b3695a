import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { type Config, forgetSecrets, lendVariables, readConfig } from "../../config.ts";
import { formatLoadError } from "../../graphs/graph-set.ts";
import type { Cli } from "../cli.ts";
import { CommandError } from "../command-error.ts";
import { EXIT } from "../exit-codes.ts";
import { graphsPlace } from "../local-graphs.ts";
import { sanitiseLine } from "../sanitise.ts";
import { exampleInput } from "../shell-word.ts";
import { renderPairs } from "../table.ts";

type Running = Awaited<ReturnType<typeof import("../../compose.ts")["compose"]>>;

interface ServerOptions {
  port?: string;
  config?: string;
}

interface Mode {
  role: Config["role"];
  watch: boolean;
}

/** `start`, `serve`, `work` and `dev`: the commands that stay. */
export function addServerCommands(program: Command, cli: Cli): void {
  const add = (name: string, description: string, mode: (config: Config) => Mode, listens = true) => {
    const command = program.command(name).description(description);
    if (listens) command.option("--port <number>", "listen here instead of PORT");
    command.option("--config <file>", "the langgraph.json whose graphs are loaded, instead of HOLDPOINT_PROJECT");
    command.action(async (options: ServerOptions) => {
      const config = serverConfig(cli, options);
      await runServer(cli, config, mode(config));
    });
    return command;
  };
  add("start", "start the server, a worker and the embedded database: all there is", ({ role }) => ({
    role,
    watch: false,
  })).addHelpText(
    "after",
    `
Settings come from the environment or a file .env; DATABASE_URL replaces the embedded database.

Examples:
  $ npm start
  $ holdpoint start --port 9000
  $ holdpoint start --config ../my-agents/langgraph.json
  $ DATABASE_URL=postgresql://user:password@host:5432/holdpoint holdpoint start`,
  );
  add("dev", "the same, and load workflows again when they are edited", ({ role }) => ({ role, watch: true }));
  add("serve", "answer requests, execute nothing", () => ({ role: "api", watch: false }));
  add("work", "execute runs, answer nothing", () => ({ role: "worker", watch: false }), false);
}

function serverConfig(cli: Cli, { port, config: project }: ServerOptions): Config {
  const { env, cwd } = cli.terminal;
  if (port === undefined && project === undefined) return cli.config();
  const said = { ...(port === undefined ? {} : { PORT: port }), ...(project && { HOLDPOINT_PROJECT: project }) };
  return readConfig({ ...env, ...said }, cwd);
}

async function runServer(cli: Cli, config: Config, mode: Mode): Promise<void> {
  const { terminal } = cli;
  const stop = createStop();
  // Graphs and what they start need not see addresses and keys.
  forgetSecrets(process.env);
  lendVariables(process.env, config);
  const progress = (line: string) => terminal.note(terminal.colours.dim(sanitiseLine(line)));
  const broken = Promise.withResolvers<unknown>();
  const giveUp = new AbortController();
  const starting = start(config, mode, { progress, onBroken: broken.resolve, signal: giveUp.signal });
  const early = await Promise.race([starting.then(() => undefined), stop.first]);
  if (early !== undefined) {
    terminal.note("\nstopping as soon as it has started; Ctrl-C again stops at once");
    giveUp.abort();
    const closed = starting.then(
      (running) => running.close(),
      (error: Error) => {
        // It was waiting for the database.
        if (error.name !== "AbortError") throw error;
      },
    );
    await Promise.race([closed, stop.second.then(leaveAtOnce)]);
    return;
  }
  const running = await starting;
  for (const line of readyLines(cli, config, running)) terminal.out(line);
  await Promise.race([stop.first, broken.promise]);
  const seconds = Math.ceil(config.drainMs / 1000);
  const drains = running.url === null || mode.role !== "api";
  terminal.note(
    drains
      ? `\nstopping: runs under way get ${seconds} s to finish, others take over what is left. Ctrl-C again stops at once`
      : "\nstopping: open requests are ended. Ctrl-C again stops at once",
  );
  const graceMs = config.drainMs + CLOSE_GRACE_MS;
  const isClosed = await Promise.race([
    running.close().then(() => true),
    stop.second.then(leaveAtOnce),
    delay(graceMs, false, { ref: false }),
  ]);
  if (!isClosed) {
    const why = `not all was closed within ${graceMs} ms, as when the database does not answer; leases run out by themselves`;
    throw new CommandError(EXIT.failed, `stopped: ${why}`);
  }
  terminal.note("stopped");
  if (stop.asked()) return;
  throw new CommandError(EXIT.failed, `stopped because of an exception that nothing caught: ${await broken.promise}`);
}

const ONE_PRESS_MS = 500;
// Beyond the time that runs are given: for a database that has fallen silent, which no connection notices at once.
const CLOSE_GRACE_MS = 10_000;

interface Listeners {
  progress: (line: string) => void;
  onBroken: (error: unknown) => void;
  /** Ends a wait for the database. */
  signal: AbortSignal;
}

/** Importing everything takes about as long as the database needs to start: it starts first. */
async function start(config: Config, mode: Mode, { progress, onBroken, signal }: Listeners): Promise<Running> {
  const { openHomeDatabase } = await import("../../compose/home-database.ts");
  const { openLog } = await import("../../telemetry/log.ts");
  const log = openLog({ level: config.logLevel, pretty: process.stderr.isTTY === true });
  const { containStrayErrors } = await import("../../runtime/stray-errors.ts");
  containStrayErrors(log, onBroken);
  const { createPatience, impatient } = await import("../../compose/patience.ts");
  const { databaseUrl: url } = config;
  const patient = url === undefined ? impatient : createPatience({ url, progress, signal });
  const home = openHomeDatabase(config, log, progress, patient);
  // Whoever awaits it first hears of a failure; until then it is not an unhandled one.
  home.catch(() => {});
  const { compose } = await import("../../compose.ts");
  return await compose(config, { ...mode, progress, log, home, patient });
}

/** Ctrl-C and SIGTERM, counted: the first asks to finish, the second does not wait. */
function createStop() {
  const first = Promise.withResolvers<NodeJS.Signals>();
  const second = Promise.withResolvers<NodeJS.Signals>();
  let askedAt: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    askedAt ??= now;
    first.resolve(signal);
    // One Ctrl-C arrives twice where npm hands it on and the terminal sends it too.
    if (now - askedAt > ONE_PRESS_MS) second.resolve(signal);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  return { first: first.promise, second: second.promise, asked: () => askedAt !== undefined };
}

function leaveAtOnce(signal: NodeJS.Signals): never {
  // Nothing is lost by this: leases expire and another process goes on from the last checkpoints.
  process.exit(128 + constants.signals[signal]);
}

function readyLines(cli: Cli, config: Config, running: Running): string[] {
  const { bold, dim, yellow, red } = cli.terminal.colours;
  const ids = [...running.graphs.graphs.keys()].map(sanitiseLine);
  const database =
    running.database === "embedded" ? `embedded PostgreSQL in ${config.dataDir}` : "the one of DATABASE_URL";
  const place = sanitiseLine(graphsPlace(config));
  const graphs = ids.length === 0 ? `none in ${place}` : `${ids.length}: ${ids.join(", ")}`;
  const facts: [string, string][] = [
    ...(running.url === null ? [] : [["Server", bold(running.url)] as [string, string]]),
    ...(running.login_url === null
      ? []
      : [["Log in", `${running.login_url}  ${dim("(once, within 10 minutes)")}`] as [string, string]]),
    ...(running.metrics_url === null ? [] : [["Metrics", `${running.metrics_url}/metrics`] as [string, string]]),
    ["Database", database],
    ["Graphs", graphs],
    ["from", place],
    ...(running.policy === null ? [] : [["Policy", sanitiseLine(running.policy)] as [string, string]]),
  ];
  return [
    bold(running.url === null ? "Holdpoint works." : "Holdpoint is ready."),
    "",
    ...renderPairs(facts, 2, dim),
    ...running.graphs.errors.map((error) => `  ${red("✗")} ${sanitiseLine(formatLoadError(error))}`),
    ...running.warnings.map((warning) => `  ${yellow("!")} ${sanitiseLine(warning)}`),
    "",
    ...(running.url === null ? [] : nextLines(cli, running, running.url)),
    dim("Ctrl-C stops it."),
  ];
}

function nextLines({ name, terminal }: Cli, running: Running, url: string): string[] {
  const { graphs } = running.graphs;
  // The story that the README tells, where the examples are what is loaded.
  const isStory = graphs.has("refund-approval");
  const id = isStory ? "refund-approval" : [...graphs.keys()][0];
  const input = isStory ? "examples/refund-large.json" : exampleInput(graphs.get(id ?? "")?.examples);
  return [
    `Next: open ${url} in a browser, or in a second terminal:`,
    "",
    `  ${name} run ${id === undefined ? "<graph>" : sanitiseLine(id)} --input ${input}`,
    `  ${name} reviews`,
    `  ${name} review approve ${terminal.colours.dim("<id>")} -m "checked"`,
    "",
  ];
}
