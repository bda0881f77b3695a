import { expect, test } from "vitest";
import { type GuardedRequest, refuseSideDoors, refuseSwitches } from "../../src/policy/guarded.ts";

const rest: GuardedRequest = {
  kind: "run",
  kwargs: { input: {} },
  head_checkpoint_id: "head",
  live_reviews: 0,
  thread_status: "idle",
};

const refusal = (request: Partial<GuardedRequest>) => {
  try {
    refuseSideDoors({ ...rest, ...request });
    return null;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test.each([
  ["input on a thread at rest", {}],
  ["an empty input that tries a failed step again", { kwargs: { input: null }, thread_status: "error" }],
  [
    "an ordinary configuration",
    { kwargs: { input: {}, config: { configurable: { user: "ana" } }, context: { region: "eu" } } },
  ],
  ["the head as the checkpoint to start from", { kwargs: { input: null, checkpoint: { checkpoint_id: "head" } } }],
  ["a copy of a thread at rest", { kind: "copy" }],
  ["a copy of a thread that asks", { kind: "copy", thread_status: "interrupted", live_reviews: 1 }],
] satisfies [string, Partial<GuardedRequest>][])("lets through %s", (_what, request) => {
  expect(refusal(request)).toBeNull();
});

test.each([
  ["a state edit", { kind: "state_update" }],
  ["a jump", { kwargs: { input: null, command: { goto: "pay" } } }],
  ["an update", { kwargs: { input: null, command: { update: { approved: true } } } }],
  ["breakpoints taken away", { kwargs: { input: {}, interrupt_before: [] } }],
  ["breakpoints put in", { kwargs: { input: {}, interrupt_after: "*" } }],
  ["an internal key", { kwargs: { input: {}, config: { configurable: { __pregel_resuming: true } } } }],
  ["the middleware's switch in the context", { kwargs: { input: {}, context: { interruptOn: {} } } }],
  [
    "the middleware's switch in the configuration",
    { kwargs: { input: {}, config: { configurable: { interruptOn: {} } } } },
  ],
  ["the middleware's words in the context", { kwargs: { input: {}, context: { descriptionPrefix: "" } } }],
  ["an old checkpoint", { kwargs: { input: null, checkpoint: { checkpoint_id: "old" } } }],
  [
    "an old checkpoint inside the configuration",
    { kwargs: { input: null, config: { configurable: { checkpoint_id: "old" } } } },
  ],
  [
    "another thread inside the configuration",
    { kwargs: { input: null, config: { configurable: { thread_id: "other" } } } },
  ],
  ["a subgraph's namespace", { kwargs: { input: null, checkpoint: { checkpoint_ns: "pay:1" } } }],
  [
    "a subgraph's namespace inside the configuration",
    { kwargs: { input: null, config: { configurable: { checkpoint_ns: "pay:1" } } } },
  ],
  ["input while a question waits", { live_reviews: 1, thread_status: "interrupted" }],
  ["an empty input while a question waits", { kwargs: { input: null }, live_reviews: 1, thread_status: "interrupted" }],
  ["a copy of a thread that failed", { kind: "copy", thread_status: "error" }],
  ["a copy of a thread that works", { kind: "copy", thread_status: "busy" }],
  ["a copy of a thread whose answer is stale", { kind: "copy", thread_status: "interrupted" }],
] satisfies [string, Partial<GuardedRequest>][])("closes the road of %s", (_what, request) => {
  expect(refusal(request)).toBe("guarded");
});

test.each([
  ["no switch", { input: {}, context: { region: "eu" }, config: { configurable: { user: "ana" } } }, null],
  ["the name of one as a value", { input: { interruptOn: {} }, context: "interruptOn" }, null],
  ["its words in the context", { context: { descriptionPrefix: "x" } }, "context.descriptionPrefix"],
  ["it in the context, switched on", { context: { interruptOn: { pay: true } } }, "context.interruptOn"],
  ["it in the configuration", { config: { configurable: { interruptOn: {} } } }, "config.configurable.interruptOn"],
])("tells on every graph of a run with %s", (_what, kwargs, place) => {
  const wanted = place === null ? null : `${place} cannot be set from outside`;
  expect(refuseSwitches("run", kwargs, true)?.why ?? null).toBe(wanted);
  const refused = () => refuseSwitches("run", kwargs);
  if (place === null) expect(refused()).toBeNull();
  else expect(refused).toThrow(expect.objectContaining({ code: "guarded", message: expect.stringContaining(place) }));
});
