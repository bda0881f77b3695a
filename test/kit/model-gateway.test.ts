import { FakeListChatModel } from "@langchain/core/utils/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { configureModels, model } from "../../src/kit/models/model.ts";
import { startModelServer, testClock, withTestPorts } from "../../src/testing.ts";
import { type AskedModels, askedModels, chatOver, failureOf } from "../support/asked-models.ts";
import { type ModelStep, type OpenAIServer, startOpenAIServer } from "../support/openai-server.ts";
import { until } from "../support/until.ts";

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

const BEGINNING = Date.parse("2026-01-01T00:00:00Z");
const waited = () => scene.clock.now() - BEGINNING;
const good: ModelStep = { text: "Go on." };
const broken: ModelStep = { status: 500 };

describe("a request that fails", () => {
  test.each<[string, ModelStep, number]>([
    ["429 with Retry-After in seconds", { status: 429, headers: { "retry-after": "7" } }, 7_000],
    ["429 with Retry-After in milliseconds", { status: 429, headers: { "retry-after-ms": "40" } }, 40],
    ["429 with a date", { status: 429, headers: { "retry-after": "Thu, 01 Jan 2026 00:00:09 GMT" } }, 9_000],
    ["429 with nothing", { status: 429 }, 1_200],
    ["500", broken, 1_200],
    ["503 with Retry-After", { status: 503, headers: { "retry-after": "2" } }, 2_000],
    ["408", { status: 408 }, 1_200],
    ["a connection that is cut before the answer", { text: "Go", cut: 0 }, 1_200],
    ["a connection that is cut in the answer", { text: "Go on and on.", cut: true }, 1_200],
    ["an answer that is no JSON", { text: "Go", malformed: "body" }, 1_200],
  ])("by %s is made again after the wait that is right", async (_name, step, wait) => {
    server.script(step, good);
    expect(await scene.ask()).toBe("Go on.");
    expect(scene.asked()).toEqual(["first", "first"]);
    expect(waited()).toBe(wait);
  });

  test("again and again is made three times, with a wait that doubles", async () => {
    server.script(broken);
    const failed = await failureOf(scene.ask());
    expect(failed).toMatchObject({ code: "model_failed", class: "provider", status: 500, attempts: 3, model: "first" });
    expect(failed["message"]).toBe("no model has answered: first: it answered with HTTP 500 (asked 3 times)");
    expect(waited()).toBe(1_200 + 2_400);
  });

  test("is not also made again by the client of a model that was given", async () => {
    const { ChatOpenAI } = await import("@langchain/openai");
    const use = new ChatOpenAI({ apiKey: "x", model: "given", configuration: { baseURL: server.url } });
    server.script(broken);
    expect(await failureOf(scene.ask({ use }))).toMatchObject({ attempts: 3, model: "given" });
    expect(server.requests).toHaveLength(3);
  });

  test("waits a minute at most, whatever it has been", async () => {
    server.script(broken);
    await failureOf(scene.ask({ attempts: 8, back_off: { first_ms: 50_000 }, breaker: false }));
    expect(server.requests).toHaveLength(8);
    expect(waited()).toBeLessThanOrEqual(7 * 60_000);
  });

  test.each<[number, string]>([
    [400, "validation"],
    [401, "permission"],
    [403, "permission"],
    [404, "validation"],
    [422, "validation"],
  ])("by %i is made once", async (status, kind) => {
    server.script({ status });
    expect(await failureOf(scene.ask())).toMatchObject({ class: kind, status, attempts: 1 });
    expect(server.requests).toHaveLength(1);
    expect(waited()).toBe(0);
  });

  test("for an account that is empty is made once, though the status says to wait", async () => {
    server.script({ status: 429, code: "insufficient_quota" });
    expect(await failureOf(scene.ask())).toMatchObject({ class: "budget", provider_code: "insufficient_quota" });
    expect(server.requests).toHaveLength(1);
  });

  test("is not made again by a run that was stopped", async () => {
    const controller = new AbortController();
    server.script(() => {
      controller.abort(new Error("cancelled by Ana"));
      return { hang: true };
    });
    const asking = withTestPorts({ signal: controller.signal }, async () => (await scene.chat()).invoke("x"));
    await expect(asking).rejects.toThrow("cancelled by Ana");
    expect(server.requests).toHaveLength(1);
  });

  test("by nobody being there says so", async () => {
    const gone = await startModelServer();
    await gone.close();
    scene = askedModels(gone);
    const failed = await failureOf(scene.ask());
    expect(failed).toMatchObject({ class: "provider", attempts: 3, why: "the connection to it failed (ECONNREFUSED)" });
  });
});

describe("a model that says nothing for its time", () => {
  /** Asks with a clock that the test moves by hand, as often as requests hang. */
  async function asksSilent(streams: boolean, ...script: ModelStep[]) {
    const clock = testClock();
    server.script(...script);
    const hanging = script.length - 1;
    const answering = withTestPorts({ clock }, async () => {
      const chat = await scene.chat({ timeout_ms: 20_000 });
      if (!streams) return (await chat.invoke("x")).text;
      const pieces: string[] = [];
      for await (const piece of await chat.stream("x")) pieces.push(piece.text);
      return pieces.join("");
    });
    for (let request = 1; request <= hanging; request += 1) {
      await until(`request ${request}`, () => server.requests.length === request);
      await clock.advance(20_000);
      await clock.untilSleeping();
      await clock.advance(1_200 * 2 ** (request - 1));
    }
    return await answering;
  }

  test.each([false, true])("is asked again (streamed: %j)", async (streams) => {
    expect(await asksSilent(streams, { hang: true }, { hang: true }, good)).toBe("Go on.");
    expect(server.requests).toHaveLength(3);
  });

  test("before its first byte is asked again, though it would have come", async () => {
    expect(await asksSilent(true, { text: "late", slow: { first_byte_ms: 600_000 } }, good)).toBe("Go on.");
  });

  test("is a time-out in the end, and is hung up on", async () => {
    const asked: AbortSignal[] = [];
    const use = await chatOver((_url, init) => {
      asked.push(init?.signal as AbortSignal);
      return new Promise(() => {});
    });
    const clock = testClock();
    const asking = async () => (await scene.chat({ use, timeout_ms: 20_000, attempts: 2 })).invoke("x");
    const failing = failureOf(withTestPorts({ clock }, asking));
    for (const request of [1, 2]) {
      await until(`request ${request}`, () => asked.length === request);
      await clock.advance(20_000);
      if (request === 1) await clock.untilSleeping();
      await clock.advance(1_200);
    }
    expect(await failing).toMatchObject({ class: "timeout", attempts: 2, why: "it did not answer in time" });
    expect(asked.map(({ aborted }) => aborted)).toEqual([true, true]);
  });
});

describe("a fallback", () => {
  const fallbacks = { fallbacks: ["second", "third"] };
  test.each<[string, ModelStep[], string[]]>([
    ["is always broken", [broken, broken, broken, good], ["first", "first", "first", "second"]],
    ["asks to wait for an hour", [{ status: 429, headers: { "retry-after": "3600" } }, good], ["first", "second"]],
    ["refuses the key", [{ status: 401 }, good], ["first", "second"]],
    ["is nowhere", [{ status: 404 }, good], ["first", "second"]],
    ["is not there", [{ status: 404, code: "model_not_found" }, good], ["first", "second"]],
    [
      "says that the question is too long",
      [{ status: 400, code: "context_length_exceeded" }, good],
      ["first", "second"],
    ],
    ["is not paid for", [{ status: 429, code: "insufficient_quota" }, good], ["first", "second"]],
    ["is refused after another", [{ status: 401 }, { status: 403 }, good], ["first", "second", "third"]],
  ])("answers for a model that %s", async (_name, script, asked) => {
    server.script(...script);
    expect(await scene.ask(fallbacks)).toBe("Go on.");
    expect(scene.asked()).toEqual(asked);
  });

  test("is not asked what was wrong to ask", async () => {
    server.script({ status: 400 }, good);
    expect(await failureOf(scene.ask(fallbacks))).toMatchObject({ class: "validation", attempts: 1 });
    expect(scene.asked()).toEqual(["first"]);
  });

  test("that fails too is told of, with every model and why", async () => {
    server.script({ status: 401 }, broken);
    const failed = await failureOf(scene.ask({ fallbacks: ["second"], attempts: 2 }));
    expect(failed).toMatchObject({ class: "provider", status: 500, attempts: 3 });
    expect(failed["why"]).toBe("first: it answered with HTTP 401; second: it answered with HTTP 500 (asked 2 times)");
  });

  test("may be of another provider, and configured for every call", async () => {
    const other = new FakeListChatModel({ responses: ["From elsewhere."] });
    server.script({ status: 401 });
    expect(await scene.ask({ fallbacks: [other] })).toBe("From elsewhere.");
    expect((await scene.stream({ fallbacks: [other] })).join("")).toBe("From elsewhere.");
    scene = askedModels(server, { fallbacks: ["first", "second", "second"] });
    server.script({ status: 401 });
    await failureOf(scene.ask());
    expect(scene.asked()).toEqual(["first", "second"]);
    await failureOf(scene.ask({ use: await chatOver(async () => new Response("", { status: 401 })) }));
    expect(server.requests).toHaveLength(2);
  });

  test("of another provider needs no key of the configured one", async () => {
    configureModels({});
    const use = new FakeListChatModel({ responses: ["By myself."] });
    expect(await scene.ask({ use, fallbacks: ["second"] })).toBe("By myself.");
    expect(await model({ fallbacks: ["second"] })).toBeUndefined();
  });
});

describe("a stream", () => {
  test("passes its pieces on as they come", async () => {
    server.script({ text: "one two three four" });
    const pieces = await scene.stream();
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join("")).toBe("one two three four");
  });

  test.each<[string, ModelStep]>([
    ["cut before anything was said", { text: "one two", cut: 0 }],
    ["refused", { status: 503 }],
  ])("that is %s begins again, or is another model's", async (_name, step) => {
    server.script(step, { text: "whole" });
    expect((await scene.stream()).join("")).toBe("whole");
    server.script(step, step, step, { text: "whole" });
    expect((await scene.stream({ fallbacks: ["second"] })).join("")).toBe("whole");
    expect(scene.asked().at(-1)).toBe("second");
  });

  test("that is cut after its first words is told, and no second beginning is glued to it", async () => {
    server.script({ text: "one two three four five six", cut: 1 }, { text: "whole" });
    const heard: string[] = [];
    const failed = await failureOf(
      scene.within(async () => {
        const chat = await scene.chat({ fallbacks: ["second"] });
        for await (const piece of await chat.stream("x")) heard.push(piece.text);
      }),
    );
    expect(failed).toMatchObject({ code: "model_failed", class: "provider", begun: true, attempts: 1 });
    expect("one two three four five six".startsWith(heard.join(""))).toBe(true);
    expect(heard.join("")).not.toBe("");
    expect(server.requests).toHaveLength(1);
  });

  /** A model whose every request has the next of these answers, each one piece that does not say why it is the last. */
  function endless(...contents: string[]) {
    let id = 0;
    return chatOver(async () => {
      const delta = { role: "assistant", content: contents[id] };
      id += 1;
      const chunk = { id: `${id}`, object: "chat.completion.chunk", model: "m", choices: [{ index: 0, delta }] };
      const body = `data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`;
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
  }

  test("that ends as if it were whole, but does not say so, is told too", async () => {
    const failed = await failureOf(scene.stream({ use: await endless("Half an") }));
    expect(failed).toMatchObject({ class: "provider", begun: true });
  });

  test("of which only the beginning without words came leaves nothing behind", async () => {
    const ids = new Set<unknown>();
    const use = await endless("", "", "Half an");
    const reading = scene.within(async () => {
      for await (const { id } of await (await scene.chat({ use })).stream("x")) ids.add(id);
    });
    expect(await failureOf(reading)).toMatchObject({ begun: true, attempts: 3 });
    expect([...ids]).toEqual(["3"]);
  });

  test("that nobody reads to its end is put to the account, and its connection is closed", async () => {
    server.script({ text: "one two three four five six" });
    await scene.within(async () => {
      for await (const piece of await (await scene.chat()).stream("x")) if (piece.text !== "") break;
    });
    await until("the account", () => scene.guards.uses.length === 1);
    expect(scene.guards.uses[0]?.output_tokens).toBeGreaterThan(0);
  });
});

test("a key is in no error, not even where the provider repeats it", async () => {
  const own = await startModelServer();
  try {
    scene = askedModels(own, { apiKey: "a-key-of-no-known-form" });
    own.script({ status: 401, message: "Incorrect key a-key-of-no-known-form, Bearer sk-abcdef123456" });
    const failed = await failureOf(scene.ask());
    const { cause, ...facts } = failed as { cause: Error };
    const told = [JSON.stringify(facts), String(cause), cause.message, cause.stack, JSON.stringify(cause)].join();
    expect(told).toContain("[redacted]");
    expect(told).not.toMatch(/a-key-of-no-known-form|sk-abcdef/);
    expect(JSON.stringify(await scene.chat())).not.toContain("a-key-of");
  } finally {
    await own.close();
  }
});
