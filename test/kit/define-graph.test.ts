import { describe, expect, test } from "vitest";
import { defineGraph, guarded } from "../../src/kit/define-graph.ts";
import { GRAPH_MARK } from "../../src/protocol/graph-mark.ts";

describe("defineGraph()", () => {
  test("gives back the same object with the statements on it, out of the way of copies and prints", () => {
    const graph = { a: 1 };
    expect(defineGraph(graph, { name: "x" })).toBe(graph);
    expect(graph).toEqual({ a: 1 });
    expect(JSON.stringify(graph)).toBe('{"a":1}');
  });

  test("adds to what was stated before", () => {
    const graph = guarded(defineGraph({}, { name: "x", description: "y" }));
    expect((graph as { [GRAPH_MARK]?: unknown })[GRAPH_MARK]).toEqual({ name: "x", description: "y", guarded: true });
  });

  test.each([null, undefined, 1, "graph"])("refuses %j, which is no graph", (value) => {
    expect(() => guarded(value as unknown as object)).toThrow(/give it a StateGraph, a compiled graph/);
  });
});
