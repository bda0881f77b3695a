import type { GraphLoadError } from "./graph-set.ts";

const MAX_MESSAGE = 500;

/** Turns whatever a file threw into one line: where, as near as the stack tells, and why. */
export function loadError(path: string, error: unknown, entry: string, localPaths: readonly string[]): GraphLoadError {
  const { message, stack } = textOf(error);
  const place = placeIn(stack, entry, localPaths);
  const elsewhere = place !== undefined && place.file !== entry ? ` (in ${place.file}:${place.line})` : "";
  return {
    path,
    ...(place !== undefined && place.file === entry ? { line: place.line } : {}),
    message: oneLine(message) + elsewhere,
  };
}

/** The first line, without the escape and control characters a terminal would act on. */
export function oneLine(text: string): string {
  const line = text
    .replaceAll(/\u001b\[[0-9;]*[A-Za-z]/g, "")
    .split(/\r?\n/)
    .map((part) => part.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, " ").trim())
    .find((part) => part !== "");
  return (line ?? "failed without a message").slice(0, MAX_MESSAGE);
}

function textOf(error: unknown): { message: string; stack: string } {
  try {
    if (error instanceof Error) {
      const message = error.message === "" ? error.name : error.message;
      return {
        message: message.replace(/^ParseError: /, "syntax error: "),
        stack: `${error.message}\n${error.stack ?? ""}`,
      };
    }
    return { message: `threw ${typeof error === "object" ? JSON.stringify(error) : String(error)}`, stack: "" };
  } catch {
    // A value whose own toString or getters throw.
    return { message: "threw a value that cannot be shown", stack: "" };
  }
}

function placeIn(
  stack: string,
  entry: string,
  localPaths: readonly string[],
): { file: string; line: number } | undefined {
  // Longest first, so that /a/b.ts is not taken for /a/b.tsx.
  const files = [...new Set([entry, ...localPaths])].sort((a, b) => b.length - a.length);
  for (const line of stack.split("\n")) {
    for (const file of files) {
      const at = line.indexOf(`${file}:`);
      const number = at < 0 ? undefined : /^\d+/.exec(line.slice(at + file.length + 1))?.[0];
      if (number !== undefined) return { file, line: Number(number) };
    }
  }
  return undefined;
}
