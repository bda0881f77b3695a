import { rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startDevServer } from "../dev-process.ts";
import { startModelServer } from "../model-server.ts";
import { installPackages } from "../packages.ts";
import { benchFolder, startServer } from "../server.ts";
import { compare, type Difference } from "./compare.ts";
import { explain } from "./explain.ts";
import { createPlayer, type Scenario } from "./player.ts";
import { assistants } from "./script/assistants.ts";
import { questions } from "./script/questions.ts";
import { rest } from "./script/rest.ts";
import { runs } from "./script/runs.ts";
import { streams } from "./script/streams.ts";
import { threads } from "./script/threads.ts";
import { differencesTable, shortly } from "./table.ts";

const SCENARIOS: readonly Scenario[] = [...assistants, ...threads, ...runs, ...questions, ...streams, ...rest];
const fromHere = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const TABLE = fromHere("differences.md");
const DEV_SERVER = "@langchain/langgraph-api";

const USAGE = `usage: npm run oracle -- [--only words] [--all]

Plays one client's script against LangGraph's development server and against Holdpoint, with the same graphs, and compares
what they answer: statuses, headers, bodies, the events of streams. Writes the differences, each with its reason, to
bench/oracle/differences.md. A difference without a reason ends the command with 1. Takes about two minutes.

  --only words   only scenarios with these words in their names; the table is not written
  --all          print every difference, also those that are explained`;

const say = (line: string) => process.stderr.write(`oracle: ${line}\n`);

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    all: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
const chosen = SCENARIOS.filter(({ name }) => name.includes(options.only ?? ""));
if (chosen.length === 0) {
  say(`--only ${options.only}: no scenario has these words in its name; there are ${names(SCENARIOS)}`);
  process.exit(2);
}
const missing = await installPackages([DEV_SERVER, "typescript"], say);
if (missing.length > 0) {
  say(`${missing.join(" and ")} could not be installed in bench/: see above, then start again`);
  process.exit(1);
}

interface Started {
  url: string;
  stop(): Promise<void>;
}

const closers: (() => Promise<unknown>)[] = [];
let stopping: Promise<void> | undefined;
const close = () => {
  stopping ??= (async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  })();
  return stopping;
};
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    say("stopping …");
    await close();
    process.exit(130);
  });
}

try {
  process.exitCode = await report(await playAll());
  await close();
} catch (error) {
  // Whoever was asked when it was stopped is gone: that is no news.
  if (stopping !== undefined) await new Promise(() => undefined);
  await close();
  throw error;
}

async function playAll(): Promise<Difference[]> {
  say("starting both servers …");
  const model = await startModelServer(5);
  closers.push(() => model.close());
  process.env["BENCH_MODEL_URL"] = model.url;
  const folder = await benchFolder();
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const starting: Promise<Started>[] = [
    startDevServer(fromHere("../project/langgraph.json")),
    startServer(folder, fromHere("../project")),
  ];
  // Also what is still starting when somebody loses patience.
  for (const server of starting) closers.push(async () => await (await server.catch(() => undefined))?.stop());
  const [dev, ours] = (await Promise.all(starting)) as [Started, Started];
  const found: Difference[] = [];
  for (const [place, { name, play }] of chosen.entries()) {
    const [theirs, own] = [createPlayer(dev.url), createPlayer(ours.url)];
    await Promise.all([play(theirs), play(own)]);
    const differences = compare(name, theirs.steps, own.steps);
    found.push(...differences);
    say(`${place + 1} of ${chosen.length}: ${name}: ${theirs.steps.length} steps, ${differences.length} differences`);
  }
  return found;
}

async function report(found: readonly Difference[]): Promise<number> {
  const { explained, unexplained, unused } = explain(found);
  if (options.all) for (const difference of found) console.log(shortly(difference));
  else for (const difference of unexplained) console.log(shortly(difference));
  if (options.only === undefined) {
    for (const { what } of unused) say(`explains nothing any more: ${what}`);
    if (unexplained.length === 0) await writeFile(TABLE, differencesTable(explained));
  }
  say(`${found.length} differences for ${explained.length} reasons; ${unexplained.length} without a reason`);
  return unexplained.length === 0 ? 0 : 1;
}

function names(scenarios: readonly Scenario[]): string {
  return scenarios.map(({ name }) => `"${name}"`).join(", ");
}
