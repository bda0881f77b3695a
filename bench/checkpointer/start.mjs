#!/usr/bin/env node
// npm run bench:checkpointer: installs what is missing, then measures.
import { join } from "node:path";
import { root, runProgram } from "../../scripts/bootstrap.mjs";

await runProgram(join(root, "bench", "checkpointer", "main.ts"), process.argv.slice(2));
