import { CommanderError } from "commander";
import { createCli } from "./cli.ts";
import { describeError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import { createProgram } from "./program.ts";
import { sanitiseText } from "./sanitise.ts";
import type { Terminal } from "./terminal.ts";

/** Runs one command line and gives its exit code. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const program = createProgram(createCli(terminal));
    if (args.length === 0) {
      program.outputHelp();
      return EXIT.done;
    }
    await program.parseAsync(args, { from: "user" });
    return EXIT.done;
  } catch (error) {
    // Commander has printed its own line already; help and version are no errors.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    const { message, exitCode } = describeError(error);
    if (message !== "") terminal.note(`${terminal.colours.red("holdpoint:")} ${sanitiseText(message)}`);
    return exitCode;
  }
}
