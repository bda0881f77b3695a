import { HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { type ModelServer, startModelServer } from "../../src/testing/model-server.ts";
import { collect } from "../support/collect.ts";

let server: ModelServer;
let openai: OpenAI;
beforeAll(async () => {
  server = await startModelServer();
  openai = new OpenAI({ apiKey: "mock", baseURL: server.url, maxRetries: 0 });
});
afterAll(() => server.close());
beforeEach(() => server.script());

const messages = [{ role: "user" as const, content: "What does it cost?" }];
const Price = z.object({
  amount: z.number().int().min(3),
  currency: z.enum(["EUR", "USD"]),
  note: z.string().nullable(),
});
const price = { amount: 5, currency: "EUR", note: null };
const lookUp = {
  type: "function" as const,
  function: {
    name: "look_up",
    parameters: { type: "object", properties: { id: { type: "integer" } }, required: ["id"] },
  },
};
const usage = { input_tokens: 100, output_tokens: 7, cached_tokens: 40 };

describe("OpenAI's client, chat completions", () => {
  test("reads a text, and what it cost, whole and as a stream", async () => {
    server.script({ text: "Five euros, net.", usage }, { text: "Five euros, net.", usage });
    const whole = await openai.chat.completions.create({ model: "m", messages });
    expect(whole.choices[0]).toMatchObject({ message: { content: "Five euros, net." }, finish_reason: "stop" });
    expect(whole.usage).toMatchObject({ prompt_tokens: 100, completion_tokens: 7, total_tokens: 107 });
    const stream = openai.chat.completions.stream({ model: "m", messages, stream_options: { include_usage: true } });
    const parts: string[] = [];
    stream.on("content", (part) => parts.push(part));
    const last = await stream.finalChatCompletion();
    expect(parts).toEqual(["Five ", "euros, ", "net."]);
    expect(last.choices[0]?.message.content).toBe("Five euros, net.");
    expect(last.usage).toMatchObject({ prompt_tokens_details: { cached_tokens: 40 } });
  });

  test("reads several calls and a text beside them, and hands the results back", async () => {
    const step = {
      text: "Looking.",
      tool_calls: [
        { name: "look_up", args: { id: 1 } },
        { name: "look_up", id: "second" },
      ],
    };
    server.script(step, step);
    const whole = await openai.chat.completions.create({ model: "m", messages, tools: [lookUp] });
    const streamed = await openai.chat.completions
      .stream({ model: "m", messages, tools: [lookUp] })
      .finalChatCompletion();
    for (const [index, { choices }] of [whole, streamed].entries()) {
      expect(choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { content: "Looking." } });
      expect(choices[0]?.message.tool_calls).toMatchObject([
        {
          id: expect.stringMatching(/^call_mock_/),
          type: "function",
          function: { name: "look_up", arguments: '{"id":1}' },
        },
        { id: "second", function: { arguments: "{}" } },
      ]);
      if (index === 1) continue;
      const answers = choices[0]!.message.tool_calls!.map(({ id }) => ({
        role: "tool" as const,
        tool_call_id: id,
        content: "5",
      }));
      const again = await openai.chat.completions.create({
        model: "m",
        messages: [...messages, choices[0]!.message, ...answers],
      });
      expect(again.choices[0]?.message.content).toMatch(/^\[mock\] Nothing is scripted for this: What does it cost\?/);
      // The step that is left belongs to the stream.
      server.script(step);
    }
  });

  test("is refused as the provider refuses it", async () => {
    const refused = async (body: object) =>
      await openai.chat.completions.create(body as never).then(
        () => "nothing",
        (error: InstanceType<typeof OpenAI.APIError>) => [error.status, error.param],
      );
    expect(await refused({ messages })).toEqual([400, "model"]);
    expect(await refused({ model: "m", messages: [] })).toEqual([400, "messages"]);
    expect(await refused({ model: "m", messages: "hello" })).toEqual([400, "messages"]);
    expect(await refused({ model: "m", messages: [{ content: "x" }] })).toEqual([400, "messages[0].role"]);
    const stray = [...messages, { role: "tool", tool_call_id: "none", content: "5" }];
    expect(await refused({ model: "m", messages: stray })).toEqual([400, "messages[1].tool_call_id"]);
    expect(await refused({ model: "m", messages, tools: [{ type: "function" }] })).toEqual([
      400,
      "tools[0].function.name",
    ]);
    const choice = { type: "function", function: { name: "other" } };
    expect(await refused({ model: "m", messages, tools: [lookUp], tool_choice: choice })).toEqual([400, "tool_choice"]);
  });
});

describe("OpenAI's client, responses", () => {
  test("reads a text and calls, whole and as a stream", async () => {
    const step = { text: "Five euros.", tool_calls: [{ name: "look_up", args: { id: 1 } }], usage };
    server.script(step, step);
    const tools = [{ type: "function" as const, name: "look_up", parameters: {}, strict: false }];
    const whole = await openai.responses.create({
      model: "m",
      instructions: "Be brief.",
      input: "What does it cost?",
      tools,
    });
    const streamed = await openai.responses.stream({ model: "m", input: messages, tools }).finalResponse();
    for (const response of [whole, streamed]) {
      expect(response.output_text).toBe("Five euros.");
      expect(response.output[1]).toMatchObject({ type: "function_call", name: "look_up", arguments: '{"id":1}' });
      expect(response.usage).toMatchObject({ input_tokens: 100, input_tokens_details: { cached_tokens: 40 } });
    }
    expect(server.requests[0]?.asked).toMatchObject({ protocol: "responses", question: "What does it cost?" });
    expect(server.requests[0]?.asked.messages[0]).toEqual({ role: "system", text: "Be brief." });
  });

  test.each([[{}], [{ input: [] }], [{ input: 5 }]])("refuses %j", async (body) => {
    await expect(openai.responses.create({ model: "m", ...body } as never)).rejects.toMatchObject({
      status: 400,
      param: "input",
    });
  });
});

test("embeddings come as numbers and as base64, of the length that is asked for", async () => {
  const vector = async (encoding_format: "float" | "base64") =>
    (await openai.embeddings.create({ model: "e", input: ["green tea"], dimensions: 8, encoding_format })).data[0]
      ?.embedding;
  expect(await vector("float")).toHaveLength(8);
  expect(await vector("base64")).toEqual(expect.any(String));
  const decoded = await openai.embeddings.create({ model: "e", input: "green tea", dimensions: 8 });
  expect(decoded.data[0]?.embedding[3]).toBeCloseTo((await vector("float"))?.[3] ?? Number.NaN, 5);
  const chain = new OpenAIEmbeddings({ apiKey: "mock", model: "e", configuration: { baseURL: server.url } });
  expect(await chain.embedQuery("green tea")).toHaveLength(1_536);
  for (const bad of [{ input: [] }, { input: "a", dimensions: 0 }, { input: "a", dimensions: 1e9 }, { input: {} }])
    await expect(openai.embeddings.create({ model: "e", ...bad } as never)).rejects.toMatchObject({ status: 400 });
});

test("models are listed, and one that is asked for is there", async () => {
  await openai.chat.completions.create({ model: "some-model", messages });
  const names = (await openai.models.list()).data.map(({ id }) => id);
  expect(names).toEqual(expect.arrayContaining(["mock", "some-model"]));
  expect(await openai.models.retrieve("other")).toMatchObject({ id: "other" });
});

describe.each([
  ["chat completions", false],
  ["responses", true],
])("LangChain's ChatOpenAI over %s", (_name, useResponsesApi) => {
  const chat = () => {
    const configuration = { baseURL: server.url, logLevel: "off" as const };
    return new ChatOpenAI({ apiKey: "mock", model: "m", maxRetries: 0, useResponsesApi, configuration });
  };

  test("reads what is said, and what it used, whole and as a stream", async () => {
    server.script({ text: "Five euros, net.", usage }, { text: "Five euros, net.", usage });
    const whole = await chat().invoke("What does it cost?");
    expect(whole.text).toBe("Five euros, net.");
    const parts = await collect(await chat().stream("What does it cost?"));
    const streamed = parts.reduce((all, part) => all.concat(part));
    expect(parts.filter(({ text }) => text !== "").map(({ text }) => text)).toEqual(["Five ", "euros, ", "net."]);
    for (const { usage_metadata } of [whole, streamed]) {
      expect(usage_metadata).toMatchObject({ input_tokens: 100, output_tokens: 7, total_tokens: 107 });
      expect(usage_metadata?.input_token_details?.cache_read).toBe(40);
    }
  });

  test("gets an answer of a strict schema, scripted or made up", async () => {
    server.script({ json: price });
    const structured = chat().withStructuredOutput(Price, { name: "price", method: "jsonSchema", strict: true });
    expect(await structured.invoke("What does it cost?")).toEqual(price);
    expect(await structured.invoke("What does it cost?")).toEqual({ amount: 3, currency: "EUR", note: "mock" });
    const last = (await collect(await structured.stream("What does it cost?"))).at(-1);
    expect(last).toEqual({ amount: 3, currency: "EUR", note: "mock" });
    const called = chat().withStructuredOutput(Price, { name: "price", method: "functionCalling" });
    expect(await called.invoke("What does it cost?")).toEqual({ amount: 3, currency: "EUR", note: "mock" });
  });

  test("gets calls, and gives their results back", async () => {
    const step = { tool_calls: [{ name: "look_up", args: { id: 7 } }] };
    server.script(step, { when: /cost/, text: "It costs five.", times: 1 }, step);
    const look = tool(async ({ id }) => `item ${id}`, {
      name: "look_up",
      description: "Looks.",
      schema: z.object({ id: z.int() }),
    });
    const bound = chat().bindTools([look]);
    server.script(step, step);
    const asked = await bound.invoke("What does it cost?");
    const streamed = (await collect(await bound.stream("What does it cost?"))).reduce((all, part) => all.concat(part));
    for (const { tool_calls } of [asked, streamed])
      expect(tool_calls).toMatchObject([{ name: "look_up", args: { id: 7 } }]);
    const result = await look.invoke(asked.tool_calls![0]!);
    server.script({ text: "It costs five." });
    const end = await bound.invoke([new HumanMessage("What does it cost?"), asked, result]);
    expect(end.text).toBe("It costs five.");
    expect(server.requests[0]?.asked.messages.at(-1)).toEqual({ role: "tool", text: "item 7" });
  });

  test("learns of every fault by its type", async () => {
    const fails = async (step: object, ask: () => Promise<unknown> = () => chat().invoke("x")) => {
      server.script(step);
      return await ask().then(
        () => "nothing",
        (error: Error & { status?: number; headers?: Headers }) => error,
      );
    };
    const streaming = async () => await collect(await chat().stream("x"));
    const busy = { status: 429, headers: { "retry-after": "7" }, code: "rate_limit_exceeded" };
    const limited = (await fails(busy)) as { status: number; headers: Headers };
    expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "7"]);
    expect(await fails({ status: 500 })).toMatchObject({ status: 500 });
    expect(await fails({ status: 401, message: "wrong key" })).toMatchObject({
      message: expect.stringContaining("wrong key"),
    });
    for (const ask of [undefined, streaming]) {
      expect(await fails({ text: "one two three", cut: 0 }, ask)).toBeInstanceOf(Error);
      expect(await fails({ text: "one two three", cut: 2 }, ask)).toBeInstanceOf(Error);
      expect(await fails({ text: "one two three", malformed: "body" }, ask)).toBeInstanceOf(Error);
    }
    const structured = chat().withStructuredOutput(Price, { name: "price", method: "jsonSchema" });
    expect(await fails({ json: price, malformed: "content" }, () => structured.invoke("x"))).toBeInstanceOf(Error);
    const impatient = () => chat().invoke("x", { timeout: 30 });
    expect(await fails({ hang: true }, impatient)).toBeInstanceOf(Error);
    expect(await fails({ text: "late", slow: { first_byte_ms: 600_000 } }, impatient)).toBeInstanceOf(Error);
    server.script({ text: "one two three", cut: 2 });
    const heard: string[] = [];
    await expect(async () => {
      for await (const part of await chat().stream("x")) heard.push(part.text);
    }).rejects.toThrow();
    // How much of it is read before the end is seen is the client's affair.
    expect("one two ".startsWith(heard.join(""))).toBe(true);
  });
});

test("nonsense and too much of it is answered, and the server goes on", async () => {
  const url = `${server.url}/chat/completions`;
  const status = async (path: string, init: RequestInit) => (await fetch(path, init)).status;
  for (const body of ["", "{", "[]", "null", '"x"', "\0"])
    expect(await status(url, { method: "POST", body })).toBe(400);
  expect(await status(url, { method: "GET" })).toBe(404);
  expect(await status(`${server.url}/completions`, { method: "POST", body: "{}" })).toBe(404);
  expect(await status(url, { method: "POST", body: Buffer.alloc(9 * 1024 * 1024, "x") })).toBe(413);
  expect((await openai.chat.completions.create({ model: "m", messages })).object).toBe("chat.completion");
});
