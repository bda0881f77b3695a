import { beforeEach, expect, test } from "vitest";
import { type FallbackOptions, type FallbackResult, fallback } from "../../src/kit/nodes/fallback.ts";
import { HoldpointError } from "../../src/protocol/errors.ts";
import { openToolScene, type ToolScene } from "../support/tool-scene.ts";

interface State {
  city: string;
  weather: FallbackResult<string> | null;
}
type Step = FallbackOptions<State, string>["steps"][number];

let scene: ToolScene;
beforeEach(() => {
  scene = openToolScene();
});

const down =
  (fields: object = { status: 503 }) =>
  () => {
    throw Object.assign(new Error("the service is down"), fields);
  };

async function run(steps: readonly Step[], more: Partial<FallbackOptions<State, string>> = {}, city = "Riga") {
  const node = fallback<State, string>({ into: "weather", steps, ...more });
  const update = await scene.within(async () => await node({ city, weather: null }, {}));
  return update as unknown as { weather: FallbackResult<string>; trail: unknown[] };
}

test("the first way that gives a result is taken; what is not what was asked for is called degraded", async () => {
  const full: Step = { rung: "full", run: async ({ city }) => `sun in ${city}` };
  const simpler: Step = { rung: "simpler", run: () => "sun" };
  expect(await run([full, simpler])).toMatchObject({
    weather: { value: "sun in Riga", step: "full", degraded: false, failures: [] },
    trail: [{ kind: "fallback", step: "full", degraded: false, failures: [] }],
  });
  const { weather, trail } = await run([
    { ...full, run: down() },
    { ...simpler, name: "coarse" },
  ]);
  const failures = [{ step: "full", class: "provider", message: "the service is down" }];
  expect(weather).toEqual({ value: "sun", step: "coarse", rung: "simpler", degraded: true, failures });
  expect(trail).toEqual([{ kind: "fallback", node: "", step: "coarse", degraded: true, failures }]);
});

test("each step is told what those before have failed by, and one that takes too long or has nothing has failed", async () => {
  const told: unknown[] = [];
  const { weather } = await run([
    { rung: "full", timeout_ms: 400, run: () => new Promise(() => {}) },
    { rung: "cached", run: () => undefined },
    { rung: "partial", run: down({ status: 429 }) },
    {
      rung: "degraded",
      run: (_state, { failures }) => {
        told.push(...failures);
        return "unknown";
      },
    },
  ]);
  expect(weather.failures.map((failure) => [failure.step, failure.class])).toEqual([
    ["full", "timeout"],
    ["cached", "tool"],
    ["partial", "rate_limit"],
  ]);
  expect(told).toEqual(weather.failures);
});

test.each<[string, () => never]>([
  [
    "a bug",
    () => {
      throw new TypeError("x of undefined");
    },
  ],
  ["a wrong request", down({ status: 422 })],
  [
    "a budget that is used up",
    () => {
      throw new HoldpointError("budget_exceeded", "no more");
    },
  ],
  [
    "a lost lease",
    () => {
      throw new HoldpointError("lease_lost", "gone");
    },
  ],
])("%s does not hide behind another way", async (_what, fail) => {
  let taken = 0;
  const take = () => {
    taken += 1;
    return "taken";
  };
  const second: Step = { rung: "degraded", run: take };
  await expect(run([{ rung: "full", run: fail }, second])).rejects.toThrow();
  expect(taken).toBe(0);
});

test("where nothing is left the error names each failure, and no secret", async () => {
  const open = () => {
    throw Object.assign(new Error("refused Bearer abcdef12345"), { code: "ECONNREFUSED" });
  };
  const failing = run([
    { rung: "full", run: down() },
    { rung: "degraded", run: open },
  ]);
  await expect(failing).rejects.toMatchObject({
    code: "tool_failed",
    message: 'no step gave "weather" a result (full: the service is down; degraded: refused Bearer [redacted])',
    facts: { class: "provider", failures: [{ step: "full" }, { step: "degraded" }] },
  });
});

test("a full result is kept for worse times, for what it depends on and for so long", async () => {
  const cache = { key: ({ city }: State) => city, ttl_ms: 60_000 };
  const good: Step = { rung: "full", run: ({ city }) => `sun in ${city}` };
  const bad: Step = { rung: "full", run: down() };
  const rest: Step[] = [{ rung: "cached" }, { rung: "degraded", run: () => "unknown" }];
  expect((await run([bad, ...rest], { cache })).weather.value).toBe("unknown");
  await run([good, ...rest], { cache });
  const { weather } = await run([bad, ...rest], { cache });
  expect(weather).toMatchObject({ value: "sun in Riga", step: "cached", degraded: true });
  expect((await run([bad, ...rest], { cache }, "Oslo")).weather.value).toBe("unknown");
  scene.pass(60_001);
  expect((await run([bad, ...rest], { cache })).weather.value).toBe("unknown");
});

test("a stopped run takes no other way", async () => {
  const stop = new AbortController();
  const node = fallback<State, string>({
    into: "weather",
    steps: [
      { rung: "full", run: (_state, { signal }) => ending(signal, stop) },
      { rung: "degraded", run: () => "unknown" },
    ],
  });
  const ended = scene.within(async () => await node({ city: "", weather: null }, {}), { signal: stop.signal });
  expect(await ended.catch((reason: unknown) => reason)).toMatchObject({ name: "TimeoutError", message: "the run" });
});

function ending(signal: AbortSignal, stop: AbortController): Promise<never> {
  setImmediate(() => stop.abort(new DOMException("the run", "TimeoutError")));
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(Object.assign(new Error("aborted"), { status: 503 })));
  });
}

const run1 = () => "x";
test.each<[string, Step[], RegExp]>([
  ["one step", [{ rung: "full", run: run1 }], /has 1 steps/],
  [
    "steps that go up",
    [
      { rung: "partial", run: run1 },
      { rung: "full", run: run1 },
    ],
    /does not go down/,
  ],
  [
    "an unknown rung",
    [
      { rung: "full", run: run1 },
      { rung: "best" as never, run: run1 },
    ],
    /of no rung/,
  ],
  [
    "two steps of one name",
    [
      { rung: "full", run: run1 },
      { rung: "full", run: run1 },
    ],
    /two steps "full"/,
  ],
  ["a step without a function", [{ rung: "full", run: run1 }, { rung: "cached" }], /"cached" without run/],
])("a ladder with %s is refused when it is made", (_what, steps, says) => {
  expect(() => fallback<State, string>({ into: "weather", steps })).toThrow(says);
});
