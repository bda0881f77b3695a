import { inspect } from "node:util";
import {
  AIMessage,
  AIMessageChunk,
  type BaseMessage,
  ChatMessage,
  HumanMessage,
  RemoveMessage,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSaver } from "../../src/postgres/checkpointer/saver.ts";
import { collect } from "../support/collect.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type CountedSaver, checkpointOf, METADATA, openCounted } from "./support.ts";

let database: TestDatabase;
let counted: CountedSaver;

beforeAll(async () => {
  database = await createTestDatabase();
  counted = openCounted(database.url);
});
afterAll(async () => {
  await counted.end();
  await database.drop();
});

/** Puts the channels, all of them changed, and gives where. */
async function put(config: RunnableConfig, channels: Record<string, unknown>): Promise<RunnableConfig> {
  const { checkpoint, versions } = checkpointOf(channels);
  return await counted.saver.put(config, checkpoint, METADATA, versions);
}

/** What a saver that has never seen the thread reads there. */
async function read(config: RunnableConfig): Promise<Record<string, unknown>> {
  const tuple = await createSaver({ pool: counted.pool }).getTuple(config);
  return tuple?.checkpoint.channel_values ?? {};
}

/** Everything that can be read of messages, as text: what toJSON gives is alive, and leaves out what it does not know. */
const shown = (messages: unknown) =>
  (messages as (BaseMessage & Record<string, unknown>)[]).map((message) => {
    const fields = Object.keys(message).filter((name) => !name.startsWith("lc_") && message[name] !== undefined);
    const read = fields.map((name) => [name, message[name]]);
    return inspect([message.constructor.name, Object.fromEntries(read)], { depth: null, sorted: true });
  });

const everyClass = [
  new HumanMessage({
    id: "1",
    content: [{ type: "text", text: "\0\ud800" }],
    name: "Ada",
    additional_kwargs: { n: 1n, lc: 1 },
  }),
  new AIMessage({
    id: "2",
    content: "x",
    tool_calls: [{ id: "c", name: "pay", args: { amount: 1 } }],
    usage_metadata: { input_tokens: 1, output_tokens: 2, total_tokens: 3 },
    response_metadata: { at: new Date(0), $hp: "date" },
  }),
  new AIMessageChunk({
    content: "",
    tool_call_chunks: [{ id: "c", index: 0, name: "pay", args: '{"amount":1}', type: "tool_call_chunk" }],
  }),
  new ChatMessage({ role: "critic", content: "x" }),
  new SystemMessage("be brief"),
  new ToolMessage({ id: "3", content: "ok", tool_call_id: "c", status: "success", artifact: new Map([["a", 1]]) }),
  new RemoveMessage({ id: "1" }),
  new HumanMessage({ content: "x", additional_kwargs: JSON.parse('{"__proto__":{"polluted":true}}') }),
];

test("messages of every class come back as what they were: as a list, alone, as a write", async () => {
  const config = { configurable: { thread_id: "classes" } };
  const stored = await put(config, {
    messages: everyClass,
    first: everyClass[0],
    big: [...everyClass, "x".repeat(2000)],
  });
  await counted.saver.putWrites(stored, [["messages", everyClass]], "task");
  const [listed] = await collect(createSaver({ pool: counted.pool }).list(config));
  for (const values of [await read(config), listed?.checkpoint.channel_values ?? {}]) {
    const messages = values["messages"] as BaseMessage[];
    expect(messages.map((message) => message.constructor)).toEqual(everyClass.map((message) => message.constructor));
    expect(shown(messages)).toEqual(shown(everyClass));
    expect(shown([values["first"]])).toEqual(shown([everyClass[0]]));
    expect(shown((values["big"] as BaseMessage[]).slice(0, -1))).toEqual(shown(everyClass));
    expect(Object.keys(messages.at(-1)?.additional_kwargs ?? {})).toEqual(["__proto__"]);
  }
  expect(shown(listed?.pendingWrites?.[0]?.[2])).toEqual(shown(everyClass));
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

/** Two messages with something of everything that a node can change in place. */
function conversation() {
  const human = new HumanMessage({
    id: "1",
    name: "Ada",
    content: [{ type: "text", text: "before" }],
    additional_kwargs: { deep: { list: [{ text: "before" }] } },
  });
  const ai = new AIMessage({
    id: "2",
    content: "before",
    tool_calls: [{ id: "c", name: "pay", args: { amount: 1, to: { name: "Ada" } } }],
    usage_metadata: { input_tokens: 1, output_tokens: 2, total_tokens: 3 },
    response_metadata: { model: "before", seen: new Set(["before"]), at: new Date(0) },
  });
  const tool = new ToolMessage({ id: "3", content: "before", tool_call_id: "c", artifact: { rows: [1] } });
  const answer = new AIMessage({ id: "4", content: "before" });
  const bare = new ToolMessage({ id: "5", content: "before", tool_call_id: "d" });
  return { human, ai, tool, answer, bare };
}
type Conversation = ReturnType<typeof conversation>;

type Change = (conversation: Conversation) => void;

/** Assigns as carelessly as nodes do. */
function set(target: unknown, path: string, value: unknown): void {
  const names = path.split(".");
  const last = names.pop() as string;
  const owner = names.reduce<Record<string, unknown>>(
    (object, name) => object[name] as Record<string, unknown>,
    target as Record<string, unknown>,
  );
  if (value === undefined) delete owner[last];
  else owner[last] = value;
}

const changes: Record<string, Change> = {
  content: ({ ai }) => set(ai, "content", "after"),
  "a block of the content": ({ human }) => set(human, "content.0.text", "after"),
  "a block more": ({ human }) => set(human, "content.1", { type: "text", text: "after" }),
  "content as another type": ({ ai }) => set(ai, "content", [{ type: "text", text: "before" }]),
  "additional_kwargs, deep": ({ human }) => set(human, "additional_kwargs.deep.list.0.text", "after"),
  "additional_kwargs, another object": ({ human }) => set(human, "additional_kwargs", { after: 1 }),
  "a field removed from additional_kwargs": ({ human }) => set(human, "additional_kwargs.deep", undefined),
  response_metadata: ({ ai }) => set(ai, "response_metadata.model", "after"),
  "a Set in response_metadata": ({ ai }) => {
    (ai.response_metadata["seen"] as Set<string>).add("after");
  },
  "a Date in response_metadata": ({ ai }) => {
    (ai.response_metadata["at"] as Date).setTime(1);
  },
  "an argument of a tool call": ({ ai }) => set(ai, "tool_calls.0.args.amount", 2),
  "an argument of a tool call, deep": ({ ai }) => set(ai, "tool_calls.0.args.to.name", "Eve"),
  "a tool call more": ({ ai }) => set(ai, "tool_calls.1", { id: "d", name: "pay", args: {} }),
  "no tool calls": ({ ai }) => set(ai, "tool_calls", []),
  id: ({ ai }) => set(ai, "id", "after"),
  "a name": ({ human }) => set(human, "name", "Eve"),
  "a name where there was none": ({ ai }) => set(ai, "name", "Eve"),
  "a status where there was none": ({ tool }) => set(tool, "status", "error"),
  "a name taken away": ({ human }) => {
    human.name = undefined as never;
  },
  "usage where there was none": ({ answer }) => set(answer, "usage_metadata", { total_tokens: 9 }),
  "an artifact where there was none": ({ bare }) => set(bare, "artifact", { rows: [1] }),
  usage_metadata: ({ ai }) => set(ai, "usage_metadata.input_tokens", 9),
  "an artifact, deep": ({ tool }) => set(tool, "artifact.rows.1", 2),
  "the call it answers": ({ tool }) => set(tool, "tool_call_id", "after"),
};

describe("what a node changes in place between two puts is stored by the second", () => {
  const filler = new SystemMessage({ id: "0", content: "x".repeat(3000) });

  test.each(Object.entries(changes))("%s", async (name, change) => {
    const talk = conversation();
    const messages = [filler, ...Object.values(talk)];
    const before = shown(messages);
    const first = await put(
      { configurable: { thread_id: name } },
      { messages, latest: talk.ai, short: [talk.human, talk.tool] },
    );
    expect(shown((await read(first))["messages"])).toEqual(before);
    change(talk);
    const after = shown(messages);
    expect(after).not.toEqual(before);
    const second = await put(first, { messages, latest: talk.ai, short: [talk.human, talk.tool] });
    const values = await read(second);
    expect(shown(values["messages"])).toEqual(after);
    expect(shown([values["latest"]])).toEqual(shown([talk.ai]));
    expect(shown(values["short"])).toEqual(shown([talk.human, talk.tool]));
    // History is what it was.
    expect(shown((await read(first))["messages"])).toEqual(before);
  });

  test.each(Object.entries(changes))("%s, changed there and back again", async (name, change) => {
    const talk = conversation();
    const messages = [filler, ...Object.values(talk)];
    const before = shown(messages);
    const first = await put({ configurable: { thread_id: `back ${name}` } }, { messages });
    change(talk);
    const second = await put(first, { messages });
    const fresh = conversation();
    const third = await put(second, { messages: [filler, ...Object.values(fresh)] });
    expect(shown((await read(third))["messages"])).toEqual(before);
    expect(shown((await read(second))["messages"])).toEqual(shown(messages));
  });
});

test("one message in two channels and two threads is each time what it was at that moment", async () => {
  const shared = new AIMessage({ id: "1", content: "one ".repeat(500) });
  const left = await put({ configurable: { thread_id: "left" } }, { a: [shared], b: [shared, shared] });
  shared.content = "two ".repeat(500);
  const right = await put({ configurable: { thread_id: "right" } }, { a: [shared] });
  shared.content = "three ".repeat(500);
  const later = await put(left, { a: [shared], b: [shared] });
  const contents = async (config: RunnableConfig) =>
    Object.fromEntries(
      Object.entries(await read(config)).map(([channel, messages]) => [
        channel,
        (messages as AIMessage[]).map(({ text }) => text.split(" ")[0]),
      ]),
    );
  expect(await contents(left)).toEqual({ a: ["one"], b: ["one", "one"] });
  expect(await contents(right)).toEqual({ a: ["two"] });
  expect(await contents(later)).toEqual({ a: ["three"], b: ["three"] });
});

test("what a caller does to a value after it was put, or read, changes nothing that is stored", async () => {
  const config = { configurable: { thread_id: "mutated" } };
  const talk = [
    new HumanMessage({ id: "1", content: "before" }),
    ...Array.from({ length: 100 }, (_, n) => ({ text: `element ${n}` })),
  ];
  const putting = put(config, { talk });
  for (const element of talk.slice(1) as { text: string }[]) element.text = "changed by the writer";
  (talk[0] as HumanMessage).content = "changed by the writer";
  await putting;
  for (const by of ["nobody", "a reader"]) {
    const tuple = await counted.saver.getTuple(config);
    const read = tuple?.checkpoint.channel_values["talk"];
    const [message, ...elements] = read as [HumanMessage, ...{ text: string }[]];
    expect([message.content, elements[7]?.text], by).toEqual(["before", "element 7"]);
    message.content = "changed by a reader";
    elements[7]!.text = "changed by a reader";
  }
});
