import { randomBytes } from "node:crypto";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { formatLoadError } from "../../src/graphs/graph-set.ts";
import { loadGraphs } from "../../src/graphs/load.ts";
import { createWorkflowFolder, virtualModules, type WorkflowFolder, wordGraph } from "../support/workflow-folder.ts";

const folders: WorkflowFolder[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => folder.drop()));
});

/** Loads these files beside a good one, which must be there whatever they do. */
async function errorsOf(files: Record<string, string | Uint8Array>, timeoutMs = 60_000): Promise<string[]> {
  const folder = await createWorkflowFolder({ ...files, "good.ts": wordGraph("x", "export default builder;") });
  folders.push(folder);
  const set = await loadGraphs({ directory: folder.directory, virtualModules, timeoutMs });
  expect([...set.graphs.keys()]).toContain("good");
  const found = set.errors.map(formatLoadError);
  for (const line of found) expect(line).not.toMatch(/[\u0000-\u001f\u007f]/);
  return found;
}

const GRAPH = wordGraph("x", "export default builder;");

describe("a broken graph file is one line and the others are served", () => {
  test.each<[string, string, RegExp]>([
    ["throws at import", "const a = 1;\nthrow new Error('no key\\nsecond line');", /^workflows\/bad\.ts:2: no key$/],
    [
      "throws deep inside",
      "function f(): never {\n  throw new TypeError('deep');\n}\nf();",
      /^workflows\/bad\.ts:2: deep$/,
    ],
    ["throws null", "throw null;", /^workflows\/bad\.ts: threw null$/],
    ["throws what cannot be shown", "throw { get message() { throw 1; }, toJSON() { throw 2; } };", /cannot be shown/],
    ["throws an empty error", "throw new RangeError('');", /^workflows\/bad\.ts:1: RangeError$/],
    ["writes to the terminal", "throw new Error('\\u001b[31mred\\u0007 bell');", /bad\.ts:1: red {2}bell$/],
    ["is no TypeScript", "const a = 1;\nconst b = ;", /^workflows\/bad\.ts:2: syntax error: Unexpected token/],
    ["imports what is not there", "import './nowhere.ts';", /^workflows\/bad\.ts.*: Cannot find module/],
    ["imports a package that is not there", "import 'no-such-package-at-all';", /no-such-package-at-all/],
    ["exports nothing", "export {};", /exports no graph/],
    ["is empty", "", /exports no graph/],
    ["exports no graph", "export const a = 1; export const f = (x: number) => x;", /exports no graph/],
    [
      "exports a rejected promise",
      "export const later = Promise.reject(new Error('too late'));",
      /export later: too late$/,
    ],
    [
      "cannot be compiled",
      `import { StateGraph, StateSchema } from "@langchain/langgraph";\nexport const g = new StateGraph(new StateSchema({})).addNode("a", () => ({})).addEdge("a", "nowhere");`,
      /export g: Node .a. is not reachable/,
    ],
    [
      "exports what cannot be looked at",
      "export const p = new Proxy({}, { get() { throw new Error('hands off'); }, has() { throw new Error('hands off'); } });",
      /export p: hands off/,
    ],
  ])("%s", async (_name, source, expected) => {
    const found = await errorsOf({ "bad.ts": source });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });

  test("never ends at its top level", async () => {
    const found = await errorsOf({ "bad.ts": "await new Promise(() => {});\nexport default 1;" }, 500);
    expect(found).toEqual(["workflows/bad.ts: was not loaded within 500 ms; a top-level await may never end"]);
  });

  test("exports a promise that never settles", async () => {
    const found = await errorsOf({ "bad.ts": "export const later = new Promise(() => {});" }, 500);
    expect(found).toEqual(["workflows/bad.ts: export later: is a promise that was still pending after 500 ms"]);
  });

  test("is binary junk", async () => {
    const found = await errorsOf({ "bad.ts": Buffer.concat([Buffer.from([0, 255, 254]), randomBytes(50_000)]) });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^workflows\/bad\.ts/);
  });

  test("is a link that leads nowhere", async () => {
    const folder = await createWorkflowFolder({ "good.ts": GRAPH });
    folders.push(folder);
    await symlink("/nowhere/at/all.ts", join(folder.directory, "bad.ts"));
    const set = await loadGraphs({ directory: folder.directory, virtualModules });
    expect([...set.graphs.keys()]).toEqual(["good"]);
    expect(set.errors.map(formatLoadError)[0]).toMatch(/^workflows\/bad\.ts: ENOENT/);
  });

  test("has its fault in a file it imports, which is named", async () => {
    const found = await errorsOf({
      "bad.ts": "import './parts/helper.ts';",
      "parts/helper.ts": "\n\nthrow new Error('here');",
    });
    expect(found[0]).toMatch(/^workflows\/bad\.ts: here \(in .*parts\/helper\.ts:3\)$/);
  });
});

describe("an odd graph file that is not broken is served", () => {
  test.each<[string, Record<string, string | Uint8Array>]>([
    [
      "begins with a byte order mark",
      { "odd.ts": Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(GRAPH)]) },
    ],
    ["has Windows line ends", { "odd.ts": GRAPH.replaceAll("\n", "\r\n") }],
    [
      "imports in a circle",
      {
        "odd.ts": `import { b } from "./parts/b.ts";\nexport const a = () => 1;\nvoid b;\n${GRAPH}`,
        "parts/b.ts": 'import { a } from "../odd.ts";\nexport const b = () => a();',
      },
    ],
    [
      "uses an enum and a namespace import",
      { "odd.ts": `import * as lg from "@langchain/langgraph";\nenum Color { Red }\nvoid [lg, Color.Red];\n${GRAPH}` },
    ],
    [
      "exports ten thousand other things",
      {
        "odd.ts": `${Array.from({ length: 10_000 }, (_, index) => `export const e${index} = ${index};`).join("\n")}\n${GRAPH}`,
      },
    ],
  ])("%s", async (_name, files) => {
    expect(await errorsOf(files)).toEqual([]);
  });
});

test("a folder that is not there is one line", async () => {
  const set = await loadGraphs({ directory: "/nowhere/workflows", virtualModules });
  expect(set.graphs.size).toBe(0);
  expect(set.errors.map(formatLoadError)).toEqual(["workflows: there is no folder /nowhere/workflows"]);
});
