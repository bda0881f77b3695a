import { MemorySaver } from "@langchain/langgraph";
import { describe, expect, test } from "vitest";
import { formatLoadError, type GraphSet } from "../../src/graphs/graph-set.ts";
import { createProject } from "../support/project-folder.ts";

const HEAD = `import { Annotation, END, interrupt, START, StateGraph } from "@langchain/langgraph";
const State = Annotation.Root({ text: Annotation<string> });`;
const graphOf = (body: string) => `new StateGraph(State).addNode("say", ${body}).addEdge(START, "say")`;
const GRAPH = `${HEAD}\nexport const graph = ${graphOf('() => ({ text: "a" })')};`;

async function said(set: GraphSet, id: string): Promise<unknown> {
  const graph = set.graphs.get(id);
  if (graph === undefined) throw new Error(set.errors.map(formatLoadError).join("\n"));
  const compiled = await graph.build({ configurable: { word: "w" } }, { accessContext: "threads.create_run" });
  return ((await compiled.invoke({ text: "" })) as { text: unknown }).text;
}

describe("a project's graphs", () => {
  test("are its exports by the names it gives them, whatever form they have", async () => {
    const project = await createProject({
      "langgraph.json": {
        graphs: {
          builder: "./src/forms.ts:builder",
          compiled: { path: "src/forms.ts:compiled", description: "Says c." },
          promise: "./src/forms.ts:promise",
          factory: "./src/forms.ts:makeIt",
          "async-factory": "./src/forms.ts:laterIt",
          agent: "./src/forms.ts:agent",
          anonymous: "./src/other.mts",
          plain: "./src/plain.mjs:graph",
          view: "./src/view.tsx:graph",
        },
      },
      "src/forms.ts": `${HEAD}
const say = (word) => ${graphOf("() => ({ text: word })")};
export const builder = say("b");
export const compiled = say("c").compile({ name: "another-name" });
export const promise = Promise.resolve(say("p"));
export const makeIt = (config, more) => say(config.configurable.word + (more.executionRuntime === null));
export const laterIt = async () => say("l").compile();
export const agent = { graph: say("g").compile(), invoke() {} };
throwAway();
function throwAway() {}`,
      "src/other.mts": `${HEAD}\nexport default ${graphOf('() => ({ text: "o" })')};`,
      "src/plain.mjs": GRAPH.replaceAll("<string>", "").replace('"a"', '"m"'),
      "src/view.tsx": `${HEAD}\nconst View = () => <b>t</b>;\nexport const graph = ${graphOf("() => ({ text: typeof View })")};`,
      "package.json": { type: "module" },
      "node_modules/react/package.json": { name: "react" },
      "node_modules/react/jsx-runtime.js": "exports.jsx = () => null;",
    });
    const set = await project.load();
    expect(set.errors).toEqual([]);
    const words = await Promise.all([...set.graphs.keys()].map(async (id) => [id, await said(set, id)]));
    expect(Object.fromEntries(words)).toEqual({
      builder: "b",
      compiled: "c",
      promise: "p",
      factory: "wfalse",
      "async-factory": "l",
      agent: "g",
      anonymous: "o",
      plain: "m",
      view: "function",
    });
    expect(set.graphs.get("compiled")).toMatchObject({ description: "Says c.", path: "src/forms.ts", factory: false });
  });

  test("share what they import, and find the aliases of their tsconfig, which their fingerprint covers", async () => {
    const counted = (name: string) => `${HEAD}
import { next } from "@/lib/count";
const own = next();
export const ${name} = ${graphOf("() => ({ text: String(own) })")};`;
    const project = await createProject({
      "langgraph.json": { graphs: { a: "./src/a.ts:a", b: "./src/b.ts:b" } },
      "tsconfig.json": `{ "compilerOptions": { "baseUrl": ".", "paths": { "@/*": ["./src/*"] } } } // a comment`,
      "src/a.ts": counted("a"),
      "src/b.ts": counted("b"),
      "src/lib/count.ts": 'import "./deep.ts";\nlet count = 0;\nexport const next = () => (count += 1);',
      "src/lib/deep.ts": "export {};",
    });
    const set = await project.load();
    expect([await said(set, "a"), await said(set, "b")]).toEqual(["1", "2"]);
    await project.write("src/lib/deep.ts", "export const changed = true;");
    const next = await project.load();
    expect([await said(next, "a"), await said(next, "b")]).toEqual(["1", "2"]);
    expect(next.graphs.get("a")?.fingerprint).not.toBe(set.graphs.get("a")?.fingerprint);
  });

  test("are read anew each time, also where they are JavaScript that Node.js loads itself", async () => {
    const project = await createProject({
      "langgraph.json": { graphs: { a: "./a.mjs:graph" } },
      "a.mjs": `import { word } from "./word.mjs";\n${GRAPH.replaceAll("<string>", "").replace('"a"', "word")}`,
      "word.mjs": 'export const word = "old";',
    });
    expect(await said(await project.load(), "a")).toBe("old");
    await project.write("word.mjs", 'export const word = "new";');
    expect(await said(await project.load(), "a")).toBe("new");
  });

  test("are of the host's classes though the project has its own copy, which its packages import too", async () => {
    const project = await createProject({
      "langgraph.json": { graphs: { own: "./own.ts:graph", packaged: "./packaged.ts:graph", js: "./own.mjs:graph" } },
      "own.ts": `${HEAD}\nexport const graph = ${graphOf('() => ({ text: interrupt("own?") })')}.compile();`,
      "own.mjs": `${HEAD.replaceAll("<string>", "")}\nexport const graph = ${graphOf('() => ({ text: interrupt("js?") })')};`,
      "packaged.ts": `${HEAD}\nimport { ask, Message } from "asks";
import { HumanMessage } from "@langchain/core/messages";
export const graph = ${graphOf("() => ({ text: ask(String(Message === HumanMessage)) })")};`,
      "node_modules/asks/package.json": { name: "asks", type: "module", exports: "./index.js" },
      "node_modules/asks/index.js": `import { interrupt } from "@langchain/langgraph";
export { HumanMessage as Message } from "@langchain/core/messages";
export const ask = (question) => interrupt(question);`,
    });
    await project.install("@langchain/langgraph", "@langchain/langgraph-checkpoint", "@langchain/core");
    const set = await project.load();
    expect(set.errors).toEqual([]);
    for (const [id, value] of [
      ["own", "own?"],
      ["packaged", "true"],
      ["js", "js?"],
    ] as const) {
      const graph = await set.graphs.get(id)!.build({});
      graph.checkpointer = new MemorySaver();
      const asked = await graph.invoke({ text: "" }, { configurable: { thread_id: id } });
      expect(asked).toMatchObject({ __interrupt__: [{ value }] });
    }
  });

  test("are told what a factory's graph is for, and what is wrapped in it stays wrapped", async () => {
    const project = await createProject({
      "langgraph.json": { graphs: { made: "./made.ts:make", same: "./made.ts:same" } },
      "made.ts": `${HEAD}
export function make(config, runtime) {
  const graph = ${graphOf("() => ({ text: JSON.stringify(runtime) })")}.compile();
  const own = graph.getState.bind(graph);
  graph.getState = async (...args) => ({ ...(await own(...args)), seen: runtime.accessContext });
  return graph;
}
const one = ${graphOf('() => ({ text: "same" })')}.compile();
export const same = () => one;`,
    });
    const set = await project.load();
    const make = set.graphs.get("made")!;
    const run = await make.build({}, { accessContext: "threads.create_run", context: { tenant: "t" } });
    expect(JSON.parse(((await run.invoke({})) as { text: string }).text)).toEqual({
      accessContext: "threads.create_run",
      executionRuntime: { context: { tenant: "t" } },
    });
    const read = await make.build({}, { accessContext: "threads.read", context: { tenant: "t" } });
    expect(JSON.parse(((await read.invoke({})) as { text: string }).text)).toEqual({
      accessContext: "threads.read",
      executionRuntime: null,
    });
    expect(JSON.parse(((await (await make.build({})).invoke({})) as { text: string }).text)).toEqual({
      accessContext: "assistants.read",
      executionRuntime: null,
    });
    read.checkpointer = new MemorySaver();
    expect(await read.getState({ configurable: { thread_id: "t" } })).toMatchObject({ seen: "threads.read" });
    // A factory that gives one graph to everybody: nobody sees the others' checkpointer.
    const same = set.graphs.get("same")!;
    const first = await same.build({});
    first.checkpointer = new MemorySaver();
    expect(await same.build({})).toMatchObject({ checkpointer: undefined });
  });
});

test.each<[string, string | object, string, RegExp]>([
  ["is not there", "./nowhere.ts:graph", "", /^nowhere\.ts: graphs\.bad in langgraph\.json: there is no such file$/],
  ["is a folder", "./folder:graph", "", /^folder: graphs\.bad in langgraph\.json: there is no such file$/],
  [
    "does not have the export",
    "./bad.ts:graph",
    "export const other = 1;",
    /bad in .* no export graph; it exports other$/,
  ],
  ["exports a number", "./bad.ts:graph", "export const graph = 1;", /its export graph is no graph/],
  ["exports a class", "./bad.ts:graph", "export class graph {}", /its export graph is no graph/],
  ["throws", "./bad.ts:graph", "\nthrow new Error('no key');", /^bad\.ts:2: graphs\.bad in langgraph\.json: no key$/],
  ["never ends loading", "./bad.ts:graph", "await new Promise(() => {});", /was not loaded within 300 ms/],
  ["is a promise for ever", "./bad.ts:graph", "export const graph = new Promise(() => {});", /still pending/],
  ["imports what is not installed", "./bad.ts:graph", "import 'no-such-package';", /no-such-package/],
  ["is no TypeScript", { path: "./bad.ts:graph" }, "export const = 1;", /bad\.ts:1: .*syntax error/],
])(
  "a graph whose file %s is one line with file and key, and the others are served",
  async (_name, entry, source, line) => {
    const project = await createProject({
      "langgraph.json": { graphs: { bad: entry, good: "./good.ts:graph" } },
      "bad.ts": source,
      "folder/x.ts": "",
      "good.ts": GRAPH,
    });
    const set = await project.load(300);
    expect([...set.graphs.keys()]).toEqual(["good"]);
    expect(set.errors.map(formatLoadError)).toEqual([expect.stringMatching(line)]);
  },
);

test("two graphs that import a broken file both say what is wrong with it", async () => {
  const source = `import "./shared.ts";\n${GRAPH}`;
  const project = await createProject({
    "langgraph.json": { graphs: { a: "./a.ts:graph", b: "./b.ts:graph" } },
    "a.ts": source,
    "b.ts": source,
    "shared.ts": "throw new Error('no key');",
  });
  const { errors } = await project.load();
  expect(errors.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^graphs\.a .*: no key/),
    expect.stringMatching(/^graphs\.b .*: no key/),
  ]);
});

test("ids that assistants could not have are refused, each in one line", async () => {
  const ids = ["a b", "../x", "fe096781-5601-53d2-b2f6-0d3403f7e9ca", "x".repeat(101), ""];
  const project = await createProject({
    "langgraph.json": { graphs: Object.fromEntries(ids.map((id) => [id, "./good.ts:graph"])) },
    "good.ts": GRAPH,
  });
  const set = await project.load();
  expect(set.graphs.size).toBe(0);
  expect(set.errors.map(formatLoadError)).toHaveLength(ids.length);
  for (const error of set.errors) expect(error.message).toMatch(/cannot be a graph's id/);
});
