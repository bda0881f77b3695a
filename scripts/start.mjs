#!/usr/bin/env node
// npm start: installs what is missing, builds the console when it has changed, then starts the server.
import { join } from "node:path";
import { root, runProgram } from "./bootstrap.mjs";
import { buildConsoleOnce } from "./console.mjs";

await runProgram(join(root, "src", "cli", "main.ts"), ["start", ...process.argv.slice(2)], buildConsoleOnce);
