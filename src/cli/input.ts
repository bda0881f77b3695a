import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Json } from "../protocol/json.ts";
import { usageError } from "./command-error.ts";
import { safeJson, sanitiseLine } from "./sanitise.ts";
import type { Terminal } from "./terminal.ts";

/** Reads JSON as a command takes it: a file, "-" for what is piped in, or the JSON itself. */
export async function readJsonArgument(given: string, option: string, terminal: Terminal): Promise<Json> {
  const text = given.trim();
  if (text === "-") return parse(decode(await readPiped(terminal), "what was piped in"), "what was piped in");
  if (/^[[{"]/.test(text) || /^(-?\d[\d.eE+-]*|true|false|null)$/.test(text)) return parse(text, option);
  return readJsonFile(given, terminal);
}

/** Reads a file that holds JSON. */
export function readJsonFile(path: string, terminal: Terminal): Json {
  const shown = sanitiseLine(path);
  if (path === "" || path.includes("\0")) throw usageError(`${safeJson(path)} is no file name`);
  let bytes: Buffer;
  try {
    bytes = readFileSync(resolve(terminal.cwd, path));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT")
      throw usageError(`there is no file ${shown}: give a file, "-" for standard input, or the JSON itself`);
    if (code === "EISDIR") throw usageError(`${shown} is a folder: give a file`);
    throw usageError(`cannot read ${shown}: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  return parse(decode(bytes, shown), shown);
}

async function readPiped(terminal: Terminal): Promise<Buffer> {
  if (terminal.isInteractive) terminal.note("reading JSON from the keyboard; end it with Ctrl-D");
  return await terminal.readInput();
}

function decode(bytes: Buffer, from: string): string {
  try {
    // Takes a byte order mark away too.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw usageError(`${from} is not UTF-8 text`, cause);
  }
}

function parse(text: string, from: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    const reason = cause instanceof Error ? sanitiseLine(cause.message) : "it cannot be read";
    throw usageError(`${from} is not JSON: ${text.trim() === "" ? "it is empty" : reason}`, cause);
  }
}
