import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** The root of the repository. */
export const ROOT = resolve(import.meta.dirname, "..", "..");

/** Every file with this ending below a folder of the repository, as paths from its root. A missing folder has none. */
export function listFiles(folder: string, ending = ".ts"): string[] {
  try {
    return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(ending) && !file.includes("node_modules"))
      .map((file) => join(folder, file))
      .sort();
  } catch {
    return [];
  }
}

/** The text of a file of the repository. */
export function read(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

/** An import statement: of what, and whether only of types. */
export interface Import {
  /** Path from the root for files of ours, else the name of the package. */
  target: string;
  isType: boolean;
}

const IMPORT =
  /^\s*(?:import|export)\s+(type\s)?[^;"'`]*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm;

/** Everything a file imports, also as a type and on demand. */
export function importsOf(file: string): Import[] {
  return [...read(file).matchAll(IMPORT)].map(([, type, from, bare, dynamic]) => {
    const name = from ?? bare ?? dynamic ?? "";
    return { target: name.startsWith(".") ? join(dirname(file), name) : name, isType: type !== undefined };
  });
}

/** A file's text without its comments, roughly: good enough to look for words in code. */
export function codeOf(file: string): string {
  return read(file)
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/(^|\s)\/\/.*$/gm, "");
}
