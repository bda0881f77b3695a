#!/usr/bin/env node
import { runCli } from "./run-cli.ts";
import { processTerminal } from "./terminal.ts";

// A pager or `head` that has seen enough ends what only watches (see interruptible), and nothing else: a decision that is
// on its way is sent, a server goes on.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

const exitCode = await runCli(process.argv.slice(2), processTerminal());
// Not by itself: an idle connection to the server may live on for seconds.
process.stdout.write("", () => process.exit(exitCode));
