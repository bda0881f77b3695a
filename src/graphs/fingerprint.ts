import { createHash } from "node:crypto";
import { dirname, relative, sep } from "node:path";
import type { LocalFile } from "./local-files.ts";

/**
 * sha256 over the names and contents of a graph's files. Names are relative to the graph's own file, so that the same
 * sources have the same fingerprint on every machine.
 */
export function fingerprint(entry: string, files: readonly LocalFile[]): string {
  const parts = files.map(({ path, content }) => {
    const name = relative(dirname(entry), path).split(sep).join("/");
    return `${JSON.stringify(name)} ${createHash("sha256").update(content).digest("hex")}\n`;
  });
  return `sha256:${createHash("sha256").update(parts.sort().join("")).digest("hex")}`;
}
