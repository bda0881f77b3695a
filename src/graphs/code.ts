import { createHash } from "node:crypto";
import { dirname, posix, relative, sep } from "node:path";
import { createJiti } from "jiti";
import type { LocalFile } from "./local-files.ts";

/** What a graph's files say once comments, types and formatting are left out. */
export interface GraphCode {
  /** sha256 over the code that runs, and over the bytes of files that are not code. */
  digest: string;
  /** True when it pauses by anything but review(), as far as its own files show. */
  pausesPlainly: boolean;
}

const SCRIPT = /\.[cm]?[jt]sx?$/;
const TYPESCRIPT = /\.[cm]?tsx?$/;
// Compiled, a call of what was imported reads `(0, _langgraph.interrupt)(…)`.
const PLAIN_PAUSE = /\binterrupt\)?\s*\(|\bhumanInTheLoopMiddleware\b|\binterruptBefore\b|\binterruptAfter\b/;

/**
 * Compiles the files as they are compiled when they are loaded, without what does not run. Two versions that differ in
 * a comment only have the same digest; one that cannot be compiled counts with its bytes.
 */
export function readCode(entry: string, files: readonly LocalFile[]): GraphCode {
  const jiti = createJiti(entry, { fsCache: false, interopDefault: false });
  let pausesPlainly = false;
  const parts = files.map(({ path, content }) => {
    const name = relative(dirname(entry), path).split(sep).join("/");
    const text = SCRIPT.test(path) ? compiled(jiti, name, content) : undefined;
    if (text !== undefined) pausesPlainly ||= PLAIN_PAUSE.test(text);
    return `${JSON.stringify(name)} ${sha256(text ?? content)}\n`;
  });
  return { digest: `sha256:${sha256(parts.sort().join(""))}`, pausesPlainly };
}

function compiled(jiti: ReturnType<typeof createJiti>, name: string, content: Buffer): string | undefined {
  // The name ends up in the code where that asks where it is: it must not say on which machine.
  const filename = posix.join("/graph", name);
  const source = content.toString("utf8");
  const babel = { comments: false, compact: true, retainLines: false };
  const code = jiti.transform({ source, filename, ts: TYPESCRIPT.test(name), async: true, babel });
  return code.startsWith("exports.__JITI_ERROR__") ? undefined : code;
}

const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");
