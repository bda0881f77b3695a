import { it } from "vitest";
import { type Kill, survive } from "./refund.ts";

// The puts of the first run: 1 the input, 2 before analyze, 3 after analyze, 4 after validate, 5 after propose.
it.each<[string, Kill]>([
  ["before the first checkpoint is written", { at: "checkpoint.before_put:1" }],
  ["after the input checkpoint", { at: "checkpoint.after_put:1" }],
  ["after a node, before its checkpoint", { at: "checkpoint.before_put:4", under_way: "validate" }],
  ["after a node's checkpoint", { at: "checkpoint.after_put:4" }],
  ["when the last checkpoint is written and the run has not ended", { at: "run.before_finish" }],
  ["while the review is being opened", { at: "finish.reviews_opened" }],
  ["after the review was opened", { at: "run.finished" }],
])(
  "a process that is killed %s is followed by one that asks once and pays once",
  async (_where, kill) => {
    await survive({ ...kill, undecided: true });
  },
  120_000,
);
