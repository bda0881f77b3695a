import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { joinSignals } from "../../src/kit/join-signals.ts";

test("a joined signal ends with the first that does, for its reason, and not after it was let go", () => {
  const [run, node] = [new AbortController(), new AbortController()];
  const first = joinSignals(run.signal, undefined, node.signal);
  const second = joinSignals(node.signal, run.signal);
  second.release();
  expect(getEventListeners(run.signal, "abort")).toHaveLength(1);
  node.abort(new Error("the node is late"));
  expect(first.signal?.reason).toEqual(new Error("the node is late"));
  expect(second.signal?.aborted).toBe(false);
  first.release();
  expect(getEventListeners(run.signal, "abort")).toEqual([]);
});

test("one signal alone is itself, none is none, and one that has ended has ended", () => {
  const [run, over] = [new AbortController(), AbortSignal.abort("over")];
  expect(joinSignals(undefined, undefined).signal).toBeUndefined();
  expect(joinSignals(run.signal, undefined).signal).toBe(run.signal);
  expect(joinSignals(run.signal, run.signal).signal).toBe(run.signal);
  expect(joinSignals(run.signal, over).signal).toBe(over);
  expect(getEventListeners(run.signal, "abort")).toEqual([]);
});
