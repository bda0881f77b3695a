import { readFile, stat } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { dirname, resolve } from "node:path";

// Any quoted text that starts like a relative path. Broader than import statements on purpose: a prompt or a table the
// code reads beside itself changes what the graph does, just as its code does. What does not exist is no file.
const RELATIVE_PATH = /(["'`])(\.{1,2}\/[^"'`\n\\$]{1,500})\1/g;
const EXTENSIONS = ["", ".ts", ".tsx", ".mts", ".cts", ".js", ".mjs", ".cjs", ".json", "/index.ts", "/index.js"];
const SCRIPT = /\.[cm]?[jt]sx?$/;
const MAX_FILES = 5_000;

/** A file and its bytes. */
export interface LocalFile {
  path: string;
  content: Buffer;
}

// What is imported by a name that is no relative path: an alias, or a package.
const IMPORTED_NAME = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)(["'])([^"'./\n\\][^"'\n\\]{0,500})\1/g;

/** Finds the local file that an imported name stands for. */
type ResolveName = (name: string, from: string) => string | undefined;

/** The file and every local file it refers to by a relative path, or by a name that is resolved, transitively. */
export async function localFiles(entry: string, resolveName?: ResolveName): Promise<LocalFile[]> {
  const found = new Map<string, LocalFile>();
  const pending = [entry];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (found.has(path) || found.size >= MAX_FILES) continue;
    const content = await readFile(path);
    found.set(path, { path, content });
    if (!SCRIPT.test(path)) continue;
    const text = content.toString("utf8");
    const references = new Set([...text.matchAll(RELATIVE_PATH)].map((match) => match[2]!));
    for (const reference of references) {
      const target = await existing(resolve(dirname(path), reference));
      if (target !== undefined) pending.push(target);
    }
    if (resolveName === undefined) continue;
    for (const [, , name = ""] of text.matchAll(IMPORTED_NAME)) {
      const target = isBuiltin(name) ? undefined : resolveName(name, path);
      if (target !== undefined) pending.push(target);
    }
  }
  return [...found.values()];
}

async function existing(path: string): Promise<string | undefined> {
  // TypeScript may name the file it will be compiled to.
  const candidates = [...EXTENSIONS.map((extension) => path + extension), path.replace(/\.([cm]?)js(x?)$/, ".$1ts$2")];
  for (const candidate of candidates) {
    const found = await stat(candidate).catch(() => undefined);
    if (found?.isFile()) return candidate;
  }
  return undefined;
}
