import { MemorySaver, ReducedValue } from "@langchain/langgraph";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { currentPorts } from "../../src/kit/ports.ts";
import { workflow } from "../../src/kit/workflow/workflow.ts";
import { HoldpointError } from "../../src/protocol/errors.ts";
import { findingSchema } from "../../src/protocol/finding.ts";
import { withTestPorts } from "../../src/testing.ts";

const words = { name: "side-by-side", description: "Looks from many sides.", version: "1.0.0" };
const state = {
  speed: z.string().nullable().default(null),
  safety: z.string().nullable().default(null),
  findings: z.array(findingSchema).default([]),
  done: z.boolean().default(false),
};
const flow = workflow({ ...words, input: { text: z.string() }, state });
const early = { code: "before", severity: "low" as const, score: 0, text: "it was there before" };

type Look = (state: typeof flow.State, config: { signal?: AbortSignal }) => Promise<typeof flow.Update>;

function looking(speed: Look, safety: Look, timeout_ms?: number) {
  return flow
    .graph({
      nodes: {
        first: () => ({ findings: [early] }),
        look: flow.parallel({
          branches: { speed: { run: speed, ...(timeout_ms && { timeout_ms }) }, safety: { run: safety } },
          into: "findings",
        }),
        last: () => ({ done: true }),
      },
      edges: { start: "first", first: "look", look: "last", last: "end" },
    })
    .compile({ checkpointer: new MemorySaver() });
}
const safe: Look = async () => ({ safety: "safe" });
const thread = { configurable: { thread_id: "1" } };

describe("nodes in parallel", () => {
  test("run at the same time, each as a node of its own, and are joined before what comes next", async () => {
    const both = Promise.withResolvers<void>();
    let begun = 0;
    // Neither ends before both have begun.
    const together = async <Value>(value: Value) => {
      begun += 1;
      if (begun === 2) both.resolve();
      await both.promise;
      return value;
    };
    const graph = looking(
      async () => await together({ speed: "fast" }),
      async () => await together({ safety: "safe" }),
    );
    const steps: string[][] = [];
    for await (const chunk of await graph.stream({ text: "" }, { ...thread, streamMode: "updates" })) {
      steps.push(Object.keys(chunk));
    }
    expect(steps.flat().sort()).toEqual(["first", "last", "look", "look_join", "look_safety", "look_speed"]);
    expect(steps.at(-1)).toEqual(["last"]);
    const { values } = await graph.getState(thread);
    expect(values).toMatchObject({ speed: "fast", safety: "safe", findings: [early], done: true });
  });

  test.each([
    ["an error", async () => Promise.reject(new TypeError("key sk-123")), "speed: it failed (bug: TypeError)"],
    [
      "an error of the kit",
      async () => Promise.reject(new HoldpointError("model_failed", "it is off")),
      "speed: it is off",
    ],
    [
      "a status",
      async () => Promise.reject(Object.assign(new Error("sk"), { status: 503 })),
      "speed: it failed (provider: Error, HTTP 503)",
    ],
    ["no end", async () => await new Promise<never>(() => {}), "speed: it did not end in time"],
  ])("give a finding for a branch that ends with %s, and keep what the others give", async (_what, broken, text) => {
    const done = await looking(broken, safe, 20).invoke({ text: "" }, thread);
    const finding = { code: "speed_failed", severity: "medium", score: 0.5, text };
    expect(done).toMatchObject({ speed: null, safety: "safe", findings: [early, finding], done: true });
  });

  test("tell a branch that it is late, and what it calls", async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const slow: Look = async (_state, { signal }) => {
      signals.push(signal, currentPorts().signal);
      return await new Promise<never>(() => {});
    };
    await withTestPorts({}, async () => await looking(slow, safe, 20).invoke({ text: "" }, thread));
    expect(signals.map((signal) => (signal?.reason as Error | undefined)?.name)).toEqual([
      "TimeoutError",
      "TimeoutError",
    ]);
  });

  test("forget a failure that a later round does not have again", async () => {
    let rounds = 0;
    const looking = flow.parallel({
      branches: { speed: { run: async () => (rounds === 1 ? Promise.reject(new Error("no")) : { speed: "fast" }) } },
      into: "findings",
    });
    const seen: number[] = [];
    const graph = flow.graph({
      nodes: {
        count: () => {
          rounds += 1;
        },
        looking,
        again: flow.route({
          routes: ["count", "end"],
          choose: ({ findings }) => {
            seen.push(findings.length);
            return { to: rounds === 1 ? "count" : "end", reason: "" };
          },
        }),
      },
      edges: { start: "count", count: "looking", looking: "again" },
    });
    expect(await graph.compile().invoke({ text: "" })).toMatchObject({ speed: "fast", findings: [] });
    expect(seen).toEqual([1, 0]);
  });

  test("add to findings that are a list of their own reducer", async () => {
    const findings = new ReducedValue(z.array(findingSchema).default([]), {
      inputSchema: z.array(findingSchema),
      reducer: (all, more: z.infer<typeof findingSchema>[]) => [...all, ...more],
    });
    const adding = workflow({ ...words, input: {}, state: { findings } });
    const look = adding.parallel({
      branches: {
        a: { run: async () => ({ findings: [early] }) },
        b: { run: async () => Promise.reject(new Error("b")) },
        c: { run: async () => Promise.reject(new Error("c")) },
      },
      into: "findings",
    });
    const graph = adding.graph({ nodes: { look }, edges: { start: "look", look: "end" } }).compile();
    expect((await graph.invoke({})).findings.map(({ code }) => code)).toEqual(["before", "b_failed", "c_failed"]);
  });

  test("end the run for what is no branch's own failure", async () => {
    const stopped = new AbortController();
    const waiting: Look = async () => {
      stopped.abort(new Error("the lease is lost"));
      return await new Promise<never>(() => {});
    };
    const running = withTestPorts(
      { signal: stopped.signal },
      async () => await looking(waiting, safe).invoke({ text: "" }, thread),
    );
    await expect(running).rejects.toThrow("the lease is lost");
    const strange: Look = async () => ({ velocity: 1 }) as typeof flow.Update;
    await expect(looking(strange, safe).invoke({ text: "" })).rejects.toMatchObject({ code: "unknown_state_key" });
  });

  test("are refused by name where a branch could not be told as a finding", () => {
    const bad = () => flow.parallel({ branches: { "Not Safe": { run: safe } }, into: "findings" });
    expect(bad).toThrow(/the branch "Not Safe" cannot be told as a finding/);
    expect(() => flow.parallel({ branches: {}, into: "findings" })).toThrow(/was given no branch/);
  });
});
