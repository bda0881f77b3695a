import { FakeListChatModel } from "@langchain/core/utils/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { configureModels, type ModelOptions, model } from "../../src/kit/models/model.ts";
import { type AskedModels, askedModels, chatOver, failureOf } from "../support/asked-models.ts";
import { type ModelStep, type OpenAIServer, startOpenAIServer } from "../support/openai-server.ts";

let server: OpenAIServer;
let scene: AskedModels;
beforeAll(async () => {
  server = await startOpenAIServer();
});
afterAll(async () => {
  configureModels({});
  await server.close();
});
beforeEach(() => {
  scene = askedModels(server);
});

const waited = () => scene.clock.now() - Date.parse("2026-01-01T00:00:00Z");
const usage = (input_tokens: number, output_tokens: number, cached_tokens = 0) => ({
  usage: { input_tokens, output_tokens, cached_tokens },
});
const good: ModelStep = { text: "Go on.", ...usage(20, 10) };

describe("the account", () => {
  test("has every answer once, with its tokens and what they cost", async () => {
    const prices = new Map([["first", { input: 10, output: 100, cached: 1 }]]);
    scene = askedModels(server, { prices });
    server.script({ text: "Go on.", ...usage(1_000, 100, 400) });
    await scene.ask();
    await scene.stream();
    const use = {
      kind: "model",
      name: "first",
      node: null,
      input_tokens: 1_000,
      output_tokens: 100,
      cached_tokens: 400,
    };
    const cost = (600 * 10 + 400 * 1 + 100 * 100) / 1_000_000;
    expect(scene.guards.uses).toEqual([
      { ...use, cost },
      { ...use, cost },
    ]);
  });

  test("has nothing of requests that were refused, and names the model that answered", async () => {
    server.script({ status: 500 }, { status: 429 }, { status: 401 }, good);
    await scene.ask({ fallbacks: ["second"] });
    expect(scene.guards.uses).toMatchObject([{ name: "second", input_tokens: 20, output_tokens: 10, cost: null }]);
  });

  test("has an answer that broke off, by what was heard of it", async () => {
    server.script({ text: "one two three four five six", cut: 1 });
    const failed = scene.within(async () => {
      for await (const piece of await (await scene.chat()).stream("What now?")) void piece;
    });
    expect(await failureOf(failed)).toMatchObject({ begun: true });
    expect(scene.guards.uses).toHaveLength(1);
    expect(scene.guards.uses[0]?.input_tokens).toBeGreaterThan(0);
    expect(scene.guards.uses[0]?.output_tokens).toBeGreaterThan(0);
  });

  test("has an answer that the client threw away because it was longer than it may be", async () => {
    class LengthFinishReasonError extends Error {}
    class Long extends FakeListChatModel {
      readonly model = "long";
      readonly maxTokens = 70;
      override _generate = () => Promise.reject(new LengthFinishReasonError("too long"));
    }
    const failed = await failureOf(scene.ask({ use: new Long({ responses: [] }) }));
    expect(failed).toMatchObject({ class: "validation", no_answer: "length", attempts: 1 });
    expect(scene.guards.uses).toMatchObject([{ name: "long", output_tokens: 70 }]);
  });

  test("has the price of the model that was asked where nobody knows the one that answered", async () => {
    scene = askedModels(server, { prices: new Map([["priced", { input: 3, output: 0, cached: 0 }]]) });
    const message = { role: "assistant", content: "Go on." };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    const usage = { prompt_tokens: 1_000_000, completion_tokens: 0, total_tokens: 1_000_000 };
    const answer = { id: "1", object: "chat.completion", model: "deployment", choices, usage };
    await scene.ask({ use: await chatOver(async () => Response.json(answer), "priced") });
    expect(scene.guards.uses).toMatchObject([{ name: "deployment", cost: 3 }]);
  });

  test("is estimated where the provider gives none", async () => {
    server.script({ text: "Go on and on and on.", ...usage(0, 0) });
    await scene.ask({}, "x".repeat(4_000));
    const [use] = scene.guards.uses;
    expect(use?.input_tokens).toBeGreaterThan(900);
    expect(use?.output_tokens).toBeGreaterThan(3);
  });
});

describe("a limit", () => {
  test("of requests a minute makes the next one wait for its turn, and refuses none", async () => {
    scene = askedModels(server, { requestsPerMinute: new Map([["first", 2]]) });
    server.script(good);
    await Promise.all([1, 2, 3, 4].map(() => scene.ask()));
    expect(server.requests).toHaveLength(4);
    expect(waited()).toBeGreaterThanOrEqual(30_000);
  });

  test("that would be waited for too long gives the turn to a fallback, and is told where there is none", async () => {
    const requestsPerMinute = new Map([["first", 1]]);
    scene = askedModels(server, { requestsPerMinute });
    server.script(good);
    const short: ModelOptions = { back_off: { longest_ms: 1_000 } };
    await scene.ask(short);
    const failed = await failureOf(scene.ask(short));
    expect(failed).toMatchObject({ code: "rate_limited", model: "first", retry_after_ms: expect.any(Number) });
    expect(await scene.ask({ ...short, fallbacks: ["second"] })).toBe("Go on.");
    expect(scene.asked()).toEqual(["first", "second"]);
    expect(waited()).toBe(0);
  });

  test("of tokens counts what was really used, and gives back what was not", async () => {
    scene = askedModels(server, { tokensPerMinute: new Map([["*", 600]]) });
    server.script(good);
    for (let call = 1; call <= 3; call += 1) await scene.ask();
    expect(waited()).toBe(0);
    server.script({ text: "long", ...usage(20, 580) }, good);
    await scene.ask();
    await scene.ask();
    expect(waited()).toBeGreaterThan(0);
  });

  test("of tokens lets a single question through that is larger than it", async () => {
    scene = askedModels(server, { tokensPerMinute: new Map([["*", 50]]) });
    server.script(good);
    expect(await scene.ask({}, "x".repeat(10_000))).toBe("Go on.");
  });

  test("of tokens is not used up by requests that fail", async () => {
    scene = askedModels(server, { tokensPerMinute: new Map([["*", 600]]) });
    server.script({ status: 401 });
    for (let call = 1; call <= 3; call += 1) await failureOf(scene.ask());
    expect(waited()).toBe(0);
    expect(scene.guards.uses).toEqual([]);
  });
});

describe("a call that one limit refuses", () => {
  test("takes nothing from the other", async () => {
    const one = (limit: number) => new Map([["first", limit]]);
    scene = askedModels(server, { requestsPerMinute: one(1), tokensPerMinute: one(1_200) });
    server.script(good);
    const short: ModelOptions = { back_off: { longest_ms: 1_000 } };
    await scene.ask(short);
    for (let call = 1; call <= 4; call += 1) {
      expect((await failureOf(scene.ask(short)))["message"]).toMatch(/^the limit of 1 requests a minute/);
    }
  });
});

describe("a breaker", () => {
  test("opens after five faults of the provider, for that model alone, and lets it be asked again later", async () => {
    server.script({ status: 500 });
    await failureOf(scene.ask({ attempts: 5 }));
    server.script(good);
    expect(await failureOf(scene.ask())).toMatchObject({ code: "breaker_open" });
    expect(server.requests).toHaveLength(0);
    expect(await scene.ask({ model: "second" })).toBe("Go on.");
    expect(await scene.ask({ fallbacks: ["second"] })).toBe("Go on.");
    expect(scene.asked()).toEqual(["second", "second"]);
    await scene.clock.sleep(30_000);
    expect(await scene.ask()).toBe("Go on.");
  });

  test.each([400, 401, 404, 422, 429])("opened by bad input, or by %i at all, is not this one", async (status) => {
    server.script({ status });
    for (let call = 1; call <= 6; call += 1) await failureOf(scene.ask({ attempts: 1 }));
    server.script(good);
    expect(await scene.ask()).toBe("Go on.");
  });

  test("may be left out", async () => {
    server.script({ status: 500 });
    await failureOf(scene.ask({ attempts: 8, breaker: false }));
    expect(server.requests).toHaveLength(8);
  });
});

describe("a model chosen whose window is too small", () => {
  const windows = new Map([
    ["first", 2_000],
    ["second", 100_000],
  ]);
  const long = "word ".repeat(10_000);

  test("is not asked: the next one is that can take the question", async () => {
    scene = askedModels(server, { windows });
    server.script(good);
    expect(await scene.ask({ fallbacks: ["second"] }, long)).toBe("Go on.");
    expect(await scene.ask({ fallbacks: ["second"] }, "short")).toBe("Go on.");
    expect(scene.asked()).toEqual(["second", "first"]);
  });

  test("is told where there is no other, before anything is sent", async () => {
    scene = askedModels(server, { windows });
    server.script(good);
    const failed = await failureOf(scene.ask({}, long));
    expect(failed).toMatchObject({ class: "validation", provider_code: "context_length_exceeded", attempts: 0 });
    expect(failed["why"]).toMatch(/^its window of 2000 tokens is too small for about 12\d\d\d/);
    expect(server.requests).toHaveLength(0);
  });

  test("counts the answer that is asked for, and scripts whose characters are a token each", async () => {
    scene = askedModels(server, { windows });
    server.script(good);
    await failureOf(scene.ask({ max_output_tokens: 1_999 }));
    await failureOf(scene.ask({}, "\u732b".repeat(1_600)));
    expect(await scene.ask({}, "x".repeat(1_600))).toBe("Go on.");
    expect(server.requests).toHaveLength(1);
  });

  test("is known of OpenAI's models without being configured", async () => {
    server.script(good);
    const failed = await failureOf(scene.ask({ model: "gpt-4o" }, "word ".repeat(200_000)));
    expect(failed["why"]).toMatch(/^its window of 128000 tokens/);
  });
});

test.each<ModelOptions>([{ attempts: 0 }, { attempts: Number.NaN }, { timeout_ms: 0 }, { timeout_ms: -1 }])(
  "a model that is asked for with %j is refused",
  async (options) => {
    await expect(model(options)).rejects.toThrow(/give at least 1 of each/);
  },
);
