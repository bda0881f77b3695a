import {
  Annotation,
  Command,
  END,
  entrypoint,
  ReducedValue,
  START,
  StateGraph,
  StateSchema,
} from "@langchain/langgraph";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { CompiledGraph } from "../../src/graphs/graph-set.ts";
import { stateFit } from "../../src/graphs/state-fit.ts";
import { topologyOf } from "../../src/graphs/topology.ts";

const State = Annotation.Root({
  amount: Annotation<number>,
  log: Annotation<string[]>({ reducer: (before, after) => [...before, ...after], default: () => [] }),
});
const nothing = () => ({});
const graphOf = (graph: unknown) => graph as CompiledGraph;

describe("the topology of a graph", () => {
  test("says where each node leads, what it waits for, and how the state is kept", () => {
    const graph = new StateGraph(State)
      .addNode("a", nothing)
      .addNode("left", nothing)
      .addNode("right", nothing, { ends: ["join", END] })
      .addNode("join", nothing)
      .addNode("late", nothing, { defer: true })
      .addEdge(START, "a")
      .addConditionalEdges("a", () => "left", { yes: "left", no: "right" })
      .addEdge(["left", "right"], "join")
      .addConditionalEdges("join", () => "late")
      .addEdge("late", END)
      .compile();
    expect(topologyOf(graphOf(graph))).toEqual({
      nodes: {
        __start__: { to: ["a"] },
        a: { to: ["left", "right"] },
        join: { to: ["*"], waits_for: [["left", "right"]] },
        late: { to: ["__end__"], deferred: true },
        left: { to: ["join"] },
        right: { to: ["__end__", "join"] },
      },
      keys: { amount: "LastValue", log: "BinaryOperatorAggregate" },
    });
  });

  test("does not depend on the order in which a graph was built, nor on the names of its routers", () => {
    const one = new StateGraph(State)
      .addNode("a", nothing)
      .addNode("b", nothing)
      .addEdge(START, "a")
      .addConditionalEdges("a", function route() { return "b"; }, ["b", END]) // biome-ignore format: one line
      .addEdge("b", END);
    const other = new StateGraph(State)
      .addNode("b", nothing)
      .addNode("a", nothing)
      .addEdge("b", END)
      .addConditionalEdges("a", function choose() { return "b"; }, [END, "b"]) // biome-ignore format: one line
      .addEdge(START, "a");
    expect(JSON.stringify(topologyOf(graphOf(other.compile())))).toBe(
      JSON.stringify(topologyOf(graphOf(one.compile()))),
    );
  });

  test("opens the graphs inside its nodes, and knows the handler of errors", () => {
    const inner = new StateGraph(State).addNode("deep", nothing).addEdge(START, "deep").addEdge("deep", END).compile();
    const graph = new StateGraph(State)
      .addNode("inner", inner)
      .addNode("b", nothing, { errorHandler: () => new Command({ goto: END }) })
      .addEdge(START, "inner")
      .addEdge("inner", "b")
      .addEdge("b", END)
      .compile();
    const { nodes } = topologyOf(graphOf(graph));
    expect(nodes["inner"]?.inner?.nodes).toEqual({ __start__: { to: ["deep"] }, deep: { to: ["__end__"] } });
    expect(nodes["b"]?.on_error).toBe("__error_handler__b");
    expect(Object.keys(nodes)).toContain("__error_handler__b");
  });

  test("claims nothing of a graph that was not built of nodes and edges", () => {
    const graph = entrypoint("whole", async (input: number) => input);
    expect(topologyOf(graphOf(graph)).nodes).toEqual({ whole: { to: ["*"] } });
  });
});

describe("how a thread's state fits a graph", () => {
  const compile = (state: ConstructorParameters<typeof StateGraph>[0]) =>
    graphOf(
      new StateGraph(state as never)
        .addNode("n" as never, nothing as never)
        .addEdge(START, "n" as never)
        .compile(),
    );
  const items = new ReducedValue(z.array(z.object({ price: z.number() })).default([]), {
    inputSchema: z.object({ price: z.number() }),
    reducer: (current, next) => [...current, next],
  });
  const schemas: [string, CompiledGraph][] = [
    ["a StateSchema", compile(new StateSchema({ amount: z.number(), note: z.string().optional(), items }) as never)],
    [
      "a zod object",
      compile(
        z.object({
          amount: z.number(),
          note: z.string().optional(),
          items: z.array(z.object({ price: z.number() })).default([]),
        }) as never,
      ),
    ],
  ];

  test.each(schemas)("finds nothing where every value fits %s", async (_kind, graph) => {
    const fit = await stateFit(graph, { amount: 5, items: [{ price: 1 }], "branch:to:n": null });
    expect(fit).toEqual({ held: ["amount", "branch:to:n", "items"], faults: [], missing: [] });
  });

  test.each(schemas)("names the keys that do not, and those that are wanted: %s", async (_kind, graph) => {
    const wrong = await stateFit(graph, { amount: "5", items: [{ price: "1" }] });
    expect(wrong.faults.map(({ key }) => key).sort()).toEqual(["amount", "items.0.price"]);
    expect(wrong.faults[0]?.message).toMatch(/expected number, received string/);
    expect((await stateFit(graph, {})).missing).toEqual(["amount"]);
  });

  test("takes everything where the state has no schema", async () => {
    const fit = await stateFit(compile(State as never), { amount: "5", gone: 1 });
    expect(fit).toEqual({ held: ["amount", "gone"], faults: [], missing: [] });
  });

  test("takes a schema that throws for one that refuses", async () => {
    const graph = compile(new StateSchema({ amount: z.number().refine(() => { throw new Error("boom"); }) }) as never); // biome-ignore format: one line
    expect((await stateFit(graph, { amount: 1 })).faults).toEqual([{ key: "amount", message: "boom" }]);
  });
});
