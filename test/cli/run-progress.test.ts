import { expect, test } from "vitest";
import {
  advance,
  type ProgressLine,
  runningNodes,
  type StreamPart,
  startProgress,
} from "../../src/cli/run-progress.ts";

function linesOf(parts: readonly (StreamPart & { at?: number })[], isLive = true): ProgressLine[] {
  let progress = startProgress(0);
  const lines: ProgressLine[] = [];
  for (const part of parts) {
    const next = advance(progress, part, part.at ?? 0, isLive);
    progress = next.progress;
    lines.push(...next.lines);
  }
  return lines;
}
const node = (name: string, durationMs?: number, failed?: string) => ({ kind: "node", name, durationMs, failed });

test("a node is told when it ends, with the time from its start", () => {
  const lines = linesOf([
    { event: "metadata", data: { run_id: "r", attempt: 1 } },
    { event: "tasks", data: { id: "1", name: "analyze", input: {}, triggers: [] }, at: 100 },
    { event: "tasks", data: { id: "1", name: "analyze", result: [] }, at: 350 },
    { event: "updates", data: { analyze: {} }, at: 351 },
  ]);
  expect(lines).toEqual([node("analyze", 250)]);
});

test("nodes that run side by side are timed each on its own", () => {
  const lines = linesOf([
    { event: "tasks", data: { id: "1", name: "a", input: {} }, at: 0 },
    { event: "tasks", data: { id: "2", name: "b", input: {} }, at: 10 },
    { event: "tasks", data: { id: "2", name: "b", result: [] }, at: 20 },
    { event: "tasks", data: { id: "1", name: "a", result: [] }, at: 50 },
  ]);
  expect(lines).toEqual([node("b", 10), node("a", 50)]);
});

test("without tasks the updates tell which nodes are done", () => {
  const lines = linesOf([
    { event: "updates", data: { a: {}, b: {} }, at: 30 },
    { event: "updates", data: { __interrupt__: [{ value: 1 }] }, at: 40 },
  ]);
  expect(lines).toEqual([node("a", 30), node("b", 30)]);
});

test("times are left out where events are told again", () => {
  const lines = linesOf(
    [
      { event: "tasks", data: { id: "1", name: "a", input: {} } },
      { event: "tasks", data: { id: "1", name: "a", result: [] } },
    ],
    false,
  );
  expect(lines).toEqual([node("a")]);
});

test("a node that asks a person is not done", () => {
  const lines = linesOf([
    { event: "tasks", data: { id: "1", name: "review", input: {} } },
    { event: "tasks", data: { id: "1", name: "review", result: [], interrupts: [{ value: {} }] } },
  ]);
  expect(lines).toEqual([]);
});

test("a node that fails says why, and so does the run", () => {
  const lines = linesOf([
    { event: "tasks", data: { id: "1", name: "pay", error: "no money" } },
    { event: "error", data: { error: "TypeError", message: "no money" } },
  ]);
  expect(lines).toEqual([
    node("pay", undefined, "no money"),
    { kind: "error", error: "TypeError", message: "no money" },
  ]);
});

test("another attempt is told, and what the last one had under way is forgotten", () => {
  let { progress } = advance(startProgress(0), { event: "tasks", data: { id: "1", name: "a", input: {} } }, 0, true);
  expect(runningNodes(progress)).toEqual(["a"]);
  const next = advance(progress, { event: "metadata", data: { attempt: 2 } }, 5, true);
  progress = next.progress;
  expect(next.lines).toEqual([{ kind: "attempt", attempt: 2 }]);
  expect(runningNodes(progress)).toEqual([]);
});

test.each([null, 5, "text", [], {}, { id: 1 }])("an event that says %j is passed over", (data) => {
  const events = ["metadata", "tasks", "updates", "values", "end", "custom", "tasks|sub"];
  expect(linesOf(events.map((event) => ({ event, data }))).filter(({ kind }) => kind !== "node")).toEqual([]);
});
