import { HumanMessage } from "@langchain/core/messages";
import { Send } from "@langchain/langgraph";
import { DeltaSnapshot, MemorySaver } from "@langchain/langgraph-checkpoint";
import { afterAll, beforeAll, expect, test } from "vitest";
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
  "a serialised class name": { lc: 1, type: "constructor", id: ["__proto__", "constructor", "../../x"], kwargs: {} },
  "a serialised undefined": { lc: 2, type: "undefined" },
  "lc_kwargs of a stranger": { lc_kwargs: { content: "x" }, lc_namespace: ["langchain_core"], lc_serializable: true },
  "an object that calls itself a Send": { lg_name: "Send", node: "pay", args: {} },
  "a big dict": Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [`key ${index}\0\ud800`, new Date(index)]),
  ),
  "a big dict that looks like one of our tags": { $hp: "map", value: "x".repeat(2000) },
  "a long list": Array.from({ length: 400 }, (_, index) => ({
    index,
    text: "\0".repeat(index % 3),
    at: new Date(index),
  })),
  "a long text": "\ud800\0🚀".repeat(1000),
};

/** Stored as a channel, in a list, as a write and in metadata; read by who stored it, by a fresh saver and in a list. */
async function roundTrip(name: string, value: unknown) {
  const config = { configurable: { thread_id: `value ${name}` } };
  const { checkpoint, versions } = checkpointOf({ channel: value, other: [value] });
  const stored = await counted.saver.put(config, checkpoint, { ...METADATA, note: value } as never, versions);
  await counted.saver.putWrites(stored, [["channel", value]], "task");
  const fresh = createSaver({ pool: counted.pool });
  const tuples = [
    await counted.saver.getTuple(config),
    await fresh.getTuple(config),
    ...(await collect(fresh.list(config))),
  ];
  expect(tuples).toHaveLength(3);
  return tuples.map((tuple) => ({
    values: tuple?.checkpoint.channel_values ?? {},
    writes: tuple?.pendingWrites,
    metadata: tuple?.metadata as Record<string, unknown> | undefined,
  }));
}

const unpolluted = () => expect(({} as { polluted?: boolean }).polluted).toBeUndefined();

test.each(Object.entries(values))("%s comes back as it went in, by every way", async (name, value) => {
  for (const { values, writes, metadata } of await roundTrip(name, value)) {
    expect(values["channel"]).toStrictEqual(value);
    expect(values["other"]).toStrictEqual([value]);
    expect(writes).toStrictEqual([["task", "channel", value]]);
    expect(metadata?.["note"]).toStrictEqual(value);
  }
  unpolluted();
});

test("a big dict with fields that name prototypes comes back with fields of these names", async () => {
  const fields = `"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"text":"${"x".repeat(2000)}"`;
  for (const text of [`{${fields}}`, `{"deep":[{${fields}}],${fields}}`]) {
    for (const { values, writes } of await roundTrip(`prototypes ${text.length}`, JSON.parse(text))) {
      expect(JSON.stringify(values["channel"])).toBe(text);
      expect(JSON.stringify(writes?.[0]?.[2])).toBe(text);
    }
  }
  unpolluted();
});

class Invoice {
  total = 3;
  readonly lines = [1n];
  pay() {}
}
class Secret {
  readonly #key = "k";
  toJSON() {
    return { shown: this.#key.length };
  }
}

/** What JSON changes, and Holdpoint with it: kept as MemorySaver keeps it. */
const shaped: Record<string, [before: unknown, after: unknown]> = {
  "an instance of a class of the user's own": [Object.assign(new Invoice(), { lines: [] }), { total: 3, lines: [] }],
  "an object with toJSON": [new Secret(), { shown: 1 }],
  "toJSON that gives one of our tags": [{ toJSON: () => ({ $hp: "date" }) }, { $hp: "date" }],
  "toJSON that gives nothing": [[{ toJSON: () => undefined }], [undefined]],
  "a URL": [new URL("http://localhost/x"), "http://localhost/x"],
  getters: [
    {
      get total() {
        return 3;
      },
    },
    { total: 3 },
  ],
  "functions and symbols in an object": [{ act: () => 1, of: Symbol("x"), a: 1 }, { a: 1 }],
  "functions and symbols in a list": [
    [() => 1, Symbol("x")],
    [null, null],
  ],
  "a sparse list": [
    // biome-ignore lint/suspicious/noSparseArray: the holes are what this is about
    [, 1, ,],
    [undefined, 1, undefined],
  ],
  "a list with fields of its own": [Object.assign([1], { more: 2 }), [1]],
  "an object without a prototype": [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  "frozen objects": [Object.freeze([Object.freeze({ a: Object.freeze([1]) })]), [{ a: [1] }]],
  "boxed strings": [[new String("x")], ["x"]],
  "a Send": [new Send("pay", { amount: 1 }), { node: "pay", args: { amount: 1 } }],
  "what has no fields": [
    [new WeakMap(), Promise.resolve(1)],
    [{}, {}],
  ],
};

test.each(Object.entries(shaped))("%s: what is kept is what MemorySaver keeps", async (name, [before, after]) => {
  for (const { values } of await roundTrip(name, before)) {
    expect(values["channel"]).toStrictEqual(after);
    expect(values["other"]).toStrictEqual([after]);
  }
  expect(await inMemory(before)).toStrictEqual(after);
});

async function inMemory(value: unknown): Promise<unknown> {
  const memory = new MemorySaver();
  const config = { configurable: { thread_id: "memory" } };
  const { checkpoint } = checkpointOf({ channel: value });
  await memory.put(config, checkpoint, METADATA);
  return (await memory.getTuple(config))?.checkpoint.channel_values["channel"];
}

const serialised = (id: string[]) => ({ lc: 2, type: "constructor", id, method: null, args: [[1]] });

/** Where Holdpoint differs from MemorySaver: it keeps what JSON loses, and makes nothing from what data says. */
const kept: Record<string, readonly [value: unknown, inMemory: unknown]> = {
  "numbers JSON cannot say": [
    [Number.NaN, -0],
    [null, 0],
  ],
  "a Date": [new Date(0), "1970-01-01T00:00:00.000Z"],
  "an invalid Date": [new Date(Number.NaN), null],
  "a typed array": [new Float32Array([1.5]), { 0: 1.5 }],
  "a field called __proto__": [JSON.parse('{"__proto__":{"a":1},"x":1}'), { x: 1 }],
  "a Set that somebody described": [serialised(["Set"]), new Set([1])],
  "a message that somebody described": [
    { lc: 1, type: "constructor", id: ["langchain_core", "messages", "HumanMessage"], kwargs: { content: "x" } },
    new HumanMessage("x"),
  ],
};

test.each(Object.entries(kept))("%s is kept as it is, where MemorySaver changes it", async (name, [value, changed]) => {
  for (const { values } of await roundTrip(`kept ${name}`, value)) expect(values["channel"]).toStrictEqual(value);
  expect(await inMemory(value)).toStrictEqual(changed);
  unpolluted();
});

const bytes = (size: number) => new Uint8Array(size);
/** A value that no text stands for, and what to store instead. */
const refused: Record<string, [value: unknown, message: RegExp]> = {
  "an ArrayBuffer": [bytes(2).buffer, /ArrayBuffer, which cannot be stored; store a Uint8Array/],
  "a DataView": [new DataView(bytes(2).buffer), /DataView/],
  "a Float16Array": [new Float16Array([1]), /Float16Array, which cannot be stored; store a Float32Array/],
  "a list in itself": [cyclic((loop) => [loop]), /contains itself/],
  "an object in itself": [cyclic((loop) => ({ deep: { loop } })), /contains itself/],
  "a Map in itself": [cyclic((loop) => new Map([[loop, 1]])), /contains itself/],
  "a Set in itself": [cyclic((loop) => new Set([loop])), /contains itself/],
  "an object whose toJSON gives itself": [cyclic((loop) => ({ toJSON: () => loop })), /contains itself/],
  "a message that contains itself": [
    cyclic((loop) => new HumanMessage({ content: "x", additional_kwargs: { loop } })),
    /contains itself/,
  ],
  "2,100 levels": [nested(2100), /deeper than 2000 levels/],
};

function cyclic(make: (loop: unknown) => object): unknown {
  const loop: object = {};
  return Object.assign(loop, { loop: make(loop) });
}

function nested(levels: number): unknown {
  let value: unknown = "bottom";
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { value };
  return value;
}

test.each(Object.entries(refused))(
  "%s is refused with what to do about it, wherever it is",
  async (name, [value, message]) => {
    const config = { configurable: { thread_id: `refused ${name}` } };
    const { checkpoint, versions } = checkpointOf({ fine: 1 });
    const stored = await counted.saver.put(config, checkpoint, METADATA, versions);
    const bad = checkpointOf({ fine: 1, bad: [value] });
    for (const refusal of [
      counted.saver.put(stored, bad.checkpoint, METADATA, bad.versions),
      counted.saver.put(stored, checkpointOf({}).checkpoint, { ...METADATA, value } as never, {}),
      counted.saver.putWrites(stored, [["bad", value]], "task"),
    ]) {
      await expect(refusal).rejects.toMatchObject({ code: "invalid", message: expect.stringMatching(message) });
    }
    const tuple = await createSaver({ pool: counted.pool }).getTuple(config);
    expect([tuple?.checkpoint.channel_values, tuple?.pendingWrites]).toEqual([{ fine: 1 }, []]);
  },
);

test("as many levels as are allowed come back", async () => {
  const value = nested(1990);
  for (const { values } of await roundTrip("deep", value)) expect(values["channel"]).toStrictEqual(value);
});

test("metadata is found by what it contains, also where it holds what jsonb cannot", async () => {
  const thread_id = "filter";
  let config: { configurable?: Record<string, unknown> } = { configurable: { thread_id } };
  for (const [step, owner] of ["a\0b", "c", "a\0b"].entries()) {
    const { checkpoint } = checkpointOf({});
    config = await counted.saver.put(config, checkpoint, { ...METADATA, step, owner, $hp: "date" } as never, {});
  }
  const found = await collect(
    counted.saver.list({ configurable: { thread_id } }, { filter: { owner: "a\0b", $hp: "date" } }),
  );
  expect(found.map(({ metadata }) => metadata?.step)).toEqual([2, 0]);
});
