import { it } from "vitest";
import { type Kill, survive } from "./refund.ts";

// The puts of the resumed run go on from the five of the first: 6 after review, 7 after execute, 8 after finalize.
it.each<[string, Kill]>([
  ["when the decision is recorded and not committed", { at: "decide.recorded", undecided: true }],
  ["when the decision is committed and not answered", { at: "decide.committed" }],
  ["when the run that carries the answer is claimed", { at: "run.claimed:2" }],
  ["when the answer was read, before the checkpoint", { at: "checkpoint.before_put:6", under_way: "review" }],
  ["before the intent", { at: "effect.before_intent", under_way: "execute" }],
  ["after the intent", { at: "effect.intent_written", under_way: "execute" }],
  ["after the refund and before its receipt", { at: "effect.executed", under_way: "execute" }],
  ["after the receipt and before the checkpoint", { at: "effect.receipt_written", under_way: "execute" }],
  ["before the checkpoint that holds the receipt", { at: "checkpoint.before_put:7", under_way: "execute" }],
  ["after the last checkpoint and before the run's end", { at: "run.before_finish:2" }],
  ["while the run is being ended", { at: "finish.reviews_opened:2" }],
  ["after the run's end", { at: "run.finished:2" }],
])(
  "a process that is killed %s is followed by one that pays once",
  async (_where, kill) => {
    await survive(kill);
  },
  120_000,
);
