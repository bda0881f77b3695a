import { describe, expect, test } from "vitest";
import type { GraphSet } from "../../src/graphs/graph-set.ts";
import { concurrencyLimits, timeLimits } from "../../src/graphs/stated-limits.ts";
import { checkBudget } from "../../src/kit/models/budget-check.ts";
import { currentPorts, type RunFacts } from "../../src/kit/ports.ts";
import { underPolicies } from "../../src/runtime/graph-policies.ts";
import { knobs } from "../fixtures/workflows/lib/knobs.ts";
import { until } from "../support/until.ts";
import { house, openScene, valuesOf } from "./scene.ts";

openScene();

const query = async (text: string, values: unknown[] = []) => (await house.database.pool.query(text, values)).rows;

/** The run when it has ended. The end of another one of its graph makes the worker look again, beside what the test steps. */
async function ended(run_id: string) {
  await house.settle();
  return await until(`run ${run_id} has ended`, async () => {
    const run = await house.run(run_id);
    return run.status !== "pending" && run.status !== "running" ? run : undefined;
  });
}

describe("what a workflow states", () => {
  test("holds for its runs: how many at once, for how long, what they spend and how surely they are kept", async () => {
    const runs = [
      await house.start("stated", { input: { times: 1 } }),
      await house.start("stated", { input: { times: 1 } }),
    ];
    const seen: { facts: RunFacts; statuses: string[]; timeouts: unknown[] }[] = [];
    knobs.onVisit = async () => {
      const now = await Promise.all(runs.map(({ run_id }) => house.run(run_id)));
      seen.push({
        facts: currentPorts().run,
        statuses: now.map(({ status }) => status).sort(),
        timeouts: now.map(({ timeout_seconds }) => timeout_seconds).sort(),
      });
    };
    for (const { run_id } of runs) expect((await ended(run_id)).status).toBe("success");
    expect(seen.map(({ statuses }) => statuses)).toEqual([
      ["pending", "running"],
      ["running", "success"],
    ]);
    expect(seen[0]).toMatchObject({ facts: { budget: { tokens: 1000 } }, timeouts: [90, null] });
    const kept = await query("select distinct metadata->>'graph_version' as version from holdpoint.checkpoint");
    expect(kept).toEqual([{ version: "1.4.0" }]);
  });

  test("stops a run for a person's word when its budget is used up", async () => {
    knobs.onVisit = async () => {
      const spent = {
        kind: "model",
        name: "m",
        node: "work",
        input_tokens: 1001,
        output_tokens: 0,
        cached_tokens: 0,
      } as const;
      await currentPorts().guards.meter.record({ ...spent, cost: null });
      await checkBudget(undefined);
    };
    const { thread_id, run_id } = await house.start("stated", { input: { times: 1 } });
    await ended(run_id);
    const [asked] = await query("select title from holdpoint.review where thread_id = $1", [thread_id]);
    expect(asked).toEqual({ title: "This run has used up its budget. May it spend more?" });
  });

  test("counts a node's rounds over a failure and a further attempt at the same run", async () => {
    knobs.onVisit = (place) => {
      if (place === "stated.round_2" && knobs.visits.length === 3) throw new Error("the third round fails once");
    };
    const { thread_id, run_id } = await house.start("stated", { input: { times: 9 } });
    expect((await ended(run_id)).status).toBe("error");
    // Going on from where it failed is no new input.
    const next = await house.start("stated", { input: null }, { thread_id });
    const { status, error } = await ended(next.run_id);
    expect({ status, error: JSON.stringify(error) }).toEqual({
      status: "error",
      error: expect.stringContaining("loop_limit"),
    });
    expect(knobs.visits).toEqual([0, 1, 2, 2].map((round) => `stated.round_${round}`));
    expect(await valuesOf(thread_id)).toMatchObject({ round: 3 });
  });

  test.each([
    [undefined, "async", "async"],
    ["exit", "async", "async"],
    ["sync", "async", "sync"],
    ["async", "sync", "sync"],
    ["exit", undefined, "exit"],
    [undefined, undefined, null],
  ] as const)("gives %s under %s the durability %s", (wished, stated, given) => {
    const policies = stated === undefined ? {} : { durability: stated };
    const kwargs = { input: {}, ...(wished === undefined ? {} : { durability: wished }) };
    expect(underPolicies(kwargs, { policies }).durability).toBe(given);
  });

  test("yields to what the operator has set, for this graph or for all", () => {
    const graphs = {
      graphs: new Map([
        ["a", { policies: { concurrency: 2, timeout_ms: 1500 } }],
        ["b", {}],
      ]),
      errors: [],
    };
    const set = graphs as unknown as GraphSet;
    expect([...concurrencyLimits(new Map([["b", 7]]), set)]).toEqual([
      ["b", 7],
      ["a", 2],
    ]);
    expect([...concurrencyLimits(new Map([["a", 7]]), set)]).toEqual([["a", 7]]);
    expect([...concurrencyLimits(new Map([["*", 7]]), set)]).toEqual([["*", 7]]);
    expect([...timeLimits(new Map(), set)]).toEqual([["a", 1.5]]);
  });
});
