import { START, StateGraph, StateSchema } from "@langchain/langgraph";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { type AskResult, askModel } from "../../src/kit/models/ask-model.ts";
import { configureModels, model } from "../../src/kit/models/model.ts";
import { withTestPorts } from "../../src/testing.ts";
import { type OpenAIServer, startOpenAIServer } from "../support/openai-server.ts";

const schema = z.object({ invoice_id: z.number().int().min(1).nullable(), reason: z.string().max(20) });
const good = { json: { invoice_id: 5, reason: "broken" } };

let server: OpenAIServer;
beforeAll(async () => {
  server = await startOpenAIServer();
});
afterAll(() => server.close());
beforeEach(() => configureModels({ apiKey: "sk-test", baseUrl: server.url, model: "test-model", firstWaitMs: 1 }));
afterEach(() => configureModels({}));

type Answer = AskResult<z.infer<typeof schema>>;

async function ask(options: { timeout_ms?: number; signal?: AbortSignal } = {}): Promise<Answer> {
  const chat = (await model({ temperature: 0, timeout_ms: options.timeout_ms ?? 10_000 }))!;
  const question = () => askModel({ model: chat, schema, name: "request", system: "Read.", user: "Refund invoice 5." });
  return options.signal === undefined ? question() : withTestPorts({ signal: options.signal }, question);
}

/** Asks in a graph whose client streams messages: LangChain then streams the model's answer too. */
async function askStreaming(): Promise<Answer> {
  const State = new StateSchema({ done: z.boolean() });
  let answer: Answer | undefined;
  const graph = new StateGraph(State)
    .addNode("ask", async () => {
      answer = await ask();
      return { done: true };
    })
    .addEdge(START, "ask")
    .compile();
  for await (const _part of await graph.stream({ done: false }, { streamMode: "messages" }));
  return answer!;
}

describe("the configured model", () => {
  test.each([{}, { apiKey: "" }, { baseUrl: "http://127.0.0.1:1/v1" }])("is none for %j", async (configuration) => {
    configureModels(configuration);
    expect(await model()).toBeUndefined();
  });

  test("is asked at its address with its key, its name and the schema", async () => {
    server.script(good);
    expect(await ask()).toMatchObject({ ok: true, value: good.json });
    const [request] = server.requests;
    expect(request?.authorization).toBe("Bearer sk-test");
    expect(request?.body).toMatchObject({
      model: "test-model",
      temperature: 0,
      messages: [
        { role: "system", content: "Read." },
        { role: "user", content: "Refund invoice 5." },
      ],
      response_format: { type: "json_schema", json_schema: { name: "request", strict: true } },
    });
  });

  test("may stream its answer, or give it as a tool call", async () => {
    server.script(good);
    expect(await askStreaming()).toMatchObject({ ok: true, value: good.json });
    expect(server.requests[0]?.body.stream).toBe(true);
    const chat = (await model())!;
    const structured = chat.withStructuredOutput(schema, { name: "request", method: "functionCalling" });
    expect(await structured.invoke("Refund invoice 5.")).toEqual(good.json);
    let last: unknown;
    for await (const part of await structured.stream("Refund invoice 5.")) last = part;
    expect(last).toEqual(good.json);
  });
});

const busy = { status: 429, headers: { "retry-after": "0" } };
const broken = { status: 500, headers: { "retry-after-ms": "1" } };

describe("a model that fails", () => {
  test.each<[string, Parameters<OpenAIServer["script"]>, number]>([
    ["is busy", [busy, good], 2],
    ["is broken", [broken, { status: 503, headers: { "retry-after": "0" } }, good], 3],
    ["cuts its answer", [{ cut: true }, good], 2],
    ["writes no JSON", [{ text: "Sure! Invoice 5." }, good], 2],
    ["writes half a JSON", [{ text: '{"invoice_id": 5, "rea' }, good], 2],
    ["answers another question", [{ json: { colour: "blue" } }, good], 2],
    ["breaks a bound that only the schema knows", [{ json: { invoice_id: 5, reason: "x".repeat(21) } }, good], 2],
    ["says nothing", [{ text: "" }, good], 2],
  ])("%s is asked again", async (_name, script, requests) => {
    server.script(...script);
    expect(await ask()).toMatchObject({ ok: true, value: good.json });
    expect(server.requests).toHaveLength(requests);
  });

  test("that cuts its stream is asked again", async () => {
    server.script({ cut: true }, good);
    expect(await askStreaming()).toMatchObject({ ok: true, value: good.json });
    expect(server.requests).toHaveLength(2);
  });

  test.each<[string, Parameters<OpenAIServer["script"]>, RegExp, number]>([
    ["is always busy", [busy], /too many requests \(HTTP 429\)/, 3],
    ["is always broken", [broken], /HTTP 500/, 3],
    ["always cuts", [{ cut: true }], /connection to it failed|not the JSON/, 3],
    ["never writes JSON", [{ text: "no" }], /not the JSON/, 3],
    ["never has the shape", [{ json: {} }], /shape|not the JSON/, 3],
    ["asks to wait for an hour", [{ status: 429, headers: { "retry-after": "3600" } }], /HTTP 429/, 1],
    ["does not know the key", [{ status: 401 }], /HTTP 401/, 1],
    ["does not know the model", [{ status: 404 }], /HTTP 404/, 1],
    ["refuses the request", [{ status: 400 }], /HTTP 400/, 1],
  ])("%s is given up with a reason", async (_name, script, reason, attempts) => {
    server.script(...script);
    const answer = await ask();
    expect(answer).toMatchObject({ ok: false, reason: expect.stringMatching(reason), attempts });
    expect(server.requests).toHaveLength(attempts);
  });

  test("that is silent is given up after its time", async () => {
    server.script({ hang: true });
    expect(await ask({ timeout_ms: 50 })).toMatchObject({
      ok: false,
      reason: "it did not answer in time",
      attempts: 3,
    });
  });

  test("that is not there is given up", async () => {
    configureModels({ apiKey: "sk-test", baseUrl: "http://127.0.0.1:1/v1", model: "test-model", firstWaitMs: 1 });
    expect(await ask()).toMatchObject({ ok: false, reason: expect.stringMatching(/^the connection to it failed/) });
  });

  test("is not waited for by a cancelled run", async () => {
    const controller = new AbortController();
    server.script(() => {
      controller.abort(new Error("cancelled by Ana"));
      return { hang: true };
    });
    await expect(ask({ signal: controller.signal })).rejects.toThrow("cancelled by Ana");
    expect(server.requests).toHaveLength(1);
  });
});
