import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { measureApi } from "./api.ts";
import { measureBoot } from "./boot.ts";
import { measureConsole } from "./console.ts";
import { measureEngine } from "./engine.ts";
import { measureKit } from "./kit.ts";
import { measureLatency } from "./latency.ts";
import { measureReviews } from "./reviews.ts";
import type { Row } from "./table.ts";
import { printTable } from "./table.ts";

// npm run bench: one table of what a user waits for. Figures wander with the machine; the ratios are what to trust.
const { values } = parseArgs({
  options: {
    only: { type: "string" },
    json: { type: "string" },
    quick: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  },
});
if (values.help === true) {
  console.log(
    `usage: npm run bench -- [--only boot|latency|api|engine|reviews|console|kit] [--quick] [--json file]

Measures start-up, request latency against the same graph run in process, the API against
LangGraph's development server, what the engine gets through against DBOS and
the official saver, the API with 10,000 open reviews, the console in a browser with 200,
and what the kit adds to a node, a call on record and a question. --quick makes the loads
small, for a first look.`,
  );
  process.exit(0);
}
const suites: Record<string, (options: { quick: boolean }) => Promise<Row[]>> = {
  boot: measureBoot,
  latency: measureLatency,
  api: measureApi,
  engine: measureEngine,
  reviews: measureReviews,
  console: measureConsole,
  kit: measureKit,
};
const chosen = values.only === undefined ? Object.keys(suites) : [values.only];
const rows: Row[] = [];
for (const name of chosen) {
  const suite = suites[name];
  if (suite === undefined) {
    console.error(`--only ${name}: there is no such suite; use one of ${Object.keys(suites).join(", ")}`);
    process.exit(2);
  }
  console.error(`measuring ${name} …`);
  rows.push(...(await suite(values)));
}
printTable(rows);
if (values.json !== undefined)
  await writeFile(values.json, `${JSON.stringify({ quick: values.quick, rows }, null, 2)}\n`);
