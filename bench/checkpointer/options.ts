import { parseArgs } from "node:util";

/** What to measure, and how long. */
export interface Options {
  only: readonly string[];
  latencies: readonly Latency[];
  quick: boolean;
  json: string | undefined;
}

/** Milliseconds of a network round trip that are put between the program and Postgres. */
export type Latency = 0 | 1;

const LATENCIES: Record<string, readonly Latency[]> = { "0": [0], "1": [1], both: [0, 1] };

/** What `--help` prints. */
export function usage(cases: readonly string[]): string {
  return `usage: npm run bench:checkpointer -- [options]

Runs the same work on Holdpoint's checkpointer, on the official Postgres one and in memory, and the nearest thing they
have to it on DBOS and Mastra: one PostgreSQL, a fresh database for each, taking turns. Prints one table.
The database lies in the system's folder for temporary files (TMPDIR): how fast that disk commits decides much.

  --only name      one case, or several with commas between: ${cases.join(", ")}
  --latency 0|1|both
                   milliseconds of network round trip to Postgres; default both
  --quick          small sizes: under two minutes, for a first look
  --json file      writes the figures there as well
  --help           this text`;
}

/** Reads the command line; throws an error whose message is one line for the user. */
export function readOptions(args: readonly string[], cases: readonly string[]): Options | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      latency: { type: "string", default: "both" },
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  const only = values.only === undefined ? cases : values.only.split(",");
  const stranger = only.find((name) => !cases.includes(name));
  if (stranger !== undefined) throw new Error(`--only ${stranger}: there is no such case; use ${cases.join(", ")}`);
  const latencies = Object.hasOwn(LATENCIES, values.latency) ? LATENCIES[values.latency] : undefined;
  if (latencies === undefined) throw new Error(`--latency ${values.latency}: use 0, 1 or both`);
  if (values.json === "") throw new Error("--json: give the name of a file");
  return { only, latencies, quick: values.quick, json: values.json };
}
