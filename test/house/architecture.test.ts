import { execFileSync } from "node:child_process";
import { basename } from "node:path";
import { expect, test } from "vitest";
import { codeOf, importsOf, listFiles, ROOT, read } from "./source.ts";

// What each part may import besides itself. Anything not listed is an error.
const MAY_IMPORT: Record<string, readonly string[]> = {
  protocol: [],
  telemetry: [],
  policy: ["protocol"],
  postgres: ["protocol", "policy", "telemetry"],
  graphs: ["protocol", "telemetry"],
  kit: ["protocol", "policy", "telemetry"],
  runtime: ["protocol", "policy", "postgres", "graphs", "kit", "telemetry"],
  http: ["protocol", "policy", "postgres", "graphs", "telemetry"],
  "index.ts": ["kit", "protocol"],
  "checkpointer.ts": ["postgres", "protocol"],
  testing: ["kit", "protocol", "policy", "graphs"],
  "testing.ts": ["kit", "protocol", "testing"],
};
const PARTS = Object.keys(MAY_IMPORT);
// These read the environment, construct and wire: they may import all of src, and nothing else may import them.
const WIRING = [
  "cli",
  "compose",
  "compose.ts",
  "config.ts",
  "config-model-variables.ts",
  "config-tool-variables.ts",
  "config-values.ts",
  "config-variables.ts",
];
const FAILPOINT = "src/failpoint.ts";
const FOLDERS = [".ci", "bench", "console", "docs", "examples", "migrations", "scripts", "src", "test", "workflows"];
const FILES = [
  ".dockerignore",
  ".gitignore",
  ".npmrc",
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  "Dockerfile",
  "LICENSE",
  "README.md",
  "biome.json",
  "compose.yaml",
  "package-lock.json",
  "package.json",
  "tsconfig.build.json",
  "tsconfig.json",
  "vitest.config.ts",
];

const sources = listFiles("src");
const workflows = listFiles("workflows");
const consoleSources = [...listFiles("console/src"), ...listFiles("console/src", ".tsx")];
const everything = ["src", "test", "workflows", "bench", "console", "examples", "scripts"].flatMap((folder) => [
  ...listFiles(folder),
  ...listFiles(folder, ".tsx"),
]);
const partOf = (file: string) => file.split("/")[1] ?? "";
const isOurs = (target: string) => target.startsWith("src/");

test("every file of src belongs to a part that the import table knows", () => {
  const strangers = sources.filter((file) => ![...PARTS, ...WIRING].includes(partOf(file)) && file !== FAILPOINT);
  expect(strangers).toEqual([]);
});

test.each(PARTS)("%s imports only the parts below it", (part) => {
  const illegal = sources
    .filter((file) => partOf(file) === part)
    .flatMap((file) => importsOf(file).map(({ target }) => ({ file, target })))
    .filter(({ target }) => isOurs(target) && target !== FAILPOINT)
    .filter(({ target }) => partOf(target) !== part && !MAY_IMPORT[part]?.includes(partOf(target)));
  expect(illegal).toEqual([]);
});

test("the failpoint imports nothing of ours, so that everyone may import it", () => {
  expect(importsOf(FAILPOINT).filter(({ target }) => isOurs(target))).toEqual([]);
});

test("there are no import cycles", () => {
  const graph = new Map(sources.map((file) => [file, importsOf(file).filter(({ isType }) => !isType)]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (done.has(file) || path.includes(file)) return;
    for (const { target } of graph.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of sources) visit(file, []);
  expect(cycles).toEqual([]);
});

test("protocol needs nothing but zod and what every runtime has", () => {
  const targets = sources.filter((file) => partOf(file) === "protocol").flatMap(importsOf);
  const allowed = ["zod", "node:crypto"];
  expect(targets.map(({ target }) => target).filter((target) => !isOurs(target) && !allowed.includes(target))).toEqual(
    [],
  );
});

test("policy decides without a clock, chance or I/O", () => {
  const files = sources.filter((file) => partOf(file) === "policy");
  const impure =
    /\bDate\.now\(|new Date\(\)|Math\.random|performance\.now|randomUUID|\bfetch\(|node:(fs|net|http|child_process)|from "pg"/;
  expect(files.filter((file) => impure.test(codeOf(file)))).toEqual([]);
});

test("LangGraph's classes appear only where graphs are made, run or saved", () => {
  const allowed =
    /^src\/(graphs|kit|runtime|testing|index\.ts|testing\.ts|checkpointer\.ts|postgres\/(checkpointer|store)\/)/;
  const illegal = sources.filter(
    (file) =>
      !allowed.test(file) &&
      importsOf(file).some(({ target, isType }) => !isType && /^@langchain\/langgraph($|\/|-checkpoint)/.test(target)),
  );
  expect(illegal).toEqual([]);
});

test("a workflow reaches holdpoint, LangChain and zod, and nothing behind them", () => {
  const allowed = /^(holdpoint(\/.*)?|@langchain\/.*|zod|workflows\/.*)$/;
  const illegal = workflows.flatMap((file) =>
    importsOf(file)
      .filter(({ target }) => !allowed.test(target))
      .map(({ target }) => `${file}: ${target}`),
  );
  expect(illegal).toEqual([]);
});

test("the console is an ordinary client: its own files, the LangGraph SDK, what draws a page, and the wire's types", () => {
  const drawing = /^(react|react-dom\/client|@tanstack\/react-query|wouter|@xyflow\/react|@dagrejs\/dagre)$/;
  const sdk = /^@langchain\/langgraph-sdk(\/client)?$/;
  const allowed = (target: string, isType: boolean) =>
    target.startsWith("console/src/") ||
    drawing.test(target) ||
    sdk.test(target) ||
    // Its look comes with the graph.
    /^@xyflow\/react\/dist\/(base|style)\.css$/.test(target) ||
    (isType && target.startsWith("src/protocol/"));
  const illegal = consoleSources.flatMap((file) =>
    importsOf(file)
      .filter(({ target, isType }) => !allowed(target, isType))
      .map(({ target }) => `${file}: ${target}`),
  );
  expect(consoleSources.length).toBeGreaterThan(0);
  expect(illegal).toEqual([]);
});

test("no text becomes markup or code in the console", () => {
  const roads =
    /dangerouslySetInnerHTML|\.(inner|outer)HTML\b|insertAdjacentHTML|document\.write|\beval\(|new Function\(/;
  expect(consoleSources.filter((file) => roads.test(codeOf(file)))).toEqual([]);
});

test("only the entries of the package export what another file has", () => {
  const barrels = sources.filter((file) => /^export\s+(\*|(type\s+)?\{[^}]*\})\s+from/m.test(read(file)));
  const entries = ["src/checkpointer.ts", "src/index.ts", "src/testing.ts"];
  expect(barrels.filter((file) => !entries.includes(file))).toEqual([]);
});

test("pools are opened in one place, where losing a connection is no uncaught exception", () => {
  const opened = everything.filter((file) => /new (?:pg\.)?Pool\(/.test(read(file)));
  expect(opened.filter((file) => !file.startsWith("bench/"))).toEqual([
    "src/postgres/pool.ts",
    // Hands over a pool that somebody else has opened.
    "test/postgres/pool.test.ts",
  ]);
});

test("the job queue is spoken to in one place, and loaded only when there is something to carry", () => {
  const importers = everything.flatMap((file) =>
    importsOf(file)
      .filter(({ target }) => target === "pg-boss")
      .map(({ isType }) => ({ file, isType })),
  );
  const file = "src/postgres/jobs.ts";
  expect(importers).toEqual([
    { file, isType: true },
    { file, isType: false },
  ]);
  expect(read(file)).toMatch(/await import\("pg-boss"\)/);
});

test("the environment is read in one place", () => {
  const allowed = ["src/config.ts", "src/compose.ts", FAILPOINT];
  const readers = [...sources, ...workflows].filter((file) =>
    /\bprocess\.env\b|from "node:process"/.test(codeOf(file)),
  );
  // The entry of the command line hands the environment over; only config.ts looks inside.
  const inspecting = readers.filter((file) => !allowed.includes(file) && /process\.env\s*[.[]/.test(codeOf(file)));
  expect(inspecting).toEqual([]);
  expect(readers.filter((file) => !allowed.includes(file) && partOf(file) !== "cli")).toEqual([]);
});

test("files are short and named in kebab-case", () => {
  expect(everything.filter((file) => read(file).split("\n").length > 301)).toEqual([]);
  expect(everything.filter((file) => !/^[a-z0-9]+([.-][a-z0-9]+)*\.tsx?$/.test(basename(file)))).toEqual([]);
});

test("no test is left out", () => {
  const marks =
    /\b(it|test|describe|suite)\.(skip|only|todo|fails|skipIf|runIf)\b|\b(xit|xtest|xdescribe)\(|\bctx\.skip\(/;
  const left = listFiles("test").filter(
    (file) => file !== "test/house/architecture.test.ts" && marks.test(codeOf(file)),
  );
  expect(left).toEqual([]);
});

test("the top level holds what it is known to hold", () => {
  const tracked = execFileSync("git", ["ls-files"], { cwd: ROOT, encoding: "utf8" }).trim().split("\n");
  const top = [...new Set(tracked.map((file) => file.split("/")[0] ?? ""))];
  expect(top.filter((name) => !FOLDERS.includes(name) && !FILES.includes(name))).toEqual([]);
});
