import { Command } from "@langchain/langgraph";
import { expect, test } from "vitest";
import { answerOptions } from "../../src/cli/answer-example.ts";
import { effect } from "../../src/kit/effects/effect.ts";
import { notDone } from "../../src/kit/effects/not-done.ts";
import { HoldpointError, isHoldpointError } from "../../src/protocol/errors.ts";
import type { ReviewAction, ReviewValue } from "../../src/protocol/interrupt.ts";
import type { Json } from "../../src/protocol/json.ts";
import { createMemoryEffects, withTestPorts } from "../../src/testing.ts";
import { counter, graphOf, thread } from "./effect-scene.ts";

/** A clock that is moved by whoever waits. */
function quickClock() {
  let now = 0;
  const clock = {
    onSleep: () => {},
    now: () => now,
    async sleep(ms: number) {
      now += ms;
      clock.onSleep();
    },
  };
  return clock;
}

/** A graph whose first call fails in a way that says nothing, and what it then asks. */
function doubtful() {
  let calls = 0;
  const run = async () => {
    calls += 1;
    if (calls === 1) throw new Error("lost");
    return `done ${calls}`;
  };
  const graph = graphOf(async () => [await effect({ name: "send", kind: "once", args: {}, run })]);
  const state = async () => {
    const [task] = (await graph.getState(thread)).tasks;
    return task?.interrupts[0]?.value as ReviewValue;
  };
  return { clock: quickClock(), effects: createMemoryEffects(), graph, state };
}

async function codeAndMessage(run: Promise<unknown>): Promise<[unknown, string]> {
  const error: unknown = await run.catch((thrown: unknown) => thrown);
  return [isHoldpointError(error) && error.code, (error as Error).message];
}

test.each<[string, Json, { log: unknown; attempts: number }]>([
  ["happened", { happened: "paid" }, { log: ["paid"], attempts: 1 }],
  ["is to be tried again", { try_again: true }, { log: ["done 2"], attempts: 2 }],
])("an effect of kind once is never started twice by itself: a person says that it %s", async (_name, value, then) => {
  const { clock, effects, graph, state } = doubtful();
  await withTestPorts({ effects, clock }, async () => {
    await graph.invoke({}, thread);
    const asked = await state();
    expect(asked).toMatchObject({ key: "effect_in_doubt", title: 'Did "send" happen?' });
    expect(answerOptions(asked.actions[0] as ReviewAction)).toEqual([
      `--value '{"happened": <its result>}'`,
      `--value '{"try_again": true}'`,
    ]);
    // Nobody is asked as long as something may come of it: 30 seconds and a margin.
    expect(clock.now()).toBeGreaterThan(30_000);
    expect(effects.recorded).toMatchObject([{ status: "intent", attempts: 1, error: "lost" }]);
    const decisions = [{ action: 0, type: "respond", value }];
    const resume = { value_digest: asked.value_digest, decisions };
    expect(await graph.invoke(new Command({ resume }), thread)).toMatchObject({ done: then.log });
    expect(effects.recorded).toMatchObject([{ status: "receipt", attempts: then.attempts }]);
  });
});

test("an effect that a person gives up is not done, and the node is told why", async () => {
  const { clock, effects, graph, state } = doubtful();
  await withTestPorts({ effects, clock }, async () => {
    await graph.invoke({}, thread);
    const { value_digest } = await state();
    const decisions = [{ action: 0, type: "reject", message: "too late" }];
    const error = await codeAndMessage(graph.invoke(new Command({ resume: { value_digest, decisions } }), thread));
    expect(error).toEqual(["effect_given_up", 'effect "send" was given up: too late']);
    expect(effects.recorded).toMatchObject([{ status: "failed", attempts: 1 }]);
  });
});

test("an effect of kind once outside of a graph is in doubt, because nobody can be asked", async () => {
  const lost = () => Promise.reject(new Error("lost"));
  const sent = withTestPorts({}, () => effect({ name: "send", kind: "once", args: {}, run: lost }));
  expect(await codeAndMessage(sent)).toEqual(["effect_in_doubt", expect.stringMatching(/nobody can be asked/)]);
});

test.each<[string, Error]>([
  ["is marked so", notDone(new Error("refused"))],
  ["is caused by one that is marked", new Error("refused", { cause: notDone(new Error("closed")) })],
  ["never reached anybody", Object.assign(new Error("connect"), { code: "ECONNREFUSED" })],
  ["found nobody", new Error("fetch failed", { cause: Object.assign(new Error("dns"), { code: "ENOTFOUND" }) })],
  ["is told by a tool", new HoldpointError("tool_failed", "it failed", { facts: { code: "EAI_AGAIN" } })],
])("an effect may be tried again in the same node where its error %s", async (_name, error) => {
  const effects = createMemoryEffects();
  const graph = graphOf(async () => {
    let calls = 0;
    const run = async () => {
      calls += 1;
      if (calls === 1) throw error;
      return calls;
    };
    const once = () => effect({ name: "send", kind: "once", args: {}, run });
    await expect(once()).rejects.toBe(error);
    return [await once()];
  });
  expect(await withTestPorts({ effects }, () => graph.invoke({}, thread))).toEqual({ done: [2] });
  expect(effects.recorded).toMatchObject([{ status: "receipt", attempts: 2 }]);
});

test("an effect that is held back waits for its time, or for its recall", async () => {
  const clock = quickClock();
  const effects = createMemoryEffects();
  const { ids, options } = counter();
  const graph = graphOf(async () => [await effect(options({ hold_back: "10m" }))]);
  await withTestPorts({ effects, clock }, async () => {
    expect(await graph.invoke({}, thread)).toEqual({ done: [{ count: 1 }] });
    expect(clock.now()).toBe(600_000);
    const [done] = effects.recorded;
    expect(() => effects.recall(done?.effect_id as string, "wrong")).toThrow(/is receipt; only what is held/);
    clock.onSleep = () => {
      const waiting = effects.recorded.find(({ status }) => status === "held");
      if (clock.now() > 900_000 && waiting !== undefined) effects.recall(waiting.effect_id, "wrong invoice");
    };
    const other = { configurable: { thread_id: "other" } };
    const error = ["effect_recalled", expect.stringMatching(/recalled before it started: wrong invoice/)];
    expect(await codeAndMessage(graph.invoke({}, other))).toEqual(error);
    expect(await codeAndMessage(graph.invoke(null, other))).toEqual(error);
    expect(clock.now()).toBeLessThan(1_200_000);
  });
  expect(ids).toHaveLength(1);
});

test("an effect records nothing that is kept secret, and still knows it again", async () => {
  const effects = createMemoryEffects();
  const options = (number: string) =>
    counter().options({
      args: { card: { number } },
      redact: ["/card/number"],
      run: async () => {
        throw new Error(`no ${number}`);
      },
    });
  let number = "4929";
  const graph = graphOf(async () => [await effect(options(number))]);
  await withTestPorts({ effects }, async () => {
    await expect(graph.invoke({}, thread)).rejects.toThrow("no 4929");
    expect(effects.recorded).toMatchObject([{ args: { card: { number: "[redacted]" } }, error: "no [redacted]" }]);
    expect(JSON.stringify(effects.recorded)).not.toContain("4929");
    number = "5105";
    expect(await codeAndMessage(graph.invoke(null, thread))).toEqual(["effect_key_reused", expect.any(String)]);
  });
});
