import { AIMessage, type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CachePort } from "../../src/kit/guards.ts";
import { configureModels, type ModelOptions } from "../../src/kit/models/model.ts";
import type { Json } from "../../src/protocol/json.ts";
import { withTestPorts } from "../../src/testing.ts";
import { type AskedModels, askedModels } from "../support/asked-models.ts";
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

const good: ModelStep = { text: "Go on." };

describe("a kept answer", () => {
  const kept: ModelOptions = { cache: { ttl_ms: 60_000 } };
  const asks = async (messages: BaseMessage[], options = kept) =>
    scene.within(async () => (await scene.chat(options)).invoke(messages));

  test("is given again, whole or streamed, and costs nothing", async () => {
    server.script(good);
    expect(await scene.ask(kept)).toBe("Go on.");
    expect(await scene.ask(kept)).toBe("Go on.");
    expect((await scene.stream(kept)).join("")).toBe("Go on.");
    expect(server.requests).toHaveLength(1);
    expect(scene.guards.uses).toHaveLength(1);
  });

  test("has its calls of tools, and says where it is from", async () => {
    server.script({ tool_calls: [{ name: "look", args: { at: "x" } }] });
    const tools = [{ type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } }];
    const ask = () => scene.within(async () => (await scene.chat(kept)).bindTools(tools).invoke("x"));
    const [live, stored] = [await ask(), await ask()];
    expect(stored.tool_calls).toEqual(live.tool_calls);
    expect(stored.usage_metadata?.total_tokens).toBe(0);
    expect(stored.response_metadata).toMatchObject({ from: "stored", model_name: "first" });
    expect(server.requests).toHaveLength(1);
  });

  const question = [new SystemMessage("Be brief."), new HumanMessage({ content: "What now?", id: "1" })];
  const same = [new SystemMessage("Be brief."), new HumanMessage({ content: "What now?", id: "2" })];

  test("is found though messages have ids of their own, by those of its tenant alone", async () => {
    server.script(good);
    await asks(question);
    await asks(same);
    expect(server.requests).toHaveLength(1);
    await scene.within(async () => (await scene.chat(kept)).invoke(same), { tenant_id: "other" });
    expect(server.requests).toHaveLength(2);
  });

  test("is another tenant's own where a cache keeps them all together", async () => {
    const entries = new Map<string, Json>();
    const together: CachePort = {
      get: async (key) => entries.get(key),
      put: async (key, value) => void entries.set(key, value),
    };
    server.script(good);
    for (const tenant_id of ["a", "b", "a"]) {
      const guards = { ...scene.guards, cache: together };
      await withTestPorts({ guards, run: { tenant_id } }, async () => (await scene.chat(kept)).invoke(question));
    }
    expect([server.requests.length, entries.size]).toEqual([2, 2]);
  });

  test.each<[string, () => Promise<unknown>]>([
    ["model", () => asks(same, { ...kept, model: "second" })],
    ["temperature", () => asks(same, { ...kept, temperature: 0.7 })],
    ["length", () => asks(same, { ...kept, max_output_tokens: 100 })],
    ["system message", () => asks([new SystemMessage("Be long."), ...same.slice(1)])],
    ["question", () => asks([...same.slice(0, 1), new HumanMessage("What then?")])],
    ["history", () => asks([...same, new AIMessage("This."), new HumanMessage("And?")])],
    ["role", () => asks([...same.slice(0, 1), new SystemMessage("What now?")])],
    ["tools", () => withOptions({ tools: [{ type: "function", function: { name: "look", parameters: {} } }] })],
    ["stop words", () => withOptions({ stop: ["."] })],
    ["shape", () => withOptions({ shape: { name: "a", schema: { type: "object" }, strict: false } })],
  ])("is not given to a question with another %s", async (_part, ask) => {
    server.script(good);
    await asks(question);
    await ask();
    expect(server.requests).toHaveLength(2);
    await asks(question);
    expect(server.requests).toHaveLength(2);
  });

  const withOptions = (options: object) =>
    scene.within(async () => (await scene.chat(kept)).withConfig(options as never).invoke(same));

  test("is not one that is empty", async () => {
    server.script({ text: "" }, { text: "" }, good);
    expect([await scene.ask(kept), await scene.ask(kept), await scene.ask(kept)]).toEqual(["", "", "Go on."]);
  });

  test("may be of OpenAI's newer protocol, and of a model that does not say why it ended", async () => {
    const { ChatOpenAI } = await import("@langchain/openai");
    const configuration = { baseURL: server.url };
    const responses = new ChatOpenAI({ apiKey: "x", model: "newer", useResponsesApi: true, configuration });
    server.script(good);
    expect(await scene.ask({ ...kept, use: responses })).toBe("Go on.");
    expect((await scene.stream({ ...kept, use: responses })).join("")).toBe("Go on.");
    expect(server.requests).toHaveLength(1);
    const named = (model: string) => Object.assign(new FakeListChatModel({ responses: [model, "x"] }), { model });
    const [one, other] = [named("one"), named("other")];
    const said = [await scene.ask({ ...kept, use: one }), await scene.ask({ ...kept, use: one })];
    expect([...said, await scene.ask({ ...kept, use: other })]).toEqual(["one", "one", "other"]);
  });

  test("is too old after its time", async () => {
    server.script(good);
    await scene.ask(kept);
    await scene.clock.sleep(60_001);
    await scene.ask(kept);
    expect(server.requests).toHaveLength(2);
  });

  test("is the configured way for temperature 0 alone, and nobody's outside of a run", async () => {
    scene = askedModels(server, { cacheMs: 60_000 });
    server.script(good);
    for (const options of [{ temperature: 0 }, { temperature: 0 }, {}, {}, { temperature: 1 }, { temperature: 1 }])
      await scene.ask(options);
    expect(server.requests).toHaveLength(1 + 4);
    await scene.ask({ temperature: 0, cache: false });
    const chat = await scene.chat(kept);
    await chat.invoke("x");
    await chat.invoke("x");
    expect(server.requests).toHaveLength(8);
    const use = new FakeListChatModel({ responses: ["1", "2"] });
    const said = [await scene.ask({ use, temperature: 0 }), await scene.ask({ use, temperature: 0 })];
    expect(said).toEqual(["1", "2"]);
  });
});
