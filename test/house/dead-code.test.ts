import { dirname } from "node:path";
import { expect, test } from "vitest";
import { codeOf, importsOf, listFiles, read } from "./source.ts";

// What is used from outside: the package's entries, the programs, the worker threads, and the graphs.
const ENTRIES = ["src/index.ts", "src/checkpointer.ts", "src/testing.ts", "src/cli/main.ts", "console/src/main.tsx"];
const consoleSources = [...listFiles("console/src"), ...listFiles("console/src", ".tsx")].filter(
  (file) => !file.endsWith(".d.ts"),
);
const sources = [...listFiles("src"), ...consoleSources];
const users = [...["src", "test", "workflows", "bench"].flatMap((folder) => listFiles(folder)), ...consoleSources];
const imports = new Map(users.map((file) => [file, importsOf(file).map(({ target }) => target)]));
const EXPORT = /^export\s+(?:async\s+)?(?:abstract\s+)?(?:function\*?|const|let|class)\s+(\w+)/gm;

test("every source file is reached from an entry", () => {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    // A worker thread's file is named by a URL, without its ending: that is .js once compiled.
    const threads = [...read(file).matchAll(/"\.\/([a-z-]+-thread)/g)].map(([, name]) => `${dirname(file)}/${name}.ts`);
    for (const target of [...(imports.get(file) ?? []), ...threads]) {
      if (sources.includes(target)) visit(target);
    }
  };
  for (const entry of ENTRIES) visit(entry);
  expect(sources.filter((file) => !reached.has(file))).toEqual([]);
});

test("nothing is exported that nobody uses", () => {
  const texts = new Map(users.map((file) => [file, read(file)]));
  const unused = sources
    .filter((file) => !ENTRIES.includes(file))
    .flatMap((file) => {
      const importers = users.filter((user) => imports.get(user)?.includes(file));
      return [...read(file).matchAll(EXPORT)]
        .map(([, name]) => name ?? "")
        .filter((name) => {
          const word = new RegExp(`\\b${name}\\b`, "g");
          const isUsedAtHome = (codeOf(file).match(word) ?? []).length > 1;
          return !isUsedAtHome && !importers.some((user) => (texts.get(user) ?? "").match(word));
        })
        .map((name) => `${file}: ${name}`);
    });
  expect(unused).toEqual([]);
});
