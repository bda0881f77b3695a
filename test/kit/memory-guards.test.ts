import { beforeEach, expect, test } from "vitest";
import type { Guards } from "../../src/kit/guards.ts";
import { createMemoryGuards, type MemoryGuards } from "../../src/kit/memory-guards.ts";
import { type Ports, withPorts } from "../../src/kit/ports.ts";
import { type GuardScene, RULES_BUDGETS, testGuardRules } from "../support/guard-rules.ts";

let now = 0;
let guards: MemoryGuards;
beforeEach(() => {
  now = 1_800_000_000_000;
  guards = createMemoryGuards({ clock: { now: () => now }, budgets: RULES_BUDGETS });
});

const nobody = { tenant_id: "default", graph_id: "test", thread_id: "test", run_id: "test" };
// Of a run's ports guards ask for nothing else.
const ports = (run: Partial<Ports["run"]>) => ({ guards, run: { ...nobody, ...run } }) as Partial<Ports> as Ports;

/** The same guards, each call made inside of a run. */
function inside(run: Partial<Ports["run"]>): Guards {
  const within = <Port extends object>(port: Port) =>
    Object.fromEntries(
      Object.entries(port).map(([name, call]) => [
        name,
        (...args: unknown[]) => withPorts(ports(run), () => (call as (...given: unknown[]) => unknown)(...args)),
      ]),
    ) as Port;
  const { breakers, limits, cache, meter } = guards;
  return { breakers: within(breakers), limits: within(limits), cache: within(cache), meter: within(meter) };
}

const scene: GuardScene = {
  of: (run = {}) => inside(run),
  async pass(ms) {
    now += ms;
  },
};
testGuardRules(() => scene);

test("outside of any run they work too, and what was recorded can be looked at", async () => {
  const use = {
    kind: "tool",
    name: "search",
    node: null,
    input_tokens: 0,
    output_tokens: 0,
    cached_tokens: 0,
  } as const;
  await guards.meter.record({ ...use, cost: 0.01 });
  expect(guards.uses).toEqual([{ ...use, cost: 0.01 }]);
  expect(await guards.meter.overspent({ cost: 0.01 })).toMatchObject({ scope: "run" });
  await expect(guards.breakers.enter("x")).resolves.toBeDefined();
});
