import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import { sanitiseLine } from "./sanitise.ts";
import type { Terminal } from "./terminal.ts";

/** What is given to whoever opens an editor: the text as it was, and gives it back as it was left. */
export type Editor = (text: string) => string | Promise<string>;

/** The editor that the person has chosen, over a file that nobody else can read and that is gone afterwards. */
export function editorOf({ env, cwd }: Pick<Terminal, "env" | "cwd">): Editor {
  const command = [env["VISUAL"], env["EDITOR"]].find((each) => each !== undefined && each.trim() !== "") ?? "vi";
  return async (text) => {
    // Only its owner may look into a folder that mkdtemp makes.
    const folder = mkdtempSync(join(tmpdir(), "holdpoint-"));
    const path = join(folder, "arguments.json");
    try {
      writeFileSync(path, text, { mode: 0o600, flag: "wx" });
      await run(command, path, { env, cwd });
      return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
    } catch (cause) {
      if (cause instanceof CommandError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new CommandError(
        EXIT.failed,
        `cannot read what the editor left (${sanitiseLine(reason)}): nothing was sent`,
        {
          cause,
        },
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

async function run(command: string, path: string, { env, cwd }: Pick<Terminal, "env" | "cwd">): Promise<void> {
  // Through a shell, as everywhere: VISUAL may bring options of its own ("code --wait").
  const child = spawn("/bin/sh", ["-c", `${command} "$@"`, command, path], {
    cwd,
    env: { ...process.env, ...env },
    stdio: "inherit",
  });
  // Ctrl-C is for the editor while it is open.
  const ignore = () => {};
  process.on("SIGINT", ignore);
  try {
    const end = await new Promise<string | null>((settle, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => settle(code === 0 ? null : String(signal ?? code)));
    });
    if (end === null) return;
    throw new CommandError(EXIT.failed, `the editor (${sanitiseLine(command)}) ended with ${end}: nothing was sent`);
  } finally {
    process.off("SIGINT", ignore);
  }
}
