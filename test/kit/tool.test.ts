import { beforeEach, expect, test } from "vitest";
import { defineTool } from "../../src/kit/tool/tool.ts";
import { HoldpointError } from "../../src/protocol/errors.ts";
import { ada, busy, failing, input, output, scripted } from "../support/scripted-tool.ts";
import { openToolScene, type ToolScene } from "../support/tool-scene.ts";

let scene: ToolScene;
beforeEach(() => {
  scene = openToolScene();
});

test("what the other side did wrong is attempted again after one second and two, each a little longer", async () => {
  const { tool, calls } = scripted([busy, busy, ada]);
  expect(await scene.within(() => tool.call({ id: 1 }))).toEqual({ name: "Ada" });
  expect(calls).toHaveLength(3);
  const [first = 0, second = 0] = scene.waits;
  expect(first >= 1_100 && first <= 1_300).toBe(true);
  expect(second >= 2_200 && second <= 2_600).toBe(true);
});

test("after three attempts it says which tool failed, how, and how often", async () => {
  const { tool, calls } = scripted([busy]);
  const error = await scene.failing(() => tool.call({ id: 1 }));
  expect(error).toMatchObject({ code: "tool_failed", message: "find failed 3 times: it went wrong" });
  expect(error.facts).toMatchObject({ class: "provider", tool: "find", attempts: 3, status: 503 });
  expect(calls).toHaveLength(3);
});

test("it waits as long as the other side asks for, and not at all where that is too long", async () => {
  const asked = (seconds: string) => failing({ status: 429, headers: new Headers({ "retry-after": seconds }) });
  const { tool } = scripted([asked("7"), ada]);
  await scene.within(() => tool.call({ id: 1 }));
  expect(scene.waits).toEqual([7_000]);
  const patient = scripted([asked("61"), ada]);
  const error = await scene.failing(() => patient.tool.call({ id: 1 }));
  expect(error.facts).toMatchObject({ class: "rate_limit", attempts: 1, retry_after_ms: 61_000 });
});

test.each([
  ["a bug", new TypeError("undefined is not a function"), "bug"],
  ["a wrong request", Object.assign(new Error("no"), { status: 422 }), "validation"],
  ["a missing right", Object.assign(new Error("no"), { status: 403 }), "permission"],
])("%s is not attempted again", async (_what, thrown, kind) => {
  const { tool, calls } = scripted([
    () => {
      throw thrown;
    },
  ]);
  expect((await scene.failing(() => tool.call({ id: 1 }))).facts).toMatchObject({ class: kind, attempts: 1 });
  expect(calls).toHaveLength(1);
});

test("an attempt that takes too long is given up, also where the tool does not listen, and made again", async () => {
  let heard: unknown;
  const hang = () => new Promise(() => {});
  const { tool } = scripted([hang, ada], { timeout_ms: 500 });
  expect(await scene.within(() => tool.call({ id: 1 }))).toEqual({ name: "Ada" });
  expect(scene.waits[0]).toBe(500);
  const listening = defineTool({
    name: "listen",
    description: "Listens.",
    input,
    output,
    effect: "read",
    attempts: 1,
    run: (_args, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          heard = signal.reason;
          reject(new Error("stopped"));
        });
      }),
  });
  const error = await scene.failing(() => listening.call({ id: 1 }));
  expect(error.facts).toMatchObject({ class: "timeout", tool: "listen" });
  expect(heard).toMatchObject({ name: "TimeoutError" });
});

test("bad arguments name their place, and reach neither the tool nor its limit nor its breaker", async () => {
  const { tool, calls } = scripted([ada], { rate: { limit: 1 }, breaker: { faults: 1 } });
  for (let time = 0; time < 3; time += 1) {
    const error = await scene.failing(() => tool.call({ id: "x" } as never));
    expect(error.message).toMatch(/^find failed: wrong arguments: \/id: /);
    expect(error.facts).toMatchObject({ class: "validation", attempts: 0 });
  }
  expect(calls).toHaveLength(0);
  expect(await scene.within(() => tool.call({ id: 1 }))).toEqual({ name: "Ada" });
});

test("five faults of the other side open the breaker, bad requests do not, and one probe closes it", async () => {
  const refused = scripted([failing({ status: 400 })], { name: "refusing", attempts: 1 });
  for (let time = 0; time < 9; time += 1)
    expect((await scene.failing(() => refused.tool.call({ id: 1 }))).code).toBe("tool_failed");
  let works = false;
  const { tool, calls } = scripted([() => (works ? ada() : busy())], { attempts: 1 });
  for (let time = 0; time < 5; time += 1) await scene.failing(() => tool.call({ id: 1 }));
  const open = await scene.failing(() => tool.call({ id: 1 }));
  expect([open.code, open.facts["retry_after_ms"], calls.length]).toEqual(["breaker_open", 30_000, 5]);
  scene.pass(30_000);
  works = true;
  expect(await scene.within(() => tool.call({ id: 1 }))).toEqual({ name: "Ada" });
  expect(await scene.within(() => tool.call({ id: 1 }))).toEqual({ name: "Ada" });
});

test("a limit is waited for while that is short, and told when it is not; nobody is let through early", async () => {
  const { tool, calls } = scripted([ada], { rate: { limit: 2, per_ms: 1_000 } });
  const begunAt = scene.now();
  await scene.within(() => Promise.all([1, 2, 3, 4].map((id) => tool.call({ id }))));
  expect([calls.length, scene.now() - begunAt >= 500]).toEqual([4, true]);
  const scarce = scripted([ada], { name: "scarce", rate: { limit: 1, per_ms: 3_600_000 }, timeout_ms: 1_000 });
  await scene.within(() => scarce.tool.call({ id: 1 }));
  const error = await scene.failing(() => scarce.tool.call({ id: 2 }));
  expect(error.code).toBe("rate_limited");
  expect(error.facts["retry_after_ms"]).toBeGreaterThan(1_000);
  expect(scarce.calls).toHaveLength(1);
});

test("a run that is stopped ends a wait at once, and its own reason is what is thrown", async () => {
  const stop = new AbortController();
  const { tool, calls } = scripted([
    () => {
      setImmediate(() => stop.abort("cancelled"));
      return busy();
    },
  ]);
  const clock = { now: () => 0, sleep: (_ms: number, signal?: AbortSignal) => ended(signal) };
  const thrown = await scene.within(() => tool.call({ id: 1 }), { clock, signal: stop.signal }).catch((e) => e);
  expect([thrown, calls.length]).toEqual(["cancelled", 1]);
});

/** Never comes to its end by itself. */
const ended = (signal?: AbortSignal) =>
  new Promise<void>((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));

test("what is only read is asked again where its result does not fit", async () => {
  const { tool, calls } = scripted([() => ({ nom: "?" }), ada]);
  expect(await scene.within(() => tool.call({ id: 1 }))).toEqual({ name: "Ada" });
  expect(calls).toHaveLength(2);
});

test("arguments cannot reach a prototype, and endless ones are refused", async () => {
  const { tool } = scripted([ada], { effect: "idempotent" });
  await scene.within(() => tool.call(JSON.parse('{"id": 1, "__proto__": {"polluted": true}}')));
  expect(scene.effects.recorded[0]?.args).toEqual({ id: 1 });
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  const error = await scene.failing(() => tool.call({ id: 1, card: "x".repeat(1_000_001) }));
  expect(error.message).toMatch(/wrong arguments: they have 1000\d+ characters; 1000000 at most/);
});

test("neither the secrets of a call nor what looks like one is told, not by the error and not by its cause", async () => {
  const card = "4111 1111 1111 1111";
  const { tool } = scripted(
    [
      () => {
        throw new Error(`the card ${card} was refused for Bearer abcdef123456 at https://u:pass@bank.test`);
      },
    ],
    { redact: ["/card"], attempts: 1 },
  );
  const error = await scene.failing(() => tool.call({ id: 1, card }));
  const told = `${error.message} ${error.stack} ${(error.cause as Error).message} ${(error.cause as Error).stack}`;
  for (const secret of ["4111", "abcdef", "pass@"]) expect(told).not.toContain(secret);
  expect(error.message).toContain("the card [redacted] was refused");
});

test("an error of the register that says more than that the tool failed is thrown as it is", async () => {
  for (const code of ["permission_denied", "effect_recalled", "budget_exceeded", "lease_lost"] as const) {
    const thrown = new HoldpointError(code, "no");
    const { tool, calls } = scripted([
      () => {
        throw thrown;
      },
    ]);
    expect(await scene.failing(() => tool.call({ id: 1 }))).toBe(thrown);
    expect(calls).toHaveLength(1);
  }
});

test("a call without the right to it is refused by name before anything is recorded", async () => {
  const { tool, calls } = scripted([ada], { effect: "once", permission: "refunds:pay" });
  const asked: string[] = [];
  const may = async (permission: string) => asked.push(permission) > 1;
  const error = await scene.failing(() => tool.call({ id: 1 }), { may });
  expect(error).toMatchObject({ code: "permission_denied", facts: { permission: "refunds:pay", tool: "find" } });
  expect(error.message).toContain("--permission tool:refunds:pay");
  expect([scene.effects.recorded, calls]).toEqual([[], []]);
  expect(await scene.within(() => tool.call({ id: 1 }), { may })).toEqual({ name: "Ada" });
  expect(asked).toEqual(["refunds:pay", "refunds:pay"]);
});

test("what a call costs is recorded once, and a result from the ledger costs nothing", async () => {
  const cost = ({ id }: { id: number }, { name }: { name: string }) => id + name.length;
  const { tool } = scripted([busy, ada], { effect: "idempotent", cost });
  await scene.within(() => tool.call({ id: 1 }));
  await scene.within(() => tool.call({ id: 1 }));
  expect(scene.guards.uses).toEqual([
    { kind: "tool", name: "find", node: null, input_tokens: 0, output_tokens: 0, cached_tokens: 0, cost: 4 },
  ]);
  const wrong = scripted([ada], { name: "wrong", cost: () => Number.NaN });
  expect((await scene.failing(() => wrong.tool.call({ id: 1 }))).message).toMatch(/costs NaN/);
});

test("a stand-in is called in the place of the tool, under all its terms", async () => {
  const { tool, calls } = scripted([ada], { effect: "once" });
  const seen: unknown[] = [];
  const standIn = (args: unknown) => {
    seen.push(args);
    return { name: "Eve" };
  };
  const standIns = new Map([["find", standIn]]);
  expect(await scene.within(() => tool.call({ id: 7 }), { standIns })).toEqual({ name: "Eve" });
  expect([seen, calls.length, scene.effects.recorded.length]).toEqual([[{ id: 7 }], 0, 1]);
});

test("what only reads can be called by itself, without a run", async () => {
  const { tool } = scripted([ada], { rate: { limit: 1 }, permission: "any", cost: 1 });
  expect(await tool.call({ id: 1 })).toEqual({ name: "Ada" });
});

test.each<[string, Record<string, unknown>, RegExp]>([
  ["a name with spaces", { name: "find it" }, /needs a name of up to 64/],
  ["no description", { description: " " }, /needs a description/],
  ["a misspelt limit", { time_out_ms: 3 }, /the setting "time_out_ms"/],
  ["no schema", { input: {} }, /zod schemas/],
  ["an unknown effect", { effect: "twice" }, /has the effect "twice"/],
  ["no time", { timeout_ms: 0 }, /timeout_ms 0/],
  ["endless attempts", { attempts: 1e9 }, /attempts 1000000000/],
  ["a back-off that shrinks", { back_off: { first_ms: 10, longest_ms: 5 } }, /waits from 10 to 5 ms/],
  ["a negative cost", { cost: -1 }, /the cost -1/],
  ["a permission in capitals", { permission: "Pay!" }, /the permission "Pay!"/],
  ["a place that is none", { redact: ["card"] }, /redacts "card"/],
  ["a span that is none", { effect: "once", hold_back: "soon" }, /hold_back "soon"/],
  ["a reading that is held back", { hold_back: "1m" }, /nothing to hold back/],
  ["a reading that is undone", { compensate: async () => {} }, /nothing to undo/],
])("a tool with %s is refused when it is declared", (_what, options, says) => {
  const given = { name: "find", description: "Finds.", input, output, effect: "read", run: ada, ...options };
  expect(() => defineTool(given as never)).toThrow(says);
});
