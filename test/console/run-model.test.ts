import { describe, expect, test } from "vitest";
import { graphNodes, pathThrough, place } from "../../console/src/run/graph-model.ts";
import type { RunDetail } from "../../console/src/run/model.ts";
import { formatMs, layOut } from "../../console/src/run/spans.ts";
import { changedKeys, stateDiff } from "../../console/src/run/state-diff.ts";
import { queryParameters, readQuery, writeQuery } from "../../console/src/runs/query-text.ts";
import { examplesOf, faultsIn } from "../../console/src/start/input-schema.ts";
import { fc } from "../support/properties.ts";

describe("the question to a list of runs", () => {
  test("is read as the server takes it", () => {
    const { query, unknown } = readQuery(
      'status:failed,waiting graph:"my graph" by:ana error:TypeError waiting:>1h since:24h',
    );
    expect(unknown).toEqual([]);
    expect(Object.fromEntries(queryParameters(query))).toEqual({
      status: "error,waiting",
      graph_id: "my graph",
      started_by: "ana",
      error_class: "TypeError",
      waiting_over: "1h",
      since: "24h",
    });
    expect(readQuery("2f1ab9").query.id).toBe("2f1ab9");
  });

  test("names what it does not understand, and reads again what it has written", () => {
    expect(readQuery("colour:red status:blue since:soon waiting:long x").unknown).toEqual([
      "colour:red",
      "status:blue",
      "waiting:long",
      "x",
      "since:soon",
    ]);
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { query } = readQuery(text);
        expect(readQuery(writeQuery(query)).query).toEqual(query);
      }),
    );
  });
});

describe("the scale of a timeline", () => {
  const span = fc.tuple(fc.nat(1_000_000), fc.nat(10_000)).map(([from, length]) => ({ from, to: from + length }));
  test("never turns time around, begins at 0 and ends at 1, folded or not", () => {
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 12 }), fc.boolean(), (busy, folds) => {
        const whole = {
          from: Math.min(...busy.map(({ from }) => from)),
          to: Math.max(...busy.map(({ to }) => to)) + 1,
        };
        const { at } = layOut(whole, busy, folds);
        const moments = [...busy.flatMap(({ from, to }) => [from, to]), whole.from, whole.to].sort((a, b) => a - b);
        const places = moments.map(at);
        expect(places[0]).toBeCloseTo(0, 6);
        expect(places.at(-1)).toBeCloseTo(1, 6);
        for (const [index, one] of places.entries()) {
          expect(one).toBeGreaterThanOrEqual((places[index - 1] ?? 0) - 1e-9);
        }
      }),
    );
  });

  test("leaves room for a run of two seconds beside a wait of two days", () => {
    const day = 86_400_000;
    const busy = [
      { from: 0, to: 1_000 },
      { from: 2 * day, to: 2 * day + 1_000 },
    ];
    const whole = { from: 0, to: 2 * day + 1_000 };
    expect(layOut(whole, busy, false).at(1_000)).toBeLessThan(0.001);
    const { at, folds } = layOut(whole, busy, true);
    expect(at(1_000)).toBeCloseTo(0.45, 5);
    expect(folds).toMatchObject([{ from: 1_000, to: 2 * day }]);
  });

  test("says spans as finely as they matter", () => {
    expect([0, 0.4, 34.2, 999.6, 9_949, 12_300, 3_600_000].map(formatMs)).toEqual([
      "0 ms",
      "<1 ms",
      "34 ms",
      "1.0 s",
      "9.9 s",
      "12 s",
      "1 h",
    ]);
  });
});

describe("what a step has changed", () => {
  test("is told place by place", () => {
    const before = { a: 1, gone: "x", list: [1, 2], deep: { same: 1, other: "old" } };
    const after = { a: 1, list: [1, 2, { n: 3 }], deep: { same: 1, other: "new" }, came: true };
    expect(
      stateDiff(before, after)
        .changes.map(({ path, kind }) => `${kind} ${path}`)
        .sort(),
    ).toEqual(["added came", "added list[2]", "changed deep.other", "removed gone"]);
    expect(changedKeys(before, after).sort()).toEqual(["came", "deep", "gone", "list"]);
  });

  test("is nothing between equal states, and something between others, whatever their members are called", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 4 }), (a, b) => {
        expect(stateDiff(a, structuredClone(a)).changes).toEqual([]);
        // What is not there and what is null are both nothing, and -0 has no JSON.
        if (JSON.stringify(a) !== JSON.stringify(b)) expect(changedKeys({ a }, { a: b })).toEqual(["a"]);
      }),
    );
    const own = JSON.parse('{"__proto__": 1, "constructor": 2}') as object;
    expect(stateDiff({}, own).changes.map(({ path }) => path)).toEqual(["__proto__", "constructor"]);
  });

  test("ends, however much there is", () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`k${index}`, index]));
    expect(stateDiff({}, many)).toMatchObject({ is_cut: true, changes: { length: 200 } });
  });
});

describe("a graph", () => {
  const drawing = {
    nodes: ["__start__", "a", "b", "__end__"].map((id) => ({ id })),
    edges: [
      { source: "__start__", target: "a" },
      { source: "a", target: "b", conditional: true },
      { source: "a", target: "gone" },
      { source: "b", target: "a" },
      { source: "b", target: "__end__" },
    ],
  };
  const execution = { node: "a", status: "success", duration_ms: 5 };
  const run = {
    executions: [execution, { ...execution, duration_ms: 7 }],
    questions: [{ node: "b", status: "open" }],
  } as unknown as RunDetail;

  test("shows of each node where it stands and how often it was executed", () => {
    const states = graphNodes(drawing, run, new Set(["a"])).map(({ id, state, executions, duration_ms }) => [
      id,
      state,
      executions,
      duration_ms,
    ]);
    expect(states).toEqual([
      ["__start__", "untouched", 0, 0],
      ["a", "running", 2, 12],
      ["b", "waiting", 0, 0],
      ["__end__", "untouched", 0, 0],
    ]);
  });

  test("is laid out downwards, loops and unknown targets included", () => {
    const { nodes, edges, height } = place(graphNodes(drawing, run, new Set()));
    const y = (id: string) => nodes.get(id)?.y ?? Number.NaN;
    expect(y("__start__")).toBeLessThan(y("a"));
    expect(y("a")).toBeLessThan(y("b"));
    expect(height).toBeGreaterThan(y("__end__"));
    expect([...edges.keys()].sort()).toEqual(["__start__ a", "a b", "b __end__", "b a"]);
    for (const points of edges.values()) expect(pathThrough(points)).toMatch(/^M [-\d.]+ [-\d.]+( [QL] ?[-\d. ]+)+$/);
    expect(pathThrough([])).toBe("");
  });
});

describe("an input", () => {
  test("has the examples of its schema, as a whole or member by member", () => {
    const schemas = (input_schema: object) => ({ graph_id: "g", input_schema: input_schema as never });
    expect(examplesOf(schemas({ examples: [{ a: 1 }] })).map(({ input }) => input)).toEqual([{ a: 1 }]);
    const properties = { a: { examples: ["x", "y"] }, b: { examples: [1, 2, 3] }, c: {} };
    expect(examplesOf(schemas({ properties }))).toEqual([
      { label: "x", input: { a: "x", b: 1 } },
      { label: "y", input: { a: "y", b: 2 } },
    ]);
    expect(examplesOf(undefined)).toEqual([]);
    expect(examplesOf(schemas({ properties: { a: null, b: 3 } }))).toEqual([]);
  });

  test("is told at its places what the server finds wrong", () => {
    expect(faultsIn("/input/email: too short; /input/a/b: must be a number; something else")).toEqual({
      "/email": "too short",
      "/a/b": "must be a number",
    });
  });
});
