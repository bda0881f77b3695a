#!/usr/bin/env node
// npm start: installs what is missing, then starts the server.
import { join } from "node:path";
import { root, runProgram } from "./bootstrap.mjs";

await runProgram(join(root, "src", "cli", "main.ts"), ["start", ...process.argv.slice(2)]);
