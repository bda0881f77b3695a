import { expect, test } from "vitest";
import { z } from "zod";
import { RefundInput } from "../../workflows/refund-approval/state.ts";
import { refundExample } from "../support/refund-shop.ts";

test("the input's schema offers examples of the three ways a refund can go, the same as the files", async () => {
  const { properties } = z.toJSONSchema(RefundInput) as { properties: Record<string, { examples: string[] }> };
  const offered = properties["email"]?.examples.map((email, place) => ({
    email,
    message: properties["message"]?.examples[place],
  }));
  expect(offered).toEqual(await Promise.all(["large", "small", "unknown-invoice"].map(refundExample)));
});
