#!/usr/bin/env node
// npm run oracle: installs what is missing, then compares.
import { join } from "node:path";
import { root, runProgram } from "../../scripts/bootstrap.mjs";

await runProgram(join(root, "bench", "oracle", "main.ts"), process.argv.slice(2));
