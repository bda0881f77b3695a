import { AIMessage, HumanMessage, RemoveMessage, ToolMessage } from "@langchain/core/messages";
import { DeltaSnapshot } from "@langchain/langgraph-checkpoint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decode } from "../../src/postgres/checkpointer/decode.ts";
import { encode } from "../../src/postgres/checkpointer/encode.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type CountedSaver, checkpointOf, METADATA, openCounted } from "./support.ts";
import { collect } from "./walk.ts";

let database: TestDatabase;
let counted: CountedSaver;
let replica: CountedSaver;

beforeAll(async () => {
  database = await createTestDatabase();
  counted = openCounted(database.url);
  replica = openCounted(database.url);
});
afterAll(async () => {
  await Promise.all([counted.end(), replica.end()]);
  await database.drop();
});

/** An object made by JSON.parse, so that `__proto__` is a field of its own. */
const withProtoField: unknown = JSON.parse('{"__proto__": {"polluted": true}, "x": [1, {"__proto__": null}]}');

const values: Record<string, unknown> = {
  "a string with NUL": "a\0b",
  "lone surrogates": ["\ud800", "\udfff x", "😀"],
  "keys with NUL and surrogates": { "\0key": 1, "\ud834": 2 },
  "numbers JSON cannot say": [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 5e-324],
  "a BigInt": 2n ** 80n,
  "a Date": new Date("2026-11-21T17:00:00.123Z"),
  "an invalid Date": new Date(Number.NaN),
  "a Map with object keys": new Map<unknown, unknown>([[{ a: 1 }, new Set([1n])]]),
  "a Set": new Set(["x", undefined, null]),
  bytes: new Uint8Array([0, 1, 255]),
  "typed arrays": [new Float32Array([1.5, -2]), new BigInt64Array([-1n])],
  "a RegExp": /a\/b/giu,
  undefined,
  "undefined inside": { a: undefined, b: [undefined, null] },
  "a delta snapshot": new DeltaSnapshot([new HumanMessage({ id: "1", content: "x" })]),
  "empty containers": [{}, [], "", new Map(), new Set()],
  "a field called __proto__": withProtoField,
  "an object that looks like one of our tags": { $hp: "date", value: "2026-01-01" },
  "such an object inside one": {
    $hp: "object",
    value: { $hp: "message", name: "HumanMessage", value: { content: "x" } },
  },
  "a serialised constructor": {
    lc: 1,
    type: "constructor",
    id: ["langchain_core", "messages", "HumanMessage"],
    kwargs: { content: "x" },
  },
  "a serialised secret": { lc: 1, type: "secret", id: ["OPENAI_API_KEY"] },
  "a constructor record of the official format": {
    lc: 2,
    type: "constructor",
    id: ["Function"],
    method: "constructor",
    args: ["return 1"],
  },
  "a long list": Array.from({ length: 400 }, (_, index) => ({
    index,
    text: "\0".repeat(index % 3),
    at: new Date(index),
  })),
  "a long text": "\ud800\0🚀".repeat(1000),
};

describe("every kind of value comes back as it went in", () => {
  test.each(Object.entries(values))("%s", async (name, value) => {
    const config = { configurable: { thread_id: `value ${name}` } };
    const { checkpoint, versions } = checkpointOf({ channel: value, other: [value] });
    const stored = await counted.saver.put(config, checkpoint, { ...METADATA, note: value } as never, versions);
    await counted.saver.putWrites(stored, [["channel", value]], "task");
    for (const { saver } of [counted, replica]) {
      const tuple = await saver.getTuple(config);
      expect(tuple?.checkpoint.channel_values["channel"]).toStrictEqual(value);
      expect(tuple?.checkpoint.channel_values["other"]).toStrictEqual([value]);
      expect(tuple?.pendingWrites).toStrictEqual([["task", "channel", value]]);
      expect(tuple?.metadata as unknown).toHaveProperty("note", value);
      expect((await collect(saver.list(config)))[0]?.checkpoint.channel_values["channel"]).toStrictEqual(value);
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test("messages of every kind, with the changes nodes made in place", async () => {
    const changed = new AIMessage({
      id: "2",
      content: "before",
      tool_calls: [{ id: "c", name: "pay", args: { amount: 1 } }],
    });
    changed.content = "after";
    const messages = [
      new HumanMessage({
        id: "1",
        content: [{ type: "text", text: "hi" }],
        name: "Ada",
        additional_kwargs: { lc: 1, n: 1n },
      }),
      changed,
      new ToolMessage({ id: "3", content: "ok", tool_call_id: "c", status: "success", artifact: new Map([["a", 1]]) }),
      new RemoveMessage({ id: "1" }),
    ];
    const restored = decode(encode(messages)) as typeof messages;
    expect(restored.map((message) => message.constructor)).toEqual(messages.map((message) => message.constructor));
    expect(restored.map((message) => message.toJSON())).toEqual(messages.map((message) => message.toJSON()));
    expect(restored[1]?.content).toBe("after");
  });
});

test("an object of a class of the user's own is stored as its fields, one with toJSON as what that gives", () => {
  class Invoice {
    total = 3;
    pay() {}
  }
  expect(decode(encode({ invoice: new Invoice(), url: new URL("http://localhost/x"), act: () => 1 }))).toEqual({
    invoice: { total: 3 },
    url: "http://localhost/x",
  });
});

test("a value that contains itself is refused with what to do about it", async () => {
  const loop: Record<string, unknown> = {};
  loop["self"] = loop;
  const { checkpoint, versions } = checkpointOf({ loop });
  await expect(
    counted.saver.put({ configurable: { thread_id: "loop" } }, checkpoint, METADATA, versions),
  ).rejects.toThrow(/contains itself/);
});

test("twenty megabytes come back", async () => {
  const config = { configurable: { thread_id: "large" } };
  const large = { text: "0123456789abcdef\u0000ü".repeat(1_100_000) };
  const { checkpoint, versions } = checkpointOf({ large, list: [large.text.slice(0, 2_000_000), "x"] });
  await counted.saver.put(config, checkpoint, METADATA, versions);
  const read = (await replica.saver.getTuple(config))?.checkpoint.channel_values;
  // Compared here, because a difference would print both.
  expect((read?.["large"] as typeof large | undefined)?.text === large.text).toBe(true);
  expect(read?.["list"]).toHaveProperty("1", "x");
});

test("what a caller does to a value after it was put changes nothing that is stored", async () => {
  const config = { configurable: { thread_id: "mutated" } };
  const list = Array.from({ length: 100 }, (_, index) => ({ text: `element number ${index}` }));
  const { checkpoint, versions } = checkpointOf({ list });
  const put = counted.saver.put(config, checkpoint, METADATA, versions);
  list.forEach((element) => {
    element.text = "changed";
  });
  await put;
  const read = await counted.saver.getTuple(config);
  const elements = read?.checkpoint.channel_values["list"] as typeof list;
  expect(elements[7]?.text).toBe("element number 7");
  elements[7]!.text = "changed by a reader";
  const again = (await counted.saver.getTuple(config))?.checkpoint.channel_values["list"] as typeof list;
  expect(again[7]?.text).toBe("element number 7");
});

test("metadata is found by what it contains, also where it holds what jsonb cannot", async () => {
  const thread_id = "filter";
  let config: { configurable?: Record<string, unknown> } = { configurable: { thread_id } };
  for (const [step, owner] of ["a\0b", "c", "a\0b"].entries()) {
    const { checkpoint } = checkpointOf({});
    config = await counted.saver.put(config, checkpoint, { ...METADATA, step, owner } as never, {});
  }
  const found = await collect(replica.saver.list({ configurable: { thread_id } }, { filter: { owner: "a\0b" } }));
  expect(found.map(({ metadata }) => metadata?.step)).toEqual([2, 0]);
});
