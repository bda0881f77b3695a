import { createInterface } from "node:readline";
import { bootEmbedded } from "../../src/postgres/embedded.ts";

// A process that uses the embedded database of a folder until it is told to leave: one line of JSON per step.
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const dataDir = process.argv[2];
if (dataDir === undefined) throw new Error("usage: embedded-holder.ts <folder>");

const postgres = await bootEmbedded({ dataDir, onLost: () => say({ event: "lost" }) });
say({ event: "ready", started: postgres.started, url: postgres.url });
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "leave") break;
}
say({ event: "left", result: await postgres.release() });
