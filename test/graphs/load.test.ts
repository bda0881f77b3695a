import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { CompiledStateGraph, MemorySaver } from "@langchain/langgraph";
import { afterEach, describe, expect, test } from "vitest";
import { formatLoadError, type GraphSet } from "../../src/graphs/graph-set.ts";
import { loadGraphs } from "../../src/graphs/load.ts";
import { HoldpointError } from "../../src/protocol/errors.ts";
import { createWorkflowFolder, virtualModules, type WorkflowFolder, wordGraph } from "../support/workflow-folder.ts";

const folders: WorkflowFolder[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => folder.drop()));
});

async function load(files: Record<string, string | Uint8Array>, timeoutMs = 60_000): Promise<GraphSet> {
  const folder = await createWorkflowFolder(files);
  folders.push(folder);
  return loadGraphs({ directory: folder.directory, virtualModules, timeoutMs });
}

const ids = (set: GraphSet) => [...set.graphs.keys()].sort();
const lines = (set: GraphSet) => set.errors.map(formatLoadError);

async function say(set: GraphSet, id: string, config = {}): Promise<unknown> {
  const graph = await set.graphs.get(id)!.build(config);
  return ((await graph.invoke({ text: "" })) as { text: string }).text;
}

describe("what counts as a graph", () => {
  test("a StateGraph, a compiled graph, a promise of either, and factories of either", async () => {
    const set = await load({
      "all.ts": wordGraph(
        "hello",
        `
export const builderExport = builder;
export const compiledExport = builder.compile();
export const promiseOfBuilder = (async () => new StateGraph(State).addNode("say", async () => ({ text: "late" })).addEdge(START, "say"))();
export const promiseOfCompiled = Promise.resolve(builder.compile());
export const makeOne = (config: { configurable?: { word?: string } }) =>
  new StateGraph(State).addNode("say", async () => ({ text: config.configurable?.word ?? "none" })).addEdge(START, "say");
export async function makeLater() {
  return builder.compile();
}
export default () => builder;
`,
      ),
    });
    expect(lines(set)).toEqual([]);
    expect(ids(set)).toEqual(
      [
        "all",
        "builderExport",
        "compiledExport",
        "makeLater",
        "makeOne",
        "promiseOfBuilder",
        "promiseOfCompiled",
      ].sort(),
    );
    expect(await say(set, "builderExport")).toBe("hello");
    expect(await say(set, "promiseOfBuilder")).toBe("late");
    expect(await say(set, "makeOne", { configurable: { word: "chosen" } })).toBe("chosen");
    expect(await say(set, "makeLater")).toBe("hello");
    expect(await say(set, "all")).toBe("hello");
    expect(set.graphs.get("makeOne")!.factory).toBe(true);
    expect(set.graphs.get("compiledExport")!.factory).toBe(false);
  });

  test("helpers beside a graph are no graphs and are never called", async () => {
    const set = await load({
      "mixed.ts": wordGraph(
        "x",
        `
const called = (globalThis as { called?: string[] });
called.called = [];
export const refund = async (state: object) => { called.called!.push("refund"); };
export function total(a: number, b: number) { called.called!.push("total"); return a + b; }
export const compileTwo = (one: object, two: object) => builder.compile();
export class Helper { constructor() { called.called!.push("Helper"); } }
export { StateGraph, State };
export const limit = 5, nothing = null, missing = undefined, list = [1], date = new Date();
export const later = Promise.resolve(42);
export default builder.compile();
`,
      ),
    });
    expect(lines(set)).toEqual([]);
    expect(ids(set)).toEqual(["mixed"]);
    expect((globalThis as { called?: string[] }).called).toEqual([]);
  });

  test("a named function that hides how it makes its graph is one when it is marked", async () => {
    const set = await load({
      "hidden.ts": `import { defineGraph } from "holdpoint";
${wordGraph("x", "const graph = builder.compile(); export const plain = () => graph;")}
export const marked = defineGraph(() => graph, { name: "chosen-name", guarded: true, description: "says x" });`,
    });
    expect(ids(set)).toEqual(["chosen-name"]);
    expect(set.graphs.get("chosen-name")).toMatchObject({
      guarded: true,
      description: "says x",
      export_name: "marked",
    });
    expect(await say(set, "chosen-name")).toBe("x");
  });

  test("only .ts files of the folder itself, and neither declarations, tests nor hidden files", async () => {
    const set = await load({
      "good.ts": wordGraph("x", "export default builder;"),
      "good/part.ts": "throw new Error('never loaded')",
      "good.test.ts": "throw new Error('never loaded')",
      "types.d.ts": "export type A = 1;",
      ".#good.ts": "throw new Error('never loaded')",
      "notes.md": "# no",
      "folder.ts/inner.ts": "throw new Error('never loaded')",
    });
    expect(lines(set)).toEqual([]);
    expect(ids(set)).toEqual(["good"]);
  });

  test("a factory that returns no graph, or never returns, fails the build and nothing else", async () => {
    const set = await load(
      { "bad.ts": "export default () => 42;", "slow.ts": "export default () => new Promise(() => {});" },
      300,
    );
    expect(ids(set)).toEqual(["bad", "slow"]);
    await expect(set.graphs.get("bad")!.build({})).rejects.toThrow(/returned a number instead of a graph/);
    await expect(set.graphs.get("slow")!.build({})).rejects.toThrow(/did not make its graph within 300 ms/);
  });
});

describe("a graph's id", () => {
  test("is the name it states, else the file's for a default export, else the export's", async () => {
    const set = await load({
      "stated.ts": wordGraph("x", 'export default builder.compile({ name: "by-name" });'),
      "by-file.ts": wordGraph("x", "export default builder.compile();"),
      "other.ts": wordGraph("x", "export const by_export = builder.compile();"),
    });
    expect(ids(set)).toEqual(["by-file", "by-name", "by_export"]);
  });

  test("is the default export's when one graph is exported twice", async () => {
    const set = await load({
      "twice.ts": wordGraph("x", "export const graph = builder.compile(); export default graph;"),
    });
    expect(lines(set)).toEqual([]);
    expect(ids(set)).toEqual(["twice"]);
  });

  test("used twice is an error that names both, and neither is served", async () => {
    const set = await load({
      "a.ts": wordGraph("x", 'export default builder.compile({ name: "same" });'),
      "b.ts": wordGraph("y", "export const same = builder.compile();"),
      "c.ts": wordGraph("z", "export default builder.compile();"),
    });
    expect(ids(set)).toEqual(["c"]);
    const problem =
      'the graph id "same" is used by workflows/a.ts (export default) and workflows/b.ts (export same); ' +
      "none of them is served: give each its own name";
    expect(lines(set)).toEqual([`workflows/a.ts: ${problem}`, `workflows/b.ts: ${problem}`]);
  });

  test.each(["", "a/b", "a b", "../x", "0d5ea6a4-1f6f-4bd1-9ca6-04a0c5b0e0ff", "x".repeat(101), "tab\\t"])(
    "cannot be %j",
    async (name) => {
      const set = await load({
        "odd.ts": wordGraph(
          "x",
          `import { defineGraph } from "holdpoint"; export default defineGraph(builder, { name: "${name}" });`,
        ),
      });
      expect(ids(set)).toEqual([]);
      expect(lines(set)[0]).toMatch(/^workflows\/odd\.ts: ".*" cannot be a graph's id/);
    },
  );
});

describe("a loaded graph", () => {
  test("is of the host's classes, and so are the errors it throws", async () => {
    const set = await load({
      "thrower.ts": `
import { HoldpointError } from "holdpoint";
import { withTestPorts } from "holdpoint/testing";
${wordGraph("x", 'export const thrower = new StateGraph(State).addNode("t", () => { void withTestPorts; throw new HoldpointError("not_found", "gone"); }).addEdge(START, "t");')}`,
    });
    const graph = await set.graphs.get("thrower")!.build({});
    expect(graph).toBeInstanceOf(CompiledStateGraph);
    const error: unknown = await graph.invoke({ text: "" }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HoldpointError);
  });

  test("is a fresh clone each time: what one run is given, another does not see", async () => {
    const set = await load({ "clone.ts": wordGraph("x", "export default builder.compile();") });
    const one = await set.graphs.get("clone")!.build({});
    const two = await set.graphs.get("clone")!.build({});
    one.checkpointer = new MemorySaver();
    expect(two.checkpointer).toBeUndefined();
    expect((await set.graphs.get("clone")!.build({})).checkpointer).toBeUndefined();
    expect(await one.invoke({ text: "" }, { configurable: { thread_id: "t" } })).toEqual({ text: "x" });
    expect((await one.getState({ configurable: { thread_id: "t" } })).values).toEqual({ text: "x" });
  });

  test("is guarded when the builder, the compiled graph, the promise or the factory says so", async () => {
    const set = await load({
      "guards.ts": `import { guarded } from "holdpoint";
${wordGraph(
  "x",
  `
export const open = builder.compile();
export const byCompiled = guarded(builder.compile());
export const byPromise = guarded(Promise.resolve(builder.compile()));
export const byFactory = guarded(() => open);
`,
)}
export const byBuilder = guarded(new StateGraph(State).addNode("a", () => ({})).addEdge(START, "a")).compile();`,
    });
    const flags = Object.fromEntries([...set.graphs].map(([id, graph]) => [id, graph.guarded]));
    expect(flags).toEqual({ open: false, byCompiled: true, byPromise: true, byFactory: true, byBuilder: true });
  });
});

test("sources kept between starts are used only while they are the same", async () => {
  const folder = await createWorkflowFolder({ "a.ts": wordGraph("one", "export default builder;") });
  folders.push(folder);
  const cacheDirectory = join(folder.directory, "../cache/deep");
  for (const word of ["one", "two", "one"]) {
    await folder.write("a.ts", wordGraph(word, "export default builder;"));
    const set = await loadGraphs({ directory: folder.directory, virtualModules, cacheDirectory });
    expect(await say(set, "a")).toBe(word);
  }
  expect(await readdir(cacheDirectory)).not.toEqual([]);
});
