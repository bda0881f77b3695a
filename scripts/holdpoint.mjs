#!/usr/bin/env node
// The command `holdpoint`: from the sources in a clone, from the compiled code in an installed package.
import { join } from "node:path";
import { isClone, root, runProgram } from "./bootstrap.mjs";

const main = isClone ? join("src", "cli", "main.ts") : join("dist", "cli", "main.js");
const args = process.argv.slice(2);
// Only a clone builds its console; a package has it built.
const answersPages = isClone && ["start", "dev", "serve"].includes(args[0]);
const prepare = answersPages ? (await import("./console.mjs")).buildConsoleOnce : undefined;
await runProgram(join(root, main), args, prepare);
