#!/usr/bin/env node
// The command `holdpoint`: from the sources in a clone, from the compiled code in an installed package.
import { join } from "node:path";
import { isClone, root, runProgram } from "./bootstrap.mjs";

const main = isClone ? join("src", "cli", "main.ts") : join("dist", "cli", "main.js");
await runProgram(join(root, main), process.argv.slice(2));
