import { writeFile } from "node:fs/promises";
import { measureChat } from "./cases/chat.ts";
import { tryCorruption } from "./cases/corruption.ts";
import { measureFootprint } from "./cases/footprint.ts";
import { measureGraph } from "./cases/graph.ts";
import { measurePause } from "./cases/pause.ts";
import { measureSaver } from "./cases/saver.ts";
import { measureDelta, measureFanOut, measureLongThread, measureNotebook } from "./cases/shapes.ts";
import { type Lab, openLab } from "./lab.ts";
import { describeMachine, type Machine, measureMachine } from "./machine.ts";
import { settle } from "./measure.ts";
import { type Options, readOptions, usage } from "./options.ts";
import { loadPeers } from "./peers.ts";
import { printTable, type Row } from "./row.ts";

const CASES: Record<string, (lab: Lab) => Promise<Row[]>> = {
  corruption: tryCorruption,
  graph: measureGraph,
  saver: measureSaver,
  chat: measureChat,
  pause: measurePause,
  "fan-out": measureFanOut,
  object: measureNotebook,
  delta: measureDelta,
  long: measureLongThread,
  footprint: measureFootprint,
};

const say = (line: string) => process.stderr.write(`bench: ${line}\n`);

function optionsOrExit(): Options {
  const names = Object.keys(CASES);
  try {
    const options = readOptions(process.argv.slice(2), names);
    if (options !== "help") return options;
  } catch (error) {
    say((error as Error).message.split("\n")[0] as string);
    process.exit(2);
  }
  console.log(usage(names));
  process.exit(0);
}

const options = optionsOrExit();
const { quick, latencies } = options;
const opening = openLab({ quick, latencies, peers: await loadPeers(say) });
const rows: Row[] = [];
let machine: Machine | undefined;
let stopping = false;

/** Also what was measured until somebody lost patience. */
async function report(): Promise<void> {
  if (rows.length > 0) printTable(rows);
  if (options.json !== undefined) {
    await writeFile(options.json, `${JSON.stringify({ machine, quick, rows }, null, 2)}\n`);
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    stopping = true;
    await report();
    await (await opening).close();
    process.exit(130);
  });
}
const lab = await opening;
try {
  machine = await measureMachine(lab);
  say(describeMachine(machine));
  for (const name of options.only) {
    const begin = performance.now();
    say(`measuring ${name} …`);
    rows.push(...((await CASES[name]?.(lab)) ?? []));
    settle();
    say(`${name} took ${Math.round((performance.now() - begin) / 1000)} s`);
  }
  await report();
  await lab.close();
} catch (error) {
  // Whoever was measured when it was stopped has lost its database: that is no news.
  if (stopping) await new Promise(() => undefined);
  await lab.close();
  throw error;
}
process.exit(0);
