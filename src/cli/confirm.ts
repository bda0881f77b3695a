import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

/** Asks y/N. Where nobody can answer, `--yes` has to have been given. */
export async function confirm(terminal: Terminal, question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!terminal.isInteractive) {
    throw new CommandError(
      EXIT.invalid,
      "nobody can be asked here (no terminal): add --yes to go ahead without asking",
    );
  }
  const answer = (await terminal.ask(`${question} [y/N] `)).trim().toLowerCase();
  if (answer !== "y" && answer !== "yes") throw new CommandError(EXIT.failed, "nothing was sent");
}
