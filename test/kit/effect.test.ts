import { Command, END, MemorySaver, START, StateGraph, StateSchema } from "@langchain/langgraph";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { database } from "../../src/kit/database.ts";
import { type EffectOptions, effect } from "../../src/kit/effect.ts";
import { notDone } from "../../src/kit/not-done.ts";
import { currentPorts } from "../../src/kit/ports.ts";
import { HoldpointError, isHoldpointError } from "../../src/protocol/errors.ts";
import type { ReviewValue } from "../../src/protocol/interrupt.ts";
import type { Json } from "../../src/protocol/json.ts";
import { createMemoryEffects, withTestPorts } from "../../src/testing.ts";

const State = new StateSchema({ done: z.array(z.unknown()).default([]) });
const thread = { configurable: { thread_id: "t" } };

/** A graph of one node, checkpointed, so that it can fail and go on. */
function graphOf(node: () => Promise<unknown[]>, maxAttempts?: number) {
  const retryPolicy = {
    maxAttempts: maxAttempts ?? 1,
    initialInterval: 1,
    jitter: false,
    logWarning: false,
    retryOn: () => true,
  };
  return new StateGraph(State)
    .addNode("work", async () => ({ done: await node() }), { retryPolicy })
    .addEdge(START, "work")
    .addEdge("work", END)
    .compile({ checkpointer: new MemorySaver() });
}

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

/** Counts how often it was really done. */
function counter() {
  const ids: string[] = [];
  return {
    ids,
    options: (change: Partial<EffectOptions<object, unknown>> = {}): EffectOptions<object, unknown> => ({
      name: "count",
      kind: "idempotent",
      args: { by: 1 },
      run: async ({ effect_id }) => {
        ids.push(effect_id);
        return { count: ids.length, nothing: undefined };
      },
      ...change,
    }),
  };
}

describe("effect()", () => {
  test("is done once and its receipt is given to a node that runs again", async () => {
    const effects = createMemoryEffects();
    const { ids, options } = counter();
    let failing = true;
    const graph = graphOf(async () => {
      const result = await effect(options());
      if (failing) throw new Error("after the effect");
      return [result];
    });
    await withTestPorts({ effects }, async () => {
      await expect(graph.invoke({}, thread)).rejects.toThrow("after the effect");
      failing = false;
      expect(await graph.invoke(null, thread)).toEqual({ done: [{ count: 1 }] });
    });
    expect(ids).toHaveLength(1);
    expect(effects.recorded).toMatchObject([
      {
        key: "count",
        name: "count",
        kind: "idempotent",
        args: { by: 1 },
        status: "receipt",
        attempts: 1,
        result: { count: 1 },
      },
    ]);
  });

  test("is done again, under the same id, when it is idempotent and has no receipt", async () => {
    const ids: string[] = [];
    const graph = graphOf(async () => {
      const run = async ({ effect_id }: { effect_id: string }) => {
        ids.push(effect_id);
        if (ids.length < 3) throw new Error("lost");
        return "done";
      };
      return [await effect({ name: "send", kind: "idempotent", args: {}, run })];
    }, 3);
    expect(await withTestPorts({}, () => graph.invoke({}, thread))).toEqual({ done: ["done"] });
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(1);
  });

  test.each<[string, Json, { log: unknown; attempts: number }]>([
    ["happened", { happened: "paid" }, { log: ["paid"], attempts: 1 }],
    ["is to be tried again", { try_again: true }, { log: ["done 2"], attempts: 2 }],
  ])("of kind once is never started twice by itself: a person says that it %s", async (_name, value, then) => {
    const { clock, effects, graph, state } = doubtful();
    await withTestPorts({ effects, clock }, async () => {
      await graph.invoke({}, thread);
      const asked = await state();
      expect(asked).toMatchObject({ key: "effect_in_doubt", title: 'Did "send" happen?' });
      // Nobody is asked as long as something may come of it: 30 seconds and a margin.
      expect(clock.now()).toBeGreaterThan(30_000);
      expect(effects.recorded).toMatchObject([{ status: "intent", attempts: 1, error: "lost" }]);
      const decisions = [{ action: 0, type: "respond", value }];
      const resume = { value_digest: asked.value_digest, decisions };
      expect(await graph.invoke(new Command({ resume }), thread)).toMatchObject({ done: then.log });
      expect(effects.recorded).toMatchObject([{ status: "receipt", attempts: then.attempts }]);
    });
  });

  test("that a person gives up is not done, and the node is told why", async () => {
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

  test("of kind once outside of a graph is in doubt, because nobody can be asked", async () => {
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
  ])("may be tried again in the same node where its error %s", async (_name, error) => {
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

  test("that is held back waits for its time, or for its recall", async () => {
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

  test("records nothing that is kept secret, and still knows it again", async () => {
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

  test("tells two effects of one task apart by their keys", async () => {
    const { ids, options } = counter();
    const graph = graphOf(async () =>
      Promise.all([effect(options({ key: "a" })), effect(options({ key: "b" })), effect(options())]),
    );
    await withTestPorts({}, () => graph.invoke({}, thread));
    expect(new Set(ids).size).toBe(3);
  });

  test.each([
    [
      "one after the other",
      async (options: EffectOptions<object, unknown>) => [await effect(options), await effect(options)],
    ],
    ["at the same time", (options: EffectOptions<object, unknown>) => Promise.all([effect(options), effect(options)])],
  ])("refuses one key twice in one task, %s", async (_name, body) => {
    const { ids, options } = counter();
    const error: unknown = await withTestPorts({}, () => graphOf(() => body(options())).invoke({}, thread)).catch(
      (thrown: unknown) => thrown,
    );
    expect(isHoldpointError(error) && error.code).toBe("effect_key_reused");
    expect((error as Error).message).toMatch(/"count" a second time in one task; give each call its own key/);
    expect(ids.length).toBeLessThanOrEqual(1);
  });

  test("is a new effect in a new step and in another thread", async () => {
    const { ids, options } = counter();
    const graph = graphOf(async () => [await effect(options())]);
    await withTestPorts({}, async () => {
      await graph.invoke({}, thread);
      await graph.invoke({}, thread);
      await graph.invoke({}, { configurable: { thread_id: "other" } });
    });
    expect(new Set(ids).size).toBe(3);
  });

  test.each<[string, Partial<EffectOptions<object, unknown>>, RegExp]>([
    [
      "args that are no JSON",
      { args: { at: new Date() } },
      /the args of effect "count" cannot be recorded: the value at "\/at" is a Date/,
    ],
    ["args with half a character", { args: { text: "\ud83d" } }, /lone surrogate/],
    ["a result that is no JSON", { run: async () => 10n }, /the result of effect "count" cannot be recorded/],
    ["a time-out of nothing", { timeout_ms: 0 }, /timeout_ms 0; give a number above 0/],
    ["an endless time-out", { timeout_ms: Number.POSITIVE_INFINITY }, /timeout_ms Infinity/],
    [
      "to be held back for more than a day",
      { hold_back: "25h" },
      /hold_back "25h"; give a span such as "10m", "24h" at most/,
    ],
    ["to be held back for nothing", { hold_back: "0s" }, /hold_back "0s"/],
    ["to be held back for what is no time", { hold_back: "soon" as "1s" }, /hold_back "soon"/],
    ["to hold back what changes nothing", { kind: "read", hold_back: "1m" }, /nothing to hold back/],
    ["a redaction that is no pointer", { redact: ["card"] }, /redacts "card", which is no JSON pointer/],
  ])("refuses %s", async (_name, change, message) => {
    await expect(withTestPorts({}, () => effect(counter().options(change)))).rejects.toThrow(message);
  });

  test("without a result has null for a receipt", async () => {
    const run = async () => undefined;
    expect(await withTestPorts({}, () => effect({ name: "tell", kind: "once", args: {}, run }))).toBeNull();
  });

  test("is told when its time is over and when the run is", async () => {
    const run = ({ signal }: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    await expect(
      withTestPorts({}, () => effect({ name: "wait", kind: "read", args: {}, timeout_ms: 5, run })),
    ).rejects.toThrow(/timeout/);
    const controller = new AbortController();
    const waiting = withTestPorts({ signal: controller.signal }, () =>
      effect({ name: "wait", kind: "read", args: {}, run }),
    );
    controller.abort(new Error("cancelled"));
    await expect(waiting).rejects.toThrow("cancelled");
  });
});

describe("the ports", () => {
  test.each([
    ["effect()", () => effect(counter().options())],
    ["database()", async () => database("chinook")],
    ["currentPorts()", async () => currentPorts()],
  ])("%s outside a run says what to do", async (_name, body) => {
    const error: unknown = await body().catch((thrown: unknown) => thrown);
    expect(isHoldpointError(error) && error.code).toBe("outside_run");
    expect((error as Error).message).toMatch(/withTestPorts\(\) from holdpoint\/testing/);
  });

  test("a database that the test did not give is named", () => {
    expect(() => withTestPorts({}, () => database("ledger"))).toThrow(/no database "ledger" in this test/);
  });
});
