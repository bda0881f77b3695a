import { expect, test } from "vitest";
import { GRAPH_MARK, type GraphMark } from "../../src/protocol/graph-mark.ts";
import graph from "../../workflows/refund-approval.ts";
import { refundExample } from "../support/refund-shop.ts";

test("the workflow offers examples of the three ways a refund can go, the same as the files", async () => {
  const { examples } = (graph as { [GRAPH_MARK]?: GraphMark })[GRAPH_MARK] ?? {};
  expect(examples).toEqual(await Promise.all(["large", "small", "unknown-invoice"].map(refundExample)));
});
