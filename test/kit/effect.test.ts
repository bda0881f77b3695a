import { describe, expect, test } from "vitest";
import { database } from "../../src/kit/database.ts";
import { type EffectOptions, effect } from "../../src/kit/effects/effect.ts";
import { currentPorts } from "../../src/kit/ports.ts";
import { isHoldpointError } from "../../src/protocol/errors.ts";
import { createMemoryEffects, withTestPorts } from "../../src/testing.ts";
import { counter, graphOf, thread } from "./effect-scene.ts";

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
    ["to have no name", { name: "" }, /needs a name and a key of 1 to 500 characters/],
    ["an endless key", { key: "k".repeat(501) }, /needs a name and a key/],
    ["a key that cannot be stored", { key: "a\0b" }, /needs a name and a key/],
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
