import { randomUUID } from "node:crypto";
import { type Command, Option } from "commander";
import { z } from "zod";
import { uuidSchema } from "../../protocol/json.ts";
import { unreachable } from "../api.ts";
import type { Cli } from "../cli.ts";
import { CommandError, usageError } from "../command-error.ts";
import { EXIT } from "../exit-codes.ts";
import { readRun } from "../find-run.ts";
import {
  asCommandError,
  type Followed,
  type Follower,
  followRun,
  fromStart,
  hasEnded,
  isLostConnection,
  printStream,
  STREAM_MODES,
} from "../follow.ts";
import { shortId } from "../id-prefix.ts";
import { readJsonArgument } from "../input.ts";
import { interruptible } from "../interruptible.ts";
import { endJson, endLines, endOfRun, type RunEnd } from "../run-end.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";
import { createSdkClient } from "../sdk.ts";
import { runWire } from "../wire.ts";

interface RunOptions {
  input?: string;
  thread?: string;
  detach?: boolean;
  json?: boolean;
}

interface Started {
  thread_id: string;
  run_id: string;
}

/** `run`: starts a graph and shows how it goes, up to its end or to the first question for a person. */
export function addRun(program: Command, cli: Cli): void {
  program
    .command("run")
    .description("start a graph and follow it to its end, or until it waits for a person")
    .argument("<graph>", "id of a graph or an assistant")
    .addOption(new Option("-i, --input <json>", "a file, - for standard input, or the JSON itself").default("{}", "{}"))
    .option("-t, --thread <id>", "run on this thread instead of a new one")
    .option("-d, --detach", "do not follow it")
    .option("--json", "print one JSON object at the end")
    .addHelpText(
      "after",
      `
Ends with 0 when the run is done or waits for a person, with 1 when it failed.

Examples:
  $ holdpoint run refund-approval --input examples/refund-large.json
  $ echo '{"email": "a@example.com", "message": "…"}' | holdpoint run refund-approval --input - --json
  $ holdpoint run refund-approval --input examples/refund-small.json --detach`,
    )
    .action((graph: string, options: RunOptions) => run(cli, graph, options));
}

async function run(cli: Cli, graph: string, options: RunOptions): Promise<void> {
  const { terminal } = cli;
  if (graph.trim() === "" || graph.includes("\0")) throw usageError("name a graph: see holdpoint graphs");
  const input = await readJsonArgument(options.input ?? "{}", "--input", terminal);
  if (input === null && options.thread === undefined) {
    throw usageError("an input of null goes on with a thread that stopped: say which with --thread");
  }
  const thread_id = options.thread === undefined ? randomUUID() : threadId(options.thread);
  if (options.detach === true) return await detach(cli, graph, thread_id, input, options);
  const say = options.json === true ? terminal.note : terminal.out;
  let started: Started | undefined;
  const goesOn = () =>
    started === undefined ? "interrupted" : `the run goes on: ${cli.name} runs watch ${shortId(started.run_id)}`;
  await interruptible(goesOn, async (signal) => {
    const begun = (run: Started) => {
      started = run;
      const { bold, dim } = terminal.colours;
      say(`${bold(sanitiseLine(graph))}  ${dim(`run ${shortId(run.run_id)}  thread ${shortId(run.thread_id)}`)}`);
    };
    const followed = await startAndFollow(cli, { graph, thread_id, input }, { terminal, say, signal }, begun);
    report(cli, await endOfRun(cli.api(), followed), options);
  });
}

async function startAndFollow(
  cli: Cli,
  { graph, thread_id, input }: { graph: string; thread_id: string; input: unknown },
  follower: Follower,
  begun: (run: Started) => void,
): Promise<Followed> {
  const api = cli.api();
  const client = await createSdkClient(api.connection);
  let started: Started | undefined;
  const parts = client.runs.stream(thread_id, graph, {
    input: input as Record<string, unknown>,
    ifNotExists: "create",
    streamMode: STREAM_MODES,
    streamResumable: true,
    onDisconnect: "continue",
    signal: follower.signal,
    onRunCreated: ({ run_id, thread_id: on }) => {
      started = { run_id, thread_id: on ?? thread_id };
      begun(started);
    },
  });
  const position = fromStart();
  try {
    await printStream(parts, follower, position, true);
    if (started === undefined) throw new CommandError(EXIT.failed, "the server started no run");
    const last = await readRun(api, started, follower.signal);
    if (hasEnded(last)) return { run: last, values: position.progress.values, error: position.progress.error };
  } catch (cause) {
    const { aborted } = follower.signal;
    if (started === undefined && !aborted) throw asCommandError(cause) ?? unreachable(api.connection, cause);
    // A run that was accepted is followed on; a refusal or Ctrl-C is not ours to hide.
    if (started === undefined || !isLostConnection(cause, follower.signal)) throw asCommandError(cause) ?? cause;
  }
  return await followRun(api, started, follower, position);
}

async function detach(cli: Cli, graph: string, thread_id: string, input: unknown, options: RunOptions): Promise<void> {
  const path = `/threads/${encodeURIComponent(thread_id)}/runs`;
  const body = { assistant_id: graph, input, if_not_exists: "create", stream_mode: STREAM_MODES };
  const { body: started } = await cli.api().request("POST", path, runWire, { body });
  if (options.json === true) cli.terminal.out(safeJson(started, 2));
  else
    cli.terminal.out(
      `run ${shortId(started.run_id)} is ${sanitiseLine(started.status)}: ${cli.name} runs watch ${shortId(started.run_id)}`,
    );
}

function report(cli: Cli, end: RunEnd, options: RunOptions): void {
  if (options.json === true) cli.terminal.out(safeJson(endJson(end), 2));
  else for (const line of endLines(cli, end)) cli.terminal.out(line);
  // Its lines are printed; only the exit code is left to give.
  if (end.exitCode !== EXIT.done) throw new CommandError(end.exitCode, "");
}

function threadId(text: string): string {
  const parsed = uuidSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw usageError(`--thread ${sanitiseLine(text.slice(0, 80))}: ${z.prettifyError(parsed.error).replace(/^✖ /, "")}`);
}
