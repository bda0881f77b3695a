import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkInput } from "../../src/graphs/check-input.ts";
import { describeSchemas, drawGraph, nodeNames } from "../../src/graphs/describe.ts";
import type { GraphSet } from "../../src/graphs/graph-set.ts";
import { loadGraphs } from "../../src/graphs/load.ts";
import { createWorkflowFolder, virtualModules, type WorkflowFolder } from "../support/workflow-folder.ts";

let folder: WorkflowFolder;
let set: GraphSet;

beforeAll(async () => {
  folder = await createWorkflowFolder({
    "shapes.ts": `
import { Annotation, END, MessagesAnnotation, START, StateGraph, StateSchema } from "@langchain/langgraph";
import { workflow } from "holdpoint";
import { z } from "zod";
const State = new StateSchema({ name: z.string().min(1), count: z.number().default(0) });
const nothing = () => ({});
const route = (state: { count: number }) => (state.count > 0 ? "big" : END);
export const typed = new StateGraph({ state: State, input: z.object({ name: z.string().min(1) }) })
  .addNode("small", nothing).addNode("big", nothing)
  .addEdge(START, "small").addConditionalEdges("small", route, ["big", END]).addEdge("big", END);
export const loose = new StateGraph(MessagesAnnotation).addNode("a", nothing).addEdge(START, "a");
export const zodState = new StateGraph(z.object({ n: z.number() })).addNode("a", nothing).addEdge(START, "a");
export const untyped = new StateGraph(Annotation.Root({ n: Annotation<number> })).addNode("a", nothing).addEdge(START, "a");
export const made = (config: object) => new StateGraph(State).addNode("a", nothing).addEdge(START, "a");
const kit = workflow({
  name: "kit", description: "Of the kit.", version: "1.2.0", input: { name: z.string() }, state: { count: z.number().default(0) },
  policies: { guarded: true, concurrency: 2 }, examples: [{ name: "Ada", input: { name: "Ada" } }],
});
export const ofKit = kit.graph({ nodes: { a: nothing }, edges: { start: "a", a: "end" } });
`,
  });
  set = await loadGraphs({ directory: folder.directory, virtualModules });
  expect(set.errors).toEqual([]);
});
afterAll(() => folder.drop());

const graph = (id: string) => set.graphs.get(id)!;

describe("describing a graph", () => {
  test("gives the JSON Schemas of a zod state", async () => {
    expect(await describeSchemas(graph("typed"))).toMatchObject({
      graph_id: "typed",
      input_schema: { type: "object", properties: { name: { type: "string", minLength: 1 } } },
      state_schema: { properties: { name: { type: "string" }, count: { type: "number" } } },
      output_schema: { properties: { name: { type: "string" } } },
    });
    expect((await describeSchemas(graph("made"))).state_schema).toMatchObject({ properties: { count: {} } });
  });

  test("gives null where a state has no schema", async () => {
    expect(await describeSchemas(graph("untyped"))).toMatchObject({ input_schema: null, state_schema: null });
  });

  test("gives the examples of a workflow in the schema of its input, and what else it states", async () => {
    const { guarded, version, policies, description } = graph("kit");
    const stated = { guarded: true, version: "1.2.0", policies: { concurrency: 2 }, description: "Of the kit." };
    expect({ guarded, version, policies, description }).toEqual(stated);
    const { input_schema } = await describeSchemas(graph("kit"));
    expect(input_schema).toMatchObject({ properties: { name: { type: "string" } }, examples: [{ name: "Ada" }] });
  });

  test("draws nodes and edges", async () => {
    const { nodes, edges } = await drawGraph(graph("typed"));
    expect(nodes.map(({ id }) => id).sort()).toEqual(["__end__", "__start__", "big", "small"]);
    expect(edges).toContainEqual(expect.objectContaining({ source: "small", target: "big", conditional: true }));
    expect(nodeNames(await graph("typed").build({})).sort()).toEqual(["big", "small"]);
  });
});

describe("checking an input before a run exists", () => {
  test.each<[string, string, unknown, string[]]>([
    ["a good input", "typed", { name: "Ada" }, []],
    ["no input", "typed", null, []],
    ["a missing field", "typed", {}, ["/name"]],
    ["an empty field", "typed", { name: "" }, ["/name"]],
    ["a scalar", "typed", "Ada", [""]],
    ["an array", "typed", [1], [""]],
    ["a wrong type in a zod state", "zodState", { n: "1" }, ["/n"]],
    ["anything for a state without a schema", "untyped", { n: "1" }, []],
    ["anything for a factory", "made", { name: 1 }, []],
  ])("%s", async (_name, id, input, pointers) => {
    expect((await checkInput(graph(id), input)).map(({ pointer }) => pointer)).toEqual(pointers);
  });
});
