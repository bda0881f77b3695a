import { describe, expect, test } from "vitest";
import {
  type GraphNow,
  reachableFrom,
  redeployRefusal,
  type StandingQuestion,
  shapeFrom,
} from "../../src/policy/review/redeploy.ts";
import type { NodeShape, Topology } from "../../src/protocol/graph-shape.ts";
import { DEFAULT_REVIEW_POLICY } from "../../src/protocol/review-policy.ts";

const nodes: Record<string, NodeShape> = {
  __start__: { to: ["propose"] },
  propose: { to: ["ask"] },
  ask: { to: ["pay", "refuse"] },
  pay: { to: ["done"], inner: { nodes: { send: { to: ["__end__"] } }, keys: { amount: "LastValue" } } },
  refuse: { to: ["done"] },
  done: { to: ["__end__"], waits_for: [["pay", "refuse"]] },
};
const keys = { amount: "LastValue", log: "BinaryOperatorAggregate" };
const then: Topology = { nodes, keys };

const review: StandingQuestion = {
  flavour: "review",
  node: "ask",
  graph_fingerprint: "sha256:old",
  graph_shape: shapeFrom(then, ["ask"], null),
  policy: JSON.stringify(DEFAULT_REVIEW_POLICY),
  finished: false,
};
const plain: StandingQuestion = { ...review, flavour: "raw", graph_shape: shapeFrom(then, ["ask"], "sha256:code") };

const now: GraphNow = {
  fingerprint: "sha256:new",
  topology: then,
  codeDigest: () => "sha256:other",
  state: { held: ["amount", "log"], faults: [], missing: [] },
};
const withNodes = (changed: Record<string, NodeShape | undefined>): GraphNow => ({
  ...now,
  topology: {
    keys,
    nodes: Object.fromEntries(Object.entries({ ...nodes, ...changed }).filter(([, node]) => node)) as Record<
      string,
      NodeShape
    >,
  },
});

describe("an answer to a review() under other code", () => {
  test("is given to the same code without looking any further", () => {
    const same = { ...withNodes({ pay: undefined }), fingerprint: "sha256:old" };
    expect(redeployRefusal(review, same)).toBeNull();
    expect(redeployRefusal({ ...plain, graph_shape: null }, same)).toBeNull();
  });

  test.each<[string, GraphNow]>([
    ["everything onwards is the same", now],
    ["the way to the question is another one", withNodes({ propose: { to: ["check"] }, check: { to: ["ask"] } })],
    ["a node before the question is gone", withNodes({ propose: undefined })],
    ["there is a node that nothing leads to from here", withNodes({ spare: { to: ["pay"] } })],
    [
      "the state has a new key that may be left out",
      { ...now, topology: { nodes, keys: { ...keys, note: "LastValue" } } },
    ],
    [
      "a key that holds nothing is gone",
      { ...now, topology: { nodes, keys: { amount: "LastValue" } }, state: { ...now.state, held: ["amount"] } },
    ],
    ["a key lacks its value as it did before", { ...now, state: { ...now.state, missing: ["amount"] } }],
  ])("fits where %s", (_what, graph) => {
    expect(redeployRefusal(review, graph)).toBeNull();
  });

  test.each<[string, GraphNow]>([
    ['node "ask", which asked, is gone', withNodes({ ask: undefined })],
    ['node "done" is gone', withNodes({ done: undefined })],
    [
      'after "ask" the graph now goes to "fraud_check" instead of "pay" or "refuse"',
      withNodes({ ask: { to: ["fraud_check"] }, fraud_check: { to: ["pay"] } }),
    ],
    ['after "ask" the graph now goes to any node instead of "pay" or "refuse"', withNodes({ ask: { to: ["*"] } })],
    ['after "refuse" the graph now goes to its end instead of "done"', withNodes({ refuse: { to: ["__end__"] } })],
    ['after "refuse" the graph now goes to nothing instead of "done"', withNodes({ refuse: { to: [] } })],
    [
      'node "done" now waits for "pay" instead of "pay" and "refuse"',
      withNodes({ done: { to: ["__end__"], waits_for: [["pay"]] } }),
    ],
    ['node "done" now waits for nobody instead of "pay" and "refuse"', withNodes({ done: { to: ["__end__"] } })],
    ['what happens when node "refuse" fails has changed', withNodes({ refuse: { to: ["done"], on_error: "done" } })],
    ['node "refuse" now runs last', withNodes({ refuse: { to: ["done"], deferred: true } })],
    ['node "pay" is no longer a graph of its own', withNodes({ pay: { to: ["done"] } })],
    ['node "refuse" is now a graph of its own', withNodes({ refuse: { to: ["done"], inner: then } })],
    [
      'inside "pay", node "send" is gone',
      withNodes({ pay: { to: ["done"], inner: { nodes: {}, keys: { amount: "LastValue" } } } }),
    ],
    [
      'inside "pay", the state key "amount" is gone, and this thread has a value in it',
      withNodes({ pay: { to: ["done"], inner: { nodes: { send: { to: ["__end__"] } }, keys: {} } } }),
    ],
    [
      'the state key "amount" is gone, and this thread has a value in it',
      { ...now, topology: { nodes, keys: { log: "BinaryOperatorAggregate" } } },
    ],
    [
      'the state key "log" is now kept as LastValue instead of BinaryOperatorAggregate',
      { ...now, topology: { nodes, keys: { amount: "LastValue", log: "LastValue" } } },
    ],
    [
      'the state key "amount" no longer fits: expected number, received string',
      { ...now, state: { ...now.state, faults: [{ key: "amount", message: "expected number, received string" }] } },
    ],
    [
      'the graph now needs the state key "currency", which this thread does not have',
      { ...now, state: { ...now.state, missing: ["amount", "currency"] } },
    ],
  ])("is refused with what changed: %s", (reason, graph) => {
    expect(redeployRefusal(review, graph)).toBe(reason);
    expect(redeployRefusal(plain, graph)).toBe(reason);
  });

  test("is refused where nothing was kept of the graph that asked", () => {
    expect(redeployRefusal({ ...review, graph_shape: null }, now)).toMatch(/nothing was kept/);
  });

  test("is refused where its policy cannot be read any more, under the same code too", () => {
    const policy = JSON.stringify({ ...DEFAULT_REVIEW_POLICY, on_timeout: "explode" });
    expect(redeployRefusal({ ...review, policy }, { ...now, fingerprint: "sha256:old" })).toMatch(
      /^its policy cannot be read/,
    );
  });
});

describe("an answer to anything else under other code", () => {
  const same = { ...now, codeDigest: () => "sha256:code" };

  test.each(["raw", "schema", "breakpoint"] as const)(
    "is refused to %s unless the code that runs is the same",
    (flavour) => {
      expect(redeployRefusal({ ...plain, flavour }, now)).toMatch(/code has changed/);
      expect(redeployRefusal({ ...plain, flavour }, same)).toBeNull();
    },
  );

  test("is not asked for again where its task is done: then the way onwards counts alone", () => {
    expect(redeployRefusal({ ...plain, finished: true }, now)).toBeNull();
    expect(redeployRefusal({ ...plain, finished: true }, withNodes({ pay: undefined }))).not.toBeNull();
  });

  test("is never taken because both digests are missing", () => {
    const shape = shapeFrom(then, ["ask"], null);
    expect(redeployRefusal({ ...plain, graph_shape: shape }, now)).toMatch(/code has changed/);
  });
});

test("what can be reached is found nearest first, through errors and routers, and once only", () => {
  const loop: Topology = {
    keys: {},
    nodes: { a: { to: ["b"], on_error: "e" }, b: { to: ["a", "__end__"] }, e: { to: [] }, far: { to: ["*"] } },
  };
  expect(reachableFrom(loop, ["a"])).toEqual(["a", "b", "e"]);
  expect(reachableFrom(loop, ["far"])).toEqual(["far", "a", "b", "e"]);
  expect(reachableFrom(loop, ["gone"])).toEqual([]);
});
