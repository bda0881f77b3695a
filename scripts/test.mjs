#!/usr/bin/env node
// npm test: installs what is missing, then runs everything. `--scale 10` makes the loads ten times larger.
import { join } from "node:path";
import { root, runProgram } from "./bootstrap.mjs";

const args = process.argv.slice(2);
const at = args.indexOf("--scale");
if (at >= 0) process.env.HOLDPOINT_TEST_SCALE = args.splice(at, 2)[1] ?? "10";
// What is tested is not a production server, whatever the shell says.
process.env.NODE_ENV = "test";
process.chdir(root);
await runProgram(join(root, "node_modules", "vitest", "vitest.mjs"), ["run", ...args]);
