import { describe, expect, test } from "vitest";
import { criticalPath, type NodeFacts, type PathStep, pathName } from "../../src/policy/insights-path.ts";
import { summariseNodes, timeSpent } from "../../src/policy/insights-run.ts";

let made = 0;
function ran(node: string, startedMs: number, duration_ms: number, more: Partial<NodeFacts> = {}): NodeFacts {
  made += 1;
  return {
    run_id: "r1",
    attempt: 1,
    checkpoint_ns: "",
    checkpoint_id: `c${startedMs}`,
    task_id: `t${made}`,
    node,
    status: "success",
    startedMs,
    duration_ms,
    model_ms: 0,
    tool_ms: 0,
    tries: 1,
    write_keys: [],
    write_bytes: 0,
    input_tokens: 0,
    output_tokens: 0,
    cached_tokens: 0,
    cost: null,
    is_cached: false,
    error_class: null,
    ...more,
  };
}

interface Shown {
  node: string;
  tasks: number;
  own: number;
  inner: Shown[];
}
const shown = (path: readonly PathStep[]): Shown[] =>
  path.map(({ node, tasks, work_ms, model_ms, tool_ms, inner }) => ({
    node,
    tasks,
    own: work_ms + model_ms + tool_ms,
    inner: shown(inner),
  }));
const leaf = (node: string, own: number, tasks = 1): Shown => ({ node, tasks, own, inner: [] });

describe("the critical path", () => {
  test("is the slowest task of each superstep, in the order in which they began", () => {
    const path = criticalPath([
      ran("late", 200, 10),
      ran("first", 0, 50),
      ran("fan", 100, 20, { checkpoint_id: "c100" }),
      ran("fan", 101, 80, { checkpoint_id: "c100" }),
      ran("other", 100, 30, { checkpoint_id: "c100" }),
    ]);
    expect(shown(path)).toEqual([leaf("first", 50), leaf("fan", 80, 3), leaf("late", 10)]);
  });

  test("goes on inside the node that called a subgraph, and counts no time twice", () => {
    const path = criticalPath([
      ran("outer", 0, 100, { task_id: "o" }),
      ran("a", 5, 30, { checkpoint_ns: "outer:o", task_id: "a" }),
      ran("deep", 10, 20, { checkpoint_ns: "outer:o|a:a" }),
      ran("b", 40, 50, { checkpoint_ns: "outer:o" }),
    ]);
    const a = { node: "a", tasks: 1, own: 10, inner: [leaf("deep", 20)] };
    expect(shown(path)).toEqual([{ node: "outer", tasks: 1, own: 20, inner: [a, leaf("b", 50)] }]);
  });

  test("knows a second subgraph of one task, and one with a memory of its own, by who called it", () => {
    const path = criticalPath([
      ran("twice", 0, 100, { task_id: "w" }),
      ran("x", 0, 40, { checkpoint_ns: "twice:w" }),
      ran("x", 50, 30, { checkpoint_ns: "twice:w|1" }),
      ran("keeps", 200, 50),
      ran("y", 201, 20, { checkpoint_ns: "keeps" }),
      ran("keeps", 300, 50),
      ran("y", 301, 30, { checkpoint_ns: "keeps" }),
    ]);
    expect(shown(path)).toEqual([
      { node: "twice", tasks: 1, own: 30, inner: [leaf("x", 40), leaf("x", 30)] },
      { node: "keeps", tasks: 1, own: 30, inner: [leaf("y", 20)] },
      { node: "keeps", tasks: 1, own: 20, inner: [leaf("y", 30)] },
    ]);
  });

  test("has a part for each attempt, also where a dead worker left the inside without the outside", () => {
    const deep = "outer:o|mid:m";
    const path = criticalPath([
      ran("leaf", 10, 20, { checkpoint_ns: deep }),
      ran("outer", 100, 60, { task_id: "o", attempt: 2 }),
      ran("mid", 105, 50, { checkpoint_ns: "outer:o", task_id: "m", attempt: 2 }),
      ran("leaf", 110, 40, { checkpoint_ns: deep, attempt: 2 }),
    ]);
    expect(shown(path)).toEqual([
      { node: "outer", tasks: 1, own: 0, inner: [{ node: "mid", tasks: 1, own: 0, inner: [leaf("leaf", 20)] }] },
      { node: "outer", tasks: 1, own: 10, inner: [{ node: "mid", tasks: 1, own: 10, inner: [leaf("leaf", 40)] }] },
    ]);
  });

  test("gives overlapping calls of models and tools no more time than there was", () => {
    const [step] = criticalPath([ran("a", 0, 100, { model_ms: 300, tool_ms: 100 })]);
    expect(step).toMatchObject({ model_ms: 75, tool_ms: 25, work_ms: 0 });
  });

  test("is found at once among thousands of subgraphs", () => {
    const many = Array.from({ length: 3_000 }, (_, index) => [
      ran("outer", 0, 100, { task_id: `o${index}`, checkpoint_id: "c" }),
      ran("inner", 1, index, { checkpoint_ns: `outer:o${index}` }),
      ran("inner", 1, 5, { checkpoint_ns: `lost:x${index}` }),
    ]).flat();
    expect(criticalPath(many)).toHaveLength(3_001);
  });
});

test("a node inside a subgraph is named by where it is", () => {
  expect(pathName({ checkpoint_ns: "", node: "a" })).toBe("a");
  expect(pathName({ checkpoint_ns: "outer:1f0|2|mid:2e", node: "a" })).toBe("outer/mid/a");
  expect(pathName({ checkpoint_ns: "keeps", node: "a" })).toBe("keeps/a");
});

describe("where the time went", () => {
  const DAY = 86_400_000;

  test("keeps waiting for a person apart from work, and counts it once for questions asked at once", () => {
    const path = criticalPath([
      ran("a", 110, 60, { model_ms: 40, tool_ms: 10 }),
      ran("b", 2 * DAY + 120, 30, { run_id: "r2" }),
    ]);
    const runs = [
      { dueMs: 100, endedMs: 180, attempts: [{ startedMs: 105, endedMs: 180 }] },
      { dueMs: 2 * DAY, endedMs: 2 * DAY + 200, attempts: [{ startedMs: 2 * DAY + 20, endedMs: 2 * DAY + 200 }] },
    ];
    const waits = [
      { openedMs: 180, answeredMs: 2 * DAY },
      { openedMs: 180, answeredMs: DAY },
    ];
    expect(timeSpent(runs, waits, path, 9 * DAY)).toEqual({
      total_ms: 2 * DAY + 100,
      queue_ms: 25,
      person_ms: 2 * DAY - 180,
      recovery_ms: 0,
      model_ms: 40,
      tool_ms: 10,
      work_ms: 40,
      engine_ms: 165,
    });
  });

  test("goes on until now where a question is open or a run has no end", () => {
    const ended = [{ dueMs: 0, endedMs: 50, attempts: [{ startedMs: 10, endedMs: 50 }] }];
    expect(timeSpent(ended, [{ openedMs: 50, answeredMs: null }], [], 1_000)).toMatchObject({
      total_ms: 1_000,
      person_ms: 950,
    });
    const queued = [{ dueMs: 100, endedMs: null, attempts: [] }];
    expect(timeSpent(queued, [], [], 400)).toMatchObject({ total_ms: 300, queue_ms: 300, engine_ms: 0 });
    // It waits for its time.
    expect(timeSpent(queued, [], [], 50)).toMatchObject({ total_ms: 0, queue_ms: 0 });
  });

  test("tells the time between attempts from work, also after the last one", () => {
    const attempts = [
      { startedMs: 10, endedMs: 100 },
      { startedMs: 300, endedMs: 350 },
    ];
    expect(timeSpent([{ dueMs: 0, endedMs: 350, attempts }], [], [], 999)).toMatchObject({
      queue_ms: 10,
      recovery_ms: 200,
      engine_ms: 140,
    });
    expect(timeSpent([{ dueMs: 0, endedMs: null, attempts }], [], [], 400)).toMatchObject({ recovery_ms: 250 });
  });
});

test("a node's executions are summed up once each, whatever became of them", () => {
  const one = { checkpoint_id: "c", task_id: "same" };
  const executions = [
    ran("ask", 0, 10, { ...one, status: "interrupted" }),
    ran("ask", 100, 20, { ...one, run_id: "r2", cost: 0.5, input_tokens: 7, write_keys: ["b", "a"], write_bytes: 3 }),
    ran("fan", 200, 5, { checkpoint_id: "f", is_cached: true, tries: 0 }),
    ran("fan", 200, 15, { checkpoint_id: "f", status: "error", error_class: "RangeError", tries: 3 }),
    ran("fan", 200, 1, { checkpoint_id: "f", status: "cancelled" }),
  ];
  const [ask, fan, ...others] = summariseNodes(executions, criticalPath(executions));
  expect(others).toEqual([]);
  expect(ask).toMatchObject({
    node: "ask",
    tasks: 1,
    executions: 2,
    duration_ms: 30,
    longest_ms: 20,
    path_ms: 30,
    statuses: { interrupted: 1, success: 1 },
    cost: 0.5,
    input_tokens: 7,
    write_keys: ["a", "b"],
    write_bytes: 3,
  });
  expect(fan).toMatchObject({
    tasks: 3,
    executions: 3,
    tries: 4,
    path_ms: 15,
    cached: 1,
    statuses: { success: 1, error: 1, cancelled: 1 },
    errors: { RangeError: 1 },
    cost: null,
  });
  expect((ask?.path_share ?? 0) + (fan?.path_share ?? 0)).toBeCloseTo(1);
});
