#!/usr/bin/env node
import { runCli } from "./run-cli.ts";
import { processTerminal } from "./terminal.ts";

// A pager or `head` that has seen enough is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const exitCode = await runCli(process.argv.slice(2), processTerminal());
// Not by itself: an idle connection to the server may live on for seconds.
process.stdout.write("", () => process.exit(exitCode));
