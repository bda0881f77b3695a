import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { LLMResult } from "@langchain/core/outputs";
import { tool } from "@langchain/core/tools";
import { Command, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { createAgent } from "langchain";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Budget } from "../../src/kit/guards.ts";
import { configureModels, model } from "../../src/kit/models/model.ts";
import { createObserver } from "../../src/runtime/observer.ts";
import { type AskedModels, askedModels, failureOf } from "../support/asked-models.ts";
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

const broken: ModelStep = { status: 503 };
const good: ModelStep = { text: "one two three four" };
const calls: ModelStep = { tool_calls: [{ name: "add", args: { a: 2, b: 3 } }] };
const add = tool(({ a, b }) => String(a + b), {
  name: "add",
  description: "Adds two numbers.",
  schema: z.object({ a: z.number(), b: z.number() }),
});

describe("tools", () => {
  test("are told to whichever model answers, and its calls come back, whole and streamed", async () => {
    server.script(broken, calls);
    const bound = (await scene.chat({ attempts: 1, fallbacks: ["second"] })).bindTools([add], { tool_choice: "any" });
    const whole = await scene.within(() => bound.invoke("2 + 3?"));
    expect(whole.tool_calls).toMatchObject([{ name: "add", args: { a: 2, b: 3 } }]);
    expect(server.requests.map(({ body }) => body["tools"])).toEqual(
      Array(2).fill([
        expect.objectContaining({ type: "function", function: expect.objectContaining({ name: "add" }) }),
      ]),
    );
    expect(server.requests[1]?.body["tool_choice"]).toBe("required");
    server.script(calls);
    let streamed: typeof whole | undefined;
    await scene.within(async () => {
      for await (const piece of await bound.stream("2 + 3?")) streamed = streamed?.concat(piece) ?? piece;
    });
    expect(streamed?.tool_calls).toMatchObject([{ name: "add", args: { a: 2, b: 3 } }]);
  });

  test("are used by an agent of LangChain's, also when a model fails on the way", async () => {
    server.script(broken, calls, broken, { text: "It is 5." });
    const agent = createAgent({ model: (await model())!, tools: [add] });
    const { messages } = await scene.within(() => agent.invoke({ messages: [{ role: "user", content: "2 + 3?" }] }));
    expect(messages.map((message) => message.text)).toEqual(["2 + 3?", "", "5", "It is 5."]);
    expect(scene.guards.uses).toHaveLength(2);
  });

  test("give an agent answers of a shape", async () => {
    const shape = z.object({ sum: z.number() });
    server.script((asked) => ({ tool_calls: [{ name: asked.tools[0]?.name ?? "", args: { sum: 5 } }] }));
    const agent = createAgent({ model: (await model())!, tools: [], responseFormat: shape });
    const { structuredResponse } = await agent.invoke({ messages: [{ role: "user", content: "2 + 3?" }] });
    expect(structuredResponse).toEqual({ sum: 5 });
  });
});

describe("an answer of a shape", () => {
  const schema = z.object({ sum: z.number() });
  const strict = { type: "json_schema", json_schema: { name: "sum", strict: true, schema: { required: ["sum"] } } };

  test("is asked for strictly where the schema allows it, of the fallback too", async () => {
    server.script(broken, { json: { sum: 5 } });
    const chat = await scene.chat({ attempts: 1, fallbacks: ["second"] });
    const structured = chat.withStructuredOutput(schema, { name: "sum" });
    expect(await scene.within(() => structured.invoke("2 + 3?"))).toEqual({ sum: 5 });
    for (const { body } of server.requests) expect(body["response_format"]).toMatchObject(strict);
    const loose = chat.withStructuredOutput(z.object({ sum: z.number().optional() }), { name: "sum" });
    server.script({ json: {} });
    expect(await scene.within(() => loose.invoke("2 + 3?"))).toEqual({});
    expect(server.requests[0]?.body["response_format"]).not.toMatchObject(strict);
  });

  test("that does not fit is an error of its own, with the raw answer for who asks for it", async () => {
    server.script({ text: "five" });
    const chat = await scene.chat();
    await expect(chat.withStructuredOutput(schema).invoke("2 + 3?")).rejects.toThrow(/^Failed to parse/);
    const both = await chat.withStructuredOutput(schema, { includeRaw: true }).invoke("2 + 3?");
    expect(both).toMatchObject({ raw: { content: "five" }, parsed: null });
    expect(server.requests).toHaveLength(2);
  });
});

describe("OpenAI's newer protocol", () => {
  test("is spoken through the same gateway: text, streams, tools and shapes, after a failure too", async () => {
    const { ChatOpenAI } = await import("@langchain/openai");
    const configuration = { baseURL: server.url };
    const use = new ChatOpenAI({ apiKey: "x", model: "newer", useResponsesApi: true, configuration });
    const chat = await scene.chat({ use });
    server.script(broken, good, broken, good, calls, { json: { sum: 5 } });
    expect((await scene.within(() => chat.invoke("x"))).text).toBe("one two three four");
    expect((await scene.stream({ use })).join("")).toBe("one two three four");
    const called = await scene.within(() => chat.bindTools([add]).invoke("2 + 3?"));
    expect(called.tool_calls).toMatchObject([{ name: "add", args: { a: 2, b: 3 } }]);
    const structured = chat.withStructuredOutput(z.object({ sum: z.number() }), { name: "sum" });
    expect(await scene.within(() => structured.invoke("2 + 3?"))).toEqual({ sum: 5 });
    expect(server.requests.map(({ asked }) => asked.protocol)).toEqual(Array(6).fill("responses"));
    expect(scene.guards.uses).toHaveLength(4);
  });
});

/** Counts the runs of models that callbacks hear of. */
class Heard extends BaseCallbackHandler {
  override readonly name = "heard";
  runs = 0;
  tokens: string[] = [];
  total = 0;
  override handleChatModelStart(): void {
    this.runs += 1;
  }
  override handleLLMNewToken(token: string): void {
    this.tokens.push(token);
  }
  override handleLLMEnd({ generations }: LLMResult): void {
    const [answer] = generations.flat() as { message?: { usage_metadata?: { total_tokens: number } } }[];
    this.total += answer?.message?.usage_metadata?.total_tokens ?? 0;
  }
}

describe("what LangChain hears", () => {
  const graphOf = (node: () => Promise<object>) =>
    new StateGraph(MessagesAnnotation).addNode("ask", node).addEdge(START, "ask");

  test("of a call is one run with its tokens once, whatever it takes", async () => {
    const heard = new Heard();
    server.script(broken, broken, broken, { ...good, usage: { input_tokens: 20, output_tokens: 10 } });
    const chat = await scene.chat({ fallbacks: ["second"] });
    await scene.within(() => chat.invoke("x", { callbacks: [heard] }));
    expect([heard.runs, heard.total, heard.tokens]).toEqual([1, 30, []]);
    for await (const _piece of await chat.stream("x", { callbacks: [heard] }));
    expect([heard.runs, heard.total, heard.tokens.join("")]).toEqual([2, 60, "one two three four"]);
  });

  test("of an answer is the answer, and nothing of how it came", async () => {
    server.script(good);
    const chat = await scene.chat();
    const whole = await scene.within(() => chat.invoke("x"));
    const messages = [whole];
    await scene.within(async () => {
      for await (const piece of await chat.stream("x")) messages.push(piece);
    });
    for (const { additional_kwargs } of messages) expect(additional_kwargs).not.toHaveProperty("__raw_response");
    expect(whole.response_metadata).toMatchObject({ model_name: "first", finish_reason: "stop", requests: 1 });
  });

  test("of a call in a graph that is streamed is each token once", async () => {
    server.script(broken, good);
    const graph = graphOf(async () => ({ messages: [await (await scene.chat()).invoke("x")] })).compile();
    const heard: string[] = [];
    await scene.within(async () => {
      for await (const [piece] of await graph.stream({ messages: [] }, { streamMode: "messages" }))
        heard.push(String(piece.content));
    });
    expect(heard.filter((text) => text !== "").length).toBeGreaterThan(1);
    expect(heard.join("")).toBe("one two three four");
  });

  test("is counted once by whoever watches the nodes, at the price of the model that answered", async () => {
    const prices = new Map([
      ["first", { input: 1, output: 1, cached: 1 }],
      ["second", { input: 1_000_000, output: 0, cached: 0 }],
    ]);
    const observer = createObserver(prices);
    server.script(broken, { ...good, usage: { input_tokens: 20, output_tokens: 10 } });
    const config = {
      metadata: { langgraph_node: "ask", langgraph_checkpoint_ns: "ask:task-1" },
    };
    const chat = await scene.chat({ attempts: 1, fallbacks: ["second"] });
    await scene.within(() => chat.invoke("x", observer.begins(config)));
    const end = { checkpoint_ns: "", checkpoint_id: "c", task_id: "task-1", task_path: "", channels: ["x"], bytes: 0 };
    expect(observer.ended({ ...end, error_class: null })).toMatchObject({
      input_tokens: 20,
      output_tokens: 10,
      cost: 20,
    });
  });
});

describe("a run over its budget", () => {
  const usage = { usage: { input_tokens: 20, output_tokens: 80 } };
  const State = z.object({ said: z.array(z.string()).default([]) });

  /** A graph whose node asks three times, with a hundred tokens each. */
  function pausing(budget: Budget) {
    server.script({ text: "a", ...usage });
    const graph = new StateGraph(State)
      .addNode("ask", async () => {
        const said: string[] = [];
        for (let call = 1; call <= 3; call += 1) said.push((await (await scene.chat()).invoke(`${call}`)).text);
        return { said };
      })
      .addEdge(START, "ask")
      .compile({ checkpointer: new MemorySaver() });
    const config = { configurable: { thread_id: "t" } };
    const run = { budget };
    return {
      start: () => scene.within(() => graph.invoke({ said: [] }, config), run),
      async answer(decision: object) {
        const [asked] = (await graph.getState(config)).tasks.flatMap(({ interrupts }) => interrupts);
        const { value_digest } = (asked?.value ?? {}) as { value_digest?: string };
        const resume = { value_digest, decisions: [{ action: 0, ...decision }] };
        return await scene.within(() => graph.invoke(new Command({ resume }), config), run);
      },
    };
  }
  const asked = (state: unknown) => (state as { __interrupt__?: { value: unknown }[] }).__interrupt__?.[0]?.value;

  test("asks a person whether it may spend more, and goes on when it may", async () => {
    const graph = pausing({ tokens: 200 });
    const paused = await graph.start();
    expect(asked(paused)).toMatchObject({
      title: "This run has used up its budget. May it spend more?",
      description: expect.stringMatching(/^Node "ask" of graph ".+" wants .* is spent: 200 tokens\. Approving/),
      actions: [{ name: "spend_more", args: { tokens: 200 } }],
    });
    expect(server.requests).toHaveLength(2);
    // The node begins again, and what it asks again is spent again.
    expect(await graph.answer({ type: "edit", args: { tokens: 1_000 } })).toMatchObject({ said: ["a", "a", "a"] });
    expect(server.requests).toHaveLength(5);
  });

  test("asks again when that is used up, too", async () => {
    const graph = pausing({ tokens: 150 });
    await graph.start();
    const again = await graph.answer({ type: "edit", args: { tokens: 100 } });
    expect(asked(again)).toMatchObject({ actions: [{ args: { tokens: 250 } }] });
    expect(await graph.answer({ type: "edit", args: { tokens: 100_000 } })).toMatchObject({ said: ["a", "a", "a"] });
  });

  test("that may not spend more fails by name", async () => {
    const graph = pausing({ tokens: 100 });
    await graph.start();
    const failed = await failureOf(graph.answer({ type: "reject", message: "too dear" }));
    expect(failed).toMatchObject({ code: "budget_exceeded", scope: "run", budget: { tokens: 100 } });
  });

  test("fails at once where there is no task that could ask", async () => {
    server.script({ text: "a", ...usage });
    await scene.ask({ budget: { tokens: 50 } });
    expect(await failureOf(scene.ask({ budget: { tokens: 50 } }))).toMatchObject({ code: "budget_exceeded" });
    expect(server.requests).toHaveLength(1);
  });
});
