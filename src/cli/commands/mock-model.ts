import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { isWithin, parseIp, parseRange } from "../../policy/ip-address.ts";
import { isHoldpointError } from "../../protocol/errors.ts";
import type { ServedRequest } from "../../testing/model-api.ts";
import type { ModelFault } from "../../testing/model-fault.ts";
import type { CheckedStep } from "../../testing/model-step.ts";
import type { Cli } from "../cli.ts";
import { usageError } from "../command-error.ts";
import { count } from "../format.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";
import { pad } from "../text-width.ts";

interface MockOptions {
  port: string;
  host: string;
  allowRemote?: boolean;
  script?: string;
  strict?: boolean;
  fault?: string[];
  latency?: string;
  json?: boolean;
}

/** `mock-model`: a local model that follows a script, for developing and testing without a provider. */
export function addMockModel(program: Command, cli: Cli): void {
  program
    .command("mock-model")
    .description("start a local model that follows a script, behind OpenAI's protocols")
    .option("--port <number>", "listen here; 0 takes any free port", "8124")
    .option("--host <address>", "listen on this address", "127.0.0.1")
    .option("--allow-remote", "let other machines ask it: needed for an address that is not loopback")
    .option("--script <file>", "the steps it follows, as JSON")
    .option("--strict", "refuse what the script has no step for, instead of making up an answer")
    .addOption(
      new Option("--fault <fault>", "what goes wrong, and when; may be given again").argParser(
        (one: string, all: string[] = []) => [...all, one],
      ),
    )
    .option("--latency <time>", "wait so long before every answer, such as 50ms or 2s")
    .option("--json", "print a line of JSON for each request")
    .addHelpText(
      "after",
      `
It answers chat completions, responses, embeddings and the list of models, whole and as streams. Without a script every
answer is made up: the smallest value that fits the schema that is asked for, or a text that says it is a mock.

A script is a list of steps, used in order; a step with "when" is used whenever the user's last words hold it:
  [ { "text": "Hello." },
    { "json": { "wants_refund": true, "invoice_id": 121 } },
    { "tool_calls": [ { "name": "look_up", "args": { "id": 1 } } ] },
    { "status": 429, "headers": { "retry-after": "2" } },
    { "text": "Slowly, then gone.", "slow": { "first_byte_ms": 500, "between_ms": 100 }, "cut": 2 },
    { "when": "/refund|money back/i", "json": { "wants_refund": true }, "malformed": "content" },
    { "when": { "model": "gpt-4.1" }, "hang": true } ]

Faults: 429, 500 or another status, cut, hang, malformed, slow; behind ":" every=3, first=2, retry_after=5 (s), after=2
(pieces, of cut), ms=3000 (of slow).

Examples:
  $ holdpoint mock-model --script refunds.json
  $ holdpoint mock-model --fault 429:every=3,retry_after=1 --fault cut:first=1 --latency 50ms`,
    )
    .action((options: MockOptions) => run(cli, options));
}

async function run(cli: Cli, options: MockOptions): Promise<void> {
  const { terminal } = cli;
  const port = readPort(options.port);
  refuseRemote(options);
  const latencyMs = readLatency(options.latency);
  const [{ startModelServer }, { readFault }] = await Promise.all([
    import("../../testing/model-server.ts"),
    import("../../testing/model-fault.ts"),
  ]);
  const faults: ModelFault[] = (options.fault ?? []).map((written) => asUsage(() => readFault(written)));
  const steps = options.script === undefined ? [] : await readSteps(resolve(terminal.cwd, options.script));
  const stop = createStop();
  const json = options.json === true;
  const server = await startModelServer({
    host: options.host,
    port,
    steps,
    after: options.strict === true ? "refuse" : "make_up",
    faults,
    latencyMs,
    onServed: (served) => terminal.out(json ? safeJson(served) : servedLine(cli, served)),
  });
  const variables = { OPENAI_BASE_URL: server.url, OPENAI_API_KEY: "mock" };
  if (json) terminal.out(safeJson({ url: server.url, variables, steps: steps.length }));
  else {
    terminal.out(
      `the mock model listens on ${server.url}${steps.length === 0 ? "" : `, ${count(steps.length, "step")}`}`,
    );
    for (const [name, value] of Object.entries(variables)) terminal.out(`  export ${name}=${value}`);
    terminal.note("Ctrl-C stops it");
  }
  await stop.asked;
  stop.forget();
  await server.close();
  terminal.note("stopped");
}

function createStop() {
  const { promise, resolve: onSignal } = Promise.withResolvers<void>();
  const ask = () => onSignal();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, ask);
  return {
    asked: promise,
    forget() {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, ask);
    },
  };
}

const LAST_PORT = 65_535;

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= LAST_PORT) return port;
  throw usageError(`--port ${sanitiseLine(text)} is no port; give a whole number from 0 to ${LAST_PORT}`);
}

function refuseRemote({ host, allowRemote }: MockOptions): void {
  const address = parseIp(host);
  const loopbacks = ["127.0.0.0/8", "::1/128"].map((range) => parseRange(range)!);
  const isLoopback = host === "localhost" || (address !== undefined && loopbacks.some((one) => isWithin(address, one)));
  if (isLoopback || allowRemote === true) return;
  throw usageError(
    `--host ${sanitiseLine(host)} lets other machines ask it, and whatever they send is printed here; add --allow-remote if that is meant`,
  );
}

const LONGEST_MS = 3_600_000;

function readLatency(text: string | undefined): number {
  if (text === undefined) return 0;
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s)?$/.exec(text) ?? [];
  const ms = Number(number) * (unit === "s" ? 1_000 : 1);
  if (ms <= LONGEST_MS) return ms;
  throw usageError(`--latency ${sanitiseLine(text)} is no time; write it as 50ms or 2s, an hour at most`);
}

async function readSteps(file: string): Promise<CheckedStep[]> {
  const { readScript } = await import("../../testing/model-step.ts");
  const shown = sanitiseLine(file);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw usageError(`--script ${shown} cannot be read (${(error as NodeJS.ErrnoException).code})`, error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw usageError(`--script ${shown} is no JSON: ${sanitiseLine((error as Error).message)}`, error);
  }
  return asUsage(() => readScript(value), `--script ${shown}: `);
}

/** What is wrong with a script or a fault is wrong with the command line. */
function asUsage<Result>(body: () => Result, prefix = ""): Result {
  try {
    return body();
  } catch (error) {
    if (isHoldpointError(error)) throw usageError(`${prefix}${sanitiseLine(error.message)}`, error);
    throw error;
  }
}

function servedLine({ terminal }: Cli, served: ServedRequest): string {
  const { path, model, streams, status, what, question, tokens } = served;
  const way = `${path.replace("/v1/", "")}${streams ? ", stream" : ""}`;
  const cells = [String(status), way, model ?? "", what, `${tokens} tokens`, question].map(sanitiseLine);
  if (!terminal.isScreen) return cells.join("\t");
  const { red, green, dim } = terminal.colours;
  const [first = "", second = "", third = "", fourth = "", fifth = "", last = ""] = cells;
  const head = `${(status < 400 ? green : red)(first)} ${pad(second, 24)} ${pad(third, 14)} ${pad(fourth, 16)} ${pad(fifth, 12)}`;
  const room = terminal.columns - 74;
  return room > 10 ? `${head} ${dim([...last].slice(0, room).join(""))}` : head;
}
