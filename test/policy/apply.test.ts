import { expect, test } from "vitest";
import { applyDecisions, type DecidedReview, type HeadFacts } from "../../src/policy/review/apply.ts";

const ID = "0123456789abcdef0123456789abcdef";
const OTHER = "ffffffffffffffffffffffffffffffff";

const review: DecidedReview = {
  id: "review",
  node: "ask",
  task_id: "task",
  interrupt_id: ID,
  ordinal: 0,
  answers_read: 0,
  checkpoint_id: "head",
  value_digest: "sha256:shown",
  answer: "yes",
};

const head: HeadFacts = {
  checkpoint_id: "head",
  next_tasks: new Set(["task", "sibling"]),
  finished_tasks: new Set(),
  pending: new Map([[ID, "sha256:shown"]]),
  nodes: new Set(["ask"]),
};

test("given a question that waits, then it is answered by its id", () => {
  expect(applyDecisions([review], head)).toEqual({ kind: "answer", resume: { [ID]: "yes" } });
});

test("given an answer that was read already, then it is not sent again, even when its id still stands", () => {
  expect(applyDecisions([{ ...review, answers_read: 1 }], head)).toEqual({ kind: "continue" });
  expect(applyDecisions([{ ...review, answers_read: 1 }], { ...head, pending: new Map() })).toEqual({
    kind: "continue",
  });
});

test("given a second question of one task, then the answers read before it do not count", () => {
  expect(applyDecisions([{ ...review, ordinal: 1, answers_read: 1 }], head)).toMatchObject({ kind: "answer" });
  expect(applyDecisions([{ ...review, ordinal: 1, answers_read: 2 }], head)).toEqual({ kind: "continue" });
});

test("given a task whose output is stored, then there is nothing to answer", () => {
  expect(applyDecisions([review], { ...head, finished_tasks: new Set(["task"]), pending: new Map() })).toEqual({
    kind: "continue",
  });
});

test("given a breakpoint, then the graph goes on with nothing", () => {
  expect(
    applyDecisions([{ ...review, interrupt_id: null, answer: undefined }], { ...head, pending: new Map() }),
  ).toEqual({ kind: "continue" });
});

test("given a group of which one was read, then only the others are sent", () => {
  const other = { ...review, id: "other", task_id: "sibling", interrupt_id: OTHER, answer: "no" };
  const both = {
    ...head,
    pending: new Map([
      [ID, "sha256:shown"],
      [OTHER, "sha256:shown"],
    ]),
  };
  expect(applyDecisions([review, other], both)).toEqual({ kind: "answer", resume: { [ID]: "yes", [OTHER]: "no" } });
  expect(applyDecisions([{ ...review, answers_read: 1 }, other], both)).toEqual({
    kind: "answer",
    resume: { [OTHER]: "no" },
  });
});

test.each([
  ["the node is gone", { nodes: new Set(["renamed"]) }, "no longer has the node"],
  ["the thread has moved", { checkpoint_id: "later" }, "has moved from checkpoint head to later"],
  ["the thread has no checkpoint", { checkpoint_id: null }, "to none"],
  ["the task would not run", { next_tasks: new Set(["sibling"]) }, "would no longer run"],
  ["the question is not asked", { pending: new Map([[OTHER, "sha256:shown"]]) }, "no longer asks"],
  [
    "something else is shown",
    {
      pending: new Map([
        [ID, "sha256:else"],
        [OTHER, "sha256:shown"],
      ]),
    },
    "shows something else",
  ],
] satisfies [string, Partial<HeadFacts>, string][])(
  "stale when %s, and then nothing of the group is sent",
  (_what, facts, reason) => {
    const fine = { ...review, id: "fine", task_id: "sibling", interrupt_id: OTHER };
    const application = applyDecisions([fine, review], {
      ...head,
      pending: new Map([
        [ID, "sha256:shown"],
        [OTHER, "sha256:shown"],
      ]),
      ...facts,
    });
    expect(application).toMatchObject({ kind: "stale", reason: expect.stringContaining(reason) });
  },
);

test("an answer that is null is sent as null", () => {
  expect(applyDecisions([{ ...review, answer: undefined }], head)).toEqual({ kind: "answer", resume: { [ID]: null } });
});
