import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEmptyDatabase, type TestDatabase } from "../support/postgres.ts";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "..", "..");
const project = mkdtempSync(join(tmpdir(), "hp-package-"));
const installed = join(project, "node_modules", "holdpoint");
let database: TestDatabase;

// The tarball is unpacked as npm would, beside links to the packages that the lock file calls production: the same
// files in the same places as after `npm install`, without a registry.
beforeAll(async () => {
  database = await createEmptyDatabase();
  const packed = join(project, "packed");
  await run(process.execPath, [join(ROOT, "scripts", "build.mjs"), "--pack", packed]);
  const tarball = readdirSync(packed).find((name) => name.endsWith(".tgz")) ?? "";
  await run("tar", ["xzf", tarball], { cwd: packed });
  mkdirSync(dirname(installed), { recursive: true });
  cpSync(join(packed, "package"), installed, { recursive: true });
  linkProductionPackages();
  writeFileSync(join(project, "package.json"), '{ "type": "module", "private": true }\n');
}, 180_000);

afterAll(async () => {
  await database.drop();
  rmSync(project, { recursive: true, force: true });
});

function linkProductionPackages(): void {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  for (const [path, { dev, devOptional }] of Object.entries(lock.packages)) {
    const isTopLevel = path.lastIndexOf("node_modules/") === 0;
    if (!isTopLevel || dev === true || devOptional === true || !existsSync(join(ROOT, path))) continue;
    mkdirSync(dirname(join(project, path)), { recursive: true });
    symlinkSync(join(ROOT, path), join(project, path));
  }
}

async function runInProject(name: string, text: string, env: Record<string, string> = {}): Promise<string> {
  writeFileSync(join(project, name), text);
  const { stdout } = await run(process.execPath, [name], { cwd: project, env: { ...process.env, ...env } });
  return stdout.trim();
}

test("the tarball holds compiled code, migrations and the command, and no TypeScript to run", () => {
  const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
  expect(files).toEqual(expect.arrayContaining(["dist/index.js", "dist/index.d.ts", "dist/cli/main.js"]));
  expect(files).toEqual(expect.arrayContaining(["migrations/0001_house.sql", "scripts/holdpoint.mjs", "package.json"]));
  expect(files).toContain("console/dist/index.html");
  expect(files.filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))).toEqual([]);
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  expect(JSON.stringify(manifest.exports)).not.toContain("src/");
  expect(manifest.private).toBeUndefined();
  // A project has one LangGraph, its own.
  expect(Object.keys(manifest.dependencies).filter((name) => name.startsWith("@langchain/langgraph"))).toEqual([
    "@langchain/langgraph-sdk",
  ]);
  expect(manifest.peerDependencies["@langchain/langgraph"]).toMatch(/^\^\d/);
});

test("a graph of an empty project uses holdpoint, and its test uses holdpoint/testing", async () => {
  const said = await runInProject(
    "graph.js",
    `import { effect, HoldpointError, isHoldpointError } from "holdpoint";
     import { createMemoryEffects, withTestPorts } from "holdpoint/testing";
     let calls = 0;
     const run = async () => { calls += 1; return { paid: true }; };
     const pay = () => effect({ name: "pay", key: "pay:1", kind: "idempotent", args: { amount: 1 }, run });
     const effects = createMemoryEffects();
     const first = await withTestPorts({ effects }, pay);
     const second = await withTestPorts({ effects }, pay);
     console.log(JSON.stringify({ first, second, calls, known: isHoldpointError(new HoldpointError("stale", "x")) }));`,
  );
  expect(JSON.parse(said)).toEqual({ first: { paid: true }, second: { paid: true }, calls: 1, known: true });
});

test("a graph of an empty project is run in its tests with a scripted model and a scripted reviewer", async () => {
  const said = await runInProject(
    "workflow.test.js",
    `import { Annotation, StateGraph } from "@langchain/langgraph";
     import { review } from "holdpoint";
     import { approve, edit, runGraph, scriptedModel } from "holdpoint/testing";
     import { z } from "zod";
     const State = Annotation.Root({ amount: Annotation(), paid: Annotation() });
     const schema = z.object({ amount: z.number() });
     const graph = new StateGraph(State)
       .addNode("ask", async ({ amount }) => {
         const actions = [{ name: "pay", args: { amount }, schema }];
         const [decision] = await review({ key: "pay", title: "Pay?", actions });
         return { paid: decision.args.amount };
       })
       .addEdge("__start__", "ask");
     const model = scriptedModel([{ text: "Hello." }]);
     const { text } = await (await model.chat()).invoke("Hi");
     const run = await runGraph(graph, { amount: 5 }, { reviewers: [edit({ amount: 7 })] });
     console.log(JSON.stringify({ text, paid: run.values.paid, asked: run.questions[0].title, approve }));`,
  );
  expect(JSON.parse(said)).toEqual({ text: "Hello.", paid: 7, asked: "Pay?", approve: { type: "approve" } });
});

test("an empty project uses holdpoint/checkpointer alone, on a database it sets up itself", async () => {
  const said = await runInProject(
    "saver.js",
    `import { Annotation, MemorySaver, StateGraph } from "@langchain/langgraph";
     import { HoldpointSaver } from "holdpoint/checkpointer";
     const saver = HoldpointSaver.fromConnString(process.env.DATABASE_URL);
     await saver.setup();
     const State = Annotation.Root({ log: Annotation({ reducer: (a, b) => [...a, ...b], default: () => [] }) });
     const graph = new StateGraph(State)
       .addNode("one", () => ({ log: ["one"] }))
       .addNode("two", () => ({ log: ["two"] }))
       .addEdge("__start__", "one").addEdge("one", "two");
     const config = { configurable: { thread_id: "t" } };
     await graph.compile({ checkpointer: saver }).invoke({ log: ["in"] }, config);
     await saver.end();
     const again = HoldpointSaver.fromConnString(process.env.DATABASE_URL);
     const state = await graph.compile({ checkpointer: again }).getState(config);
     await again.end();
     console.log(JSON.stringify(state.values));`,
    { DATABASE_URL: database.url },
  );
  expect(JSON.parse(said)).toEqual({ log: ["in", "one", "two"] });
});

test("the command runs compiled code", async () => {
  const command = join(installed, "scripts", "holdpoint.mjs");
  const { stdout } = await run(process.execPath, [command, "--help"], { cwd: project });
  expect(stdout).toContain("holdpoint");
  expect(stdout).toContain("reviews");
});

test("the types of all three entries hold in a project of their own", async () => {
  writeFileSync(
    join(project, "types.ts"),
    `import { effect, type ReviewDecisions, review } from "holdpoint";
     import { HoldpointSaver } from "holdpoint/checkpointer";
     import { cassette, runGraph, scriptedModel, testClock, withTestPorts } from "holdpoint/testing";
     export const used: unknown[] = [effect, review, HoldpointSaver, withTestPorts, cassette, runGraph, testClock];
     scriptedModel([{ text: "x", cut: 2 }, ({ question }) => ({ text: question })]);
     // @ts-expect-error: a status is a number.
     scriptedModel([{ status: "500" }]);
     export type Decisions = ReviewDecisions<[]>;
     // @ts-expect-error: an effect needs a name.
     effect(1);\n`,
  );
  const compiler = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const flags = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--module",
    "nodenext",
    "--target",
    "es2024",
    "--ignoreConfig",
  ];
  const result = await run(process.execPath, [compiler, ...flags, "types.ts"], { cwd: project }).catch(
    (error) => error,
  );
  expect(result.stdout).toBe("");
}, 60_000);

test("Node refuses the sources themselves under node_modules, which is why there is compiled code", async () => {
  const folder = join(project, "node_modules", "raw");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "type": "module", "exports": "./index.ts" }');
  writeFileSync(join(folder, "index.ts"), "export const answer: number = 42;\n");
  await expect(runInProject("raw.js", 'await import("raw");')).rejects.toThrow(
    "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING",
  );
});
