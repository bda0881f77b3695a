import { expect, test } from "vitest";
import { type QueuedRuns, viewQueue } from "../../src/policy/queue.ts";

const row = (graph_id: string, more: Partial<QueuedRuns>): QueuedRuns => ({
  graph_id,
  priority: 50,
  pending: 0,
  ready: 0,
  later: 0,
  running: 0,
  oldest_wait_seconds: null,
  ...more,
});

test("a graph's counts are summed over its priorities, and who is neither ready nor early is behind another", () => {
  const rows = [
    row("a", { priority: 90, pending: 2, ready: 2, oldest_wait_seconds: 3 }),
    row("a", { pending: 5, ready: 1, later: 1, running: 2, oldest_wait_seconds: 60 }),
  ];
  const { graphs, ...sums } = viewQueue(rows, [], () => 2);
  const expected = { pending: 7, ready: 3, behind: 3, later: 1, running: 2, oldest_wait_seconds: 60 };
  expect(sums).toEqual(expected);
  expect(graphs).toEqual([
    {
      graph_id: "a",
      ...expected,
      limit: 2,
      loaded_by: 0,
      priorities: [
        { priority: 90, pending: 2 },
        { priority: 50, pending: 5 },
      ],
    },
  ]);
});

test("the graph with the longest wait comes first, and each says how many live workers can run it", () => {
  const rows = [
    row("idle", { running: 1 }),
    row("short", { pending: 1, ready: 1, oldest_wait_seconds: 1 }),
    row("long", { pending: 1, ready: 1, oldest_wait_seconds: 9 }),
  ];
  const { graphs } = viewQueue(rows, [["short", "idle"], ["short"]], () => null);
  expect(graphs.map(({ graph_id, loaded_by }) => [graph_id, loaded_by])).toEqual([
    ["long", 0],
    ["short", 2],
    ["idle", 1],
  ]);
});

test("an empty queue has waited for nothing", () => {
  expect(viewQueue([], [["a"]], () => null)).toMatchObject({ pending: 0, oldest_wait_seconds: null, graphs: [] });
});
