// npm run test:mutants [words of a name …]: plants each fault in a copy of the tree and expects its tests to go red.
import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const NOT_COPIED = new Set(["node_modules", ".git", ".holdpoint", "dist"]);

interface Verdict {
  mutant: Mutant;
  verdict: "killed" | "SURVIVED" | "MISPLACED";
  seconds: number;
  by: string;
}

const wanted = process.argv.slice(2);
const chosen = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.some((words) => name.includes(words)));
const tree = await mkdtemp(join(tmpdir(), "hp-mutants-"));
const verdicts: Verdict[] = [];
try {
  await cp(ROOT, tree, { recursive: true, filter: (from) => !NOT_COPIED.has(basename(from)) });
  await symlink(join(ROOT, "node_modules"), join(tree, "node_modules"));
  // What is red without a fault would call every fault noticed.
  const red = await failedTest(...new Set(chosen.flatMap(({ tests }) => tests)));
  if (red !== undefined) throw new Error(`the tests are red before any fault is planted: ${red}`);
  for (const mutant of chosen) {
    const verdict = await judge(mutant);
    verdicts.push(verdict);
    process.stdout.write(line(verdict));
  }
} finally {
  await rm(tree, { recursive: true, force: true });
}
const survivors = verdicts.filter(({ verdict }) => verdict !== "killed");
process.stdout.write(`\n${verdicts.length} faults, ${survivors.length} of them unnoticed\n`);
for (const survivor of survivors) process.stdout.write(line(survivor));
process.exitCode = survivors.length === 0 ? 0 : 1;

async function judge(mutant: Mutant): Promise<Verdict> {
  const file = join(tree, mutant.file);
  const source = await readFile(file, "utf8");
  const startedAt = Date.now();
  const verdict = (of: Verdict["verdict"], by: string): Verdict => {
    return { mutant, verdict: of, seconds: Math.round((Date.now() - startedAt) / 1000), by };
  };
  let planted = source;
  for (const { find, replace } of [mutant, ...(mutant.also ?? [])]) {
    if (planted.split(find).length !== 2) return verdict("MISPLACED", mutant.file);
    planted = planted.replace(find, () => replace);
  }
  await writeFile(file, planted);
  try {
    for (const test of mutant.tests) {
      const failed = await failedTest(test);
      if (failed !== undefined) return verdict("killed", failed);
    }
    return verdict("SURVIVED", mutant.tests.join(", "));
  } finally {
    await writeFile(file, source);
  }
}

/** The name of the first test that went red; undefined when all stayed green. */
async function failedTest(...tests: string[]): Promise<string | undefined> {
  const vitest = join("node_modules", "vitest", "vitest.mjs");
  const child = spawn(process.execPath, [vitest, "run", "--bail=1", ...tests], {
    cwd: tree,
    env: { ...process.env, NODE_ENV: "test", NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let written = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (written += chunk));
  const code = await new Promise<number | null>((settle, reject) => child.on("error", reject).on("close", settle));
  if (code === 0) return undefined;
  const failure = /^ *FAIL +(.+)$/m.exec(written)?.[1];
  return failure ?? /^ *\w*Error: .+$/m.exec(written)?.[0].trim() ?? `exit ${code}`;
}

function line({ mutant, verdict, seconds, by }: Verdict): string {
  return `${verdict.padEnd(9)} ${String(seconds).padStart(4)} s  ${mutant.name.padEnd(58)} ${by.slice(0, 140)}\n`;
}
