import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeSchemas, describeSubgraphs } from "../../src/graphs/describe.ts";
import { loadGraphs } from "../../src/graphs/load.ts";
import { createStaticSchemas } from "../../src/graphs/static-schemas.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { createWorkflowFolder, virtualModules, type WorkflowFolder } from "../support/workflow-folder.ts";

// Stands in for LangGraph's compiler of schemas: what it does is named by the export that it is asked about.
const COMPILER = `
import { appendFileSync } from "node:fs";
const object = (name) => ({ type: "object", properties: { [name]: { type: "string" } } });
const all = (name) => ({ state: object(name), input: object(name), output: object(name), config: object(name) });
export async function getStaticGraphSchema({ sourceFile, exportSymbol }, { mainThread }) {
  appendFileSync(new URL("./asked.txt", import.meta.url), exportSymbol + "\\n");
  console.log("noise");
  if (!mainThread || !sourceFile.endsWith(".ts")) throw new Error("asked in another way");
  switch (exportSymbol) {
    case "hangs": for (;;);
    case "exits": process.exit(3);
    case "throws": throw new Error("no such type");
    case "text": return "schema";
    case "nothing": return undefined;
    case "list": return [all("n")];
    case "big": return { big: { state: object("x".repeat(5_000_000)) } };
    case "cyclic": { const self = {}; self.self = self; return self; }
    case "empty": return { empty: { state: { $schema: "s" }, input: { $schema: "s" } } };
    case "wrong": return { wrong: { state: 7, input: ["a"], output: null }, __proto__: all("n") };
    default: return { [exportSymbol]: all("n"), [exportSymbol + "|sub"]: all("deep"), "other|sub": all("no") };
  }
}
`;

const NAMES = ["exits", "throws", "text", "nothing", "list", "big", "cyclic", "empty", "wrong"];
const graphFile = (names: readonly string[]) => `
import { Annotation, START, StateGraph } from "@langchain/langgraph";
import { z } from "zod";
const State = Annotation.Root({ n: Annotation<number> });
const idle = () => ({});
const sub = new StateGraph(State).addNode("a", idle).addEdge(START, "a").compile();
const graph = () => new StateGraph(State).addNode("sub", sub).addEdge(START, "sub").compile();
export const described = new StateGraph(z.object({ n: z.number() })).addNode("a", idle).addEdge(START, "a");
${names.map((name) => `export const ${name} = graph();`).join("\n")}
`;

let folder: WorkflowFolder;
let asked: string;
beforeAll(async () => {
  folder = await createWorkflowFolder({ "graphs.ts": graphFile(["good", "hangs", ...NAMES]) });
  const compiler = join(dirname(folder.directory), "node_modules", "@langchain", "langgraph-api");
  await mkdir(compiler, { recursive: true });
  asked = join(compiler, "asked.txt");
  await writeFile(join(compiler, "schema.mjs"), COMPILER);
  const manifest = {
    name: "@langchain/langgraph-api",
    exports: { "./schema": { types: "./x.d.ts", default: "./schema.mjs" } },
  };
  await writeFile(join(compiler, "package.json"), JSON.stringify(manifest));
});
afterAll(() => folder.drop());

const load = async () => {
  const { graphs, errors } = await loadGraphs({ directory: folder.directory, virtualModules });
  expect(errors).toEqual([]);
  return (name: string) => graphs.get(name)!;
};
const timesAsked = (name: string) =>
  existsSync(asked)
    ? readFileSync(asked, "utf8")
        .split("\n")
        .filter((line) => line === name).length
    : 0;

function newReader(timeoutMs = 120_000) {
  const told: { graph_id: string; why: string }[] = [];
  const log = { info: (facts: { graph_id: string; why: string }) => void told.push(facts) } as unknown as Log;
  return { types: createStaticSchemas({ timeoutMs, log }), told };
}

test("the types say what a state is that has no schema at run time, once for each version of its files", async () => {
  const { types, told } = newReader();
  const graph = await load();
  expect(await describeSchemas(graph("good"), {}, types)).toMatchObject({
    graph_id: "good",
    state_schema: { properties: { n: { type: "string" } } },
    context_schema: { properties: { n: {} } },
  });
  const all = await Promise.all(Array.from({ length: 50 }, () => describeSubgraphs(graph("good"), { types })));
  expect(all[49]).toMatchObject({ sub: { state: { properties: { deep: {} } } } });
  // Another load of the same files.
  await describeSchemas((await load())("good"), {}, types);
  expect(timesAsked("good")).toBe(1);
  await folder.write("graphs.ts", `// changed\n${graphFile(["good", "hangs", ...NAMES])}`);
  await describeSchemas((await load())("good"), {}, types);
  expect([timesAsked("good"), told]).toEqual([2, []]);
});

test("a state that has a schema at run time needs no types", async () => {
  const { types } = newReader();
  const schemas = await describeSchemas((await load())("described"), {}, types);
  expect(schemas.state_schema).toMatchObject({ properties: { n: { type: "number" } } });
  expect(timesAsked("described")).toBe(0);
});

test("whatever comes of reading types, it is null, said once, and keeps nobody from the next graph", async () => {
  const { types, told } = newReader();
  const graph = await load();
  for (const name of [...NAMES, ...NAMES]) {
    expect(await describeSchemas(graph(name), {}, types), name).toMatchObject({
      state_schema: null,
      input_schema: null,
    });
  }
  expect(told.map(({ graph_id }) => graph_id)).toEqual(NAMES);
  expect(told.map(({ why }) => why).join("\n")).toMatch(/ended with 3.*\n.*no such type/);
  expect((await describeSchemas(graph("good"), {}, types)).state_schema).not.toBeNull();
});

test("types that take too long to read are given up, and their thread with them", async () => {
  const { types, told } = newReader(300);
  const graph = await load();
  const schemas = await Promise.all([1, 2, 3].map(() => describeSchemas(graph("hangs"), {}, types)));
  expect(schemas.map(({ state_schema }) => state_schema)).toEqual([null, null, null]);
  const late = { graph_id: "hangs", why: "reading its types took longer than 300 ms" };
  expect(told).toEqual([late]);
  // Another time there may be more of it, but not for ever.
  for (let time = 0; time < 4; time += 1) await describeSchemas(graph("hangs"), {}, types);
  expect(told).toEqual([late, late, late]);
});

test("without LangGraph's compiler in the project there is no schema, and the log says what would help", async () => {
  const bare = await createWorkflowFolder({ "graphs.ts": graphFile(["good"]) });
  const { types, told } = newReader();
  const { graphs } = await loadGraphs({ directory: bare.directory, virtualModules });
  expect(await describeSchemas(graphs.get("good")!, {}, types)).toMatchObject({ state_schema: null });
  expect(await describeSchemas(graphs.get("good")!)).toMatchObject({ state_schema: null });
  expect(told).toEqual([{ graph_id: "good", why: expect.stringContaining("@langchain/langgraph-api/schema") }]);
  await bare.drop();
});
