import { expect, test } from "vitest";
import type { BreakerPermit, Guards } from "../../src/kit/guards.ts";

/** Somewhere guards can be tried: those of one process, or those all processes share. */
export interface GuardScene {
  /** The guards of a run. */
  of(run?: { tenant_id?: string; graph_id?: string; run_id?: string }): Guards;
  /** Moves the clock that they go by. */
  pass(ms: number): Promise<void>;
}

/** Daily budgets that the scene must have been opened with. */
export const RULES_BUDGETS = {
  tenant: { tokens: 10_000 },
  graphs: new Map([
    ["dear", { cost: 2 }],
    ["*", { tokens: 5_000 }],
  ]),
};

let made = 0;
/** A name nobody has used. */
const fresh = (what: string) => {
  made += 1;
  return `${what} ${made}`;
};
const refused = (code: string) => expect.objectContaining({ code });
const terms = { faults: 3, window_ms: 10_000, open_ms: 5_000, probe_ms: 2_000 };

async function enter(guards: Guards, name: string): Promise<BreakerPermit> {
  return await guards.breakers.enter(name, terms);
}

async function fail(guards: Guards, name: string, times: number): Promise<void> {
  for (let call = 0; call < times; call += 1) await (await enter(guards, name)).faulted();
}

const used = (more: Partial<Parameters<Guards["meter"]["record"]>[0]> = {}) => ({
  kind: "model" as const,
  name: "gpt-4.1-mini",
  node: "draft",
  input_tokens: 100,
  output_tokens: 20,
  cached_tokens: 0,
  cost: 0.5,
  ...more,
});

/** What holds of all guards, wherever they keep what they know. */
export function testGuardRules(scene: () => GuardScene): void {
  breakerRules(scene);
  limitRules(scene);
  cacheRules(scene);
  meterRules(scene);
}

function breakerRules(scene: () => GuardScene): void {
  test("a breaker opens at so many faults, tells for how long, and is reset by one probe that succeeds", async () => {
    const guards = scene().of();
    const name = fresh("bank");
    await fail(guards, name, 3);
    await expect(enter(guards, name)).rejects.toMatchObject({ code: "breaker_open", facts: { name } });
    await scene().pass(5_000);
    const asked = await Promise.allSettled([enter(guards, name), enter(guards, name), enter(guards, name)]);
    const probes = asked.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
    expect(probes).toHaveLength(1);
    await (probes[0] as BreakerPermit).succeeded();
    await fail(guards, name, 2);
    await (await enter(guards, name)).succeeded();
  });

  test("a breaker is not opened by bad input", async () => {
    const guards = scene().of();
    const name = fresh("bank");
    for (let call = 0; call < 10; call += 1) await (await enter(guards, name)).ignored();
    await expect(enter(guards, name)).resolves.toBeDefined();
  });

  test("a probe that fails opens the breaker again, and one that never reports back is given up", async () => {
    const guards = scene().of();
    const name = fresh("bank");
    await fail(guards, name, 3);
    await scene().pass(5_000);
    await (await enter(guards, name)).faulted();
    await expect(enter(guards, name)).rejects.toEqual(refused("breaker_open"));
    await scene().pass(5_000);
    const lost = await enter(guards, name);
    await expect(enter(guards, name)).rejects.toEqual(refused("breaker_open"));
    await scene().pass(2_000);
    const next = await enter(guards, name);
    await lost.succeeded();
    await expect(enter(guards, name)).rejects.toEqual(refused("breaker_open"));
    await next.succeeded();
    await expect(enter(guards, name)).resolves.toBeDefined();
  });

  test("faults further apart than the window never open a breaker, and no tenant's open another's", async () => {
    const name = fresh("bank");
    const guards = scene().of();
    for (let call = 0; call < 5; call += 1) {
      await fail(guards, name, 1);
      await scene().pass(6_000);
    }
    await fail(guards, name, 2);
    await expect(enter(guards, name)).rejects.toEqual(refused("breaker_open"));
    await expect(enter(scene().of({ tenant_id: "other" }), name)).resolves.toBeDefined();
    await expect(guards.breakers.enter(name, { faults: 0 })).rejects.toEqual(refused("invalid"));
  });
}

function limitRules(scene: () => GuardScene): void {
  const rate = { limit: 3, per_ms: 3_600_000 };
  test("a limit gives its amount once, tells how long to wait, and gives again after that", async () => {
    const guards = scene().of();
    const name = fresh("model");
    const taken = await Promise.all(Array.from({ length: 8 }, () => guards.limits.take(name, 1, rate)));
    expect(taken.filter(({ granted }) => granted)).toHaveLength(3);
    const answer = await guards.limits.take(name, 2, rate);
    if (answer.granted) throw new Error("more than the limit was given");
    expect(answer.retry_after_ms).toBeGreaterThan(2_300_000);
    expect(answer.retry_after_ms).toBeLessThanOrEqual(2_400_000);
    await scene().pass(answer.retry_after_ms);
    await expect(guards.limits.take(name, 2, rate)).resolves.toEqual({ granted: true });
    await expect(scene().of({ tenant_id: "other" }).limits.take(name, 3, rate)).resolves.toEqual({ granted: true });
  });

  test("what was taken can be corrected in both directions, and what never fits is refused with the reason", async () => {
    const guards = scene().of();
    const name = fresh("model");
    await guards.limits.adjust(name, 2, rate);
    expect(await guards.limits.take(name, 2, rate)).toMatchObject({ granted: false });
    await guards.limits.adjust(name, -1, rate);
    expect(await guards.limits.take(name, 2, rate)).toEqual({ granted: true });
    await expect(guards.limits.take(name, 4, rate)).rejects.toEqual(refused("invalid"));
    await guards.limits.adjust(name, Number.NaN, rate);
    await guards.limits.adjust(name, Number.NEGATIVE_INFINITY, rate);
    expect(await guards.limits.take(name, 3, rate)).toEqual({ granted: true });
    await guards.limits.adjust(name, Number.POSITIVE_INFINITY, rate);
    await scene().pass(2 * rate.per_ms);
    expect(await guards.limits.take(name, 3, rate)).toEqual({ granted: true });
  });
}

function cacheRules(scene: () => GuardScene): void {
  test("a cache stores: an answer is given back until its time is over, and never to another tenant", async () => {
    const { cache } = scene().of();
    const key = fresh("key");
    const answer = { text: "null \u0000 and half a pair \ud800", list: [1, null, true] };
    expect(await cache.get(key)).toBeUndefined();
    await cache.put(key, answer, 60_000);
    expect(await cache.get(key)).toEqual(answer);
    expect(await scene().of({ run_id: "00000000-0000-4000-8000-000000000009" }).cache.get(key)).toEqual(answer);
    expect(await scene().of({ tenant_id: "other" }).cache.get(key)).toBeUndefined();
    await cache.put(key, null, 60_000);
    expect(await cache.get(key)).toBeNull();
    await scene().pass(60_001);
    expect(await cache.get(key)).toBeUndefined();
  });

  test("a cached answer belongs to whoever gets it: changing it changes nobody else's", async () => {
    const { cache } = scene().of();
    const key = fresh("key");
    await cache.put(key, { list: [1] }, 60_000);
    ((await cache.get(key)) as { list: number[] }).list.push(2);
    expect(await cache.get(key)).toEqual({ list: [1] });
  });

  test("what is too large, has no time or no proper key is not kept, and fails nobody", async () => {
    const { cache } = scene().of();
    const [large, timeless, nameless] = [fresh("key"), fresh("key"), "k".repeat(1_000)];
    await cache.put(large, "x".repeat(1_000_001), 60_000);
    for (const ttl of [0, -1, Number.NaN]) await cache.put(timeless, "x", ttl);
    await cache.put(nameless, "x", 60_000);
    const endless: { self?: object } = {};
    endless.self = endless;
    for (const none of [undefined, () => {}, 1n, endless]) await cache.put(timeless, none as never, 60_000);
    for (const key of [large, timeless, nameless]) expect(await cache.get(key)).toBeUndefined();
    await cache.put(large, "x".repeat(900_000), Number.POSITIVE_INFINITY);
    expect(await cache.get(large)).toHaveLength(900_000);
  });
}

function meterRules(scene: () => GuardScene): void {
  const run = (index: number, tenant_id: string, graph_id = "cheap") => ({
    tenant_id,
    graph_id,
    run_id: `00000000-0000-4000-8000-00000000000${index}`,
  });

  test("a run's budget is used up by what the run has spent, and what a person grants comes on top once", async () => {
    const { meter } = scene().of(run(1, "meter a"));
    expect(await meter.overspent()).toBeUndefined();
    expect(await meter.overspent({ tokens: 0 })).toMatchObject({ scope: "run" });
    await meter.record(used());
    expect(await meter.overspent({ tokens: 121, cost: 0.6 })).toBeUndefined();
    expect(await meter.overspent({ cost: 0.5 })).toEqual({
      scope: "run",
      budget: { cost: 0.5 },
      tokens: 120,
      cost: 0.5,
    });
    await meter.grant("draft:1", { tokens: 100 });
    await meter.grant("draft:1", { tokens: 100 });
    expect(await meter.overspent({ tokens: 21 })).toBeUndefined();
    expect(await meter.overspent({ tokens: 20 })).toMatchObject({ budget: { tokens: 120 } });
    await meter.grant("draft:2", { tokens: 1 });
    expect(await meter.overspent({ tokens: 20 })).toBeUndefined();
    expect(await scene().of(run(2, "meter a")).meter.overspent({ tokens: 1 })).toBeUndefined();
  });

  test("a day's budget stops all runs of a graph, or of a tenant, until the next day", async () => {
    const dear = scene().of(run(1, "meter b", "dear")).meter;
    await dear.record(used({ cost: 2 }));
    expect(
      await scene()
        .of(run(2, "meter b", "dear"))
        .meter.overspent(),
    ).toMatchObject({ scope: "graph", cost: 2 });
    expect(await scene().of(run(3, "meter b")).meter.overspent()).toBeUndefined();
    expect(
      await scene()
        .of(run(3, "meter c", "dear"))
        .meter.overspent(),
    ).toBeUndefined();
    await scene()
      .of(run(3, "meter b"))
      .meter.record(used({ input_tokens: 4_980 }));
    expect(await scene().of(run(4, "meter b")).meter.overspent()).toMatchObject({ scope: "graph", tokens: 5_000 });
    await dear.record(used({ input_tokens: 4_860 }));
    expect(
      await scene()
        .of(run(4, "meter b", "third"))
        .meter.overspent(),
    ).toEqual({
      scope: "tenant",
      budget: { tokens: 10_000 },
      tokens: 10_000,
      cost: 3,
    });
    await scene().pass(86_400_000);
    expect(await dear.overspent()).toBeUndefined();
  });

  test("nonsense in what a provider says it has used neither gives anything back nor breaks a sum", async () => {
    const { meter } = scene().of(run(1, "meter d", "third"));
    await meter.record(used({ input_tokens: -1e9, output_tokens: Number.NaN, cached_tokens: 0.4, cost: -5 }));
    await meter.record(
      used({ input_tokens: Number.POSITIVE_INFINITY, cost: Number.POSITIVE_INFINITY, name: "\u0000" }),
    );
    await meter.record(used({ cost: null, node: null, name: "x".repeat(5_000) }));
    expect(await meter.overspent({ tokens: 1 })).toMatchObject({ scope: "run", tokens: 1_000_000_140, cost: 1e9 });
  });
}
