import { InMemoryStore, type Operation, type SearchItem } from "@langchain/langgraph-checkpoint";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Database, openDatabase } from "../../src/postgres/database.ts";
import { HoldpointStore } from "../../src/postgres/store/base-store.ts";
import { SCALE } from "../support/dice.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { fc } from "../support/properties.ts";

let test: TestDatabase;
let database: Database;
let tenants = 0;
beforeAll(async () => {
  test = await createTestDatabase();
  database = openDatabase({ url: test.url, max: 4 });
});
afterAll(async () => {
  await database.close();
  await test.drop();
});

/** A store with nothing in it. */
const newStore = () => new HoldpointStore(database, `tenant-${++tenants}`);

const label = fc.constantFrom("a", "b", "ab", "a\u0001", "é", "users");
const path = fc.array(label, { minLength: 1, maxLength: 3 });
const scalar = fc.oneof(
  fc.constantFrom("1", "2.5", "", " 7 ", "x", "\ud800", "nul\0", "1e2", "--1", true, false, null),
  fc.integer({ min: -3, max: 3 }),
  fc.double({ min: -2, max: 2, noNaN: true }),
);
const value = fc.dictionary(fc.constantFrom("n", "m", "constructor"), scalar, { maxKeys: 3 });
const operators = fc.dictionary(fc.constantFrom("$eq", "$ne", "$gt", "$gte", "$lt", "$lte"), scalar, { maxKeys: 2 });
const sets = fc.dictionary(fc.constantFrom("$in", "$nin"), fc.array(scalar, { maxLength: 3 }), { minKeys: 1 });
const filter = fc.dictionary(fc.constantFrom("n", "m"), fc.oneof(scalar, operators, sets), { maxKeys: 2 });
const pattern = fc.array(fc.oneof(label, fc.constant("*")), { minLength: 1, maxLength: 3 });

const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ namespace: path, key: label, value: fc.option(value, { freq: 5 }) }) },
  fc.record({ namespace: path, key: label }),
  fc.record({ namespacePrefix: fc.oneof(path, fc.constant([])), filter, limit: fc.constant(1_000) }),
  fc.record({
    matchConditions: fc.array(
      fc.record({ matchType: fc.constantFrom("prefix" as const, "suffix" as const), path: pattern }),
      { maxLength: 2 },
    ),
    maxDepth: fc.integer({ min: 1, max: 3 }),
    limit: fc.constant(1_000),
    offset: fc.constant(0),
  }),
) as fc.Arbitrary<Operation>;

const byName = (item: SearchItem) => JSON.stringify([item.namespace, item.key]);
/** What has an order of its own in each store, put in one; without the moments. */
const comparable = (result: unknown): unknown => {
  if (Array.isArray(result)) {
    const parts = result.map(comparable) as object[];
    return parts.sort((a, b) => (byName(a as SearchItem) + String(a) < byName(b as SearchItem) + String(b) ? -1 : 1));
  }
  if (result === null || typeof result !== "object") return result ?? null;
  const { namespace, key, value: kept } = result as SearchItem;
  return { namespace, key, value: kept };
};
const namespaces = (result: unknown) => (result as string[][]).map((one) => JSON.stringify(one)).sort();

it(
  "answers every operation as LangGraph's store in memory does",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(operation, { minLength: 1, maxLength: 4 }), { maxLength: 12 }),
        async (batches) => {
          const ours = newStore();
          const theirs = new InMemoryStore();
          for (const batch of batches) {
            const expected = await theirs.batch(structuredClone(batch));
            const given = await ours.batch(batch);
            for (const [index, one] of batch.entries()) {
              if ("value" in one) continue;
              const [mine, other] = [given[index] as unknown, expected[index] as unknown];
              // An empty namespace that once held something is still one in memory.
              if ("matchConditions" in one) expect(namespaces(other)).toEqual(expect.arrayContaining(namespaces(mine)));
              else expect(comparable(mine)).toEqual(comparable(other));
            }
          }
        },
      ),
      { numRuns: 60 * SCALE },
    );
  },
  60_000 * SCALE,
);

it("keeps when an item was made, and says when it was changed", async () => {
  const store = newStore();
  await store.put(["a"], "k", { n: 1 });
  const before = await store.get(["a"], "k");
  await store.put(["a"], "k", { n: 2 });
  const after = await store.get(["a"], "k");
  expect(after?.createdAt).toEqual(before?.createdAt);
  expect(after?.updatedAt.getTime()).toBeGreaterThanOrEqual(before?.updatedAt.getTime() as number);
  expect(after?.value).toEqual({ n: 2 });
});

it("finds items by any of a question's words, best first, and the others behind them", async () => {
  const store = newStore();
  await store.put(["notes"], "tea", { text: "Ana likes green tea", tags: ["drink"] });
  await store.put(["notes"], "both", { text: "green tea, more green tea", deep: { down: "tea" } });
  await store.put(["notes"], "rain", { text: "It rains" });
  await store.put(["notes"], "hidden", { text: "green tea" }, false);
  await store.put(["notes"], "titled", { title: "tea", text: "nothing" }, ["text"]);

  const found = await store.search(["notes"], { query: "what green TEA does she drink?" });

  expect(
    found
      .filter(({ score }) => score !== undefined)
      .map(({ key }) => key)
      .sort(),
  ).toEqual(["both", "tea"]);
  expect(found.slice(0, 2).map(({ score }) => typeof score)).toEqual(["number", "number"]);
  expect(
    found
      .slice(2)
      .map(({ key }) => key)
      .sort(),
  ).toEqual(["hidden", "rain", "titled"]);
  expect(await store.search(["notes"], { query: "'); drop table holdpoint.store_item; --", limit: 1 })).toHaveLength(1);
});

it("gives what is newest first, page by page", async () => {
  const store = newStore();
  for (const key of ["one", "two", "three"]) await store.put(["a", key], key, {});
  expect((await store.search(["a"], { limit: 2 })).map(({ key }) => key)).toEqual(["three", "two"]);
  expect((await store.search(["a"], { limit: 2, offset: 2 })).map(({ key }) => key)).toEqual(["one"]);
});

it("takes 50 batches at once that write the same items in other orders", async () => {
  const store = newStore();
  const keys = ["a", "b", "c", "d", "e"];
  await Promise.all(
    Array.from({ length: 50 }, (_, turn) =>
      store.batch(
        keys
          .toSorted(() => (turn % 2 === 0 ? 1 : -1))
          .map((key, place) => ({ namespace: ["x"], key: keys[(place + turn) % 5] ?? key, value: { turn } })),
      ),
    ),
  );
  const turns = new Set((await store.search(["x"])).map(({ value: kept }) => kept["turn"]));
  expect(turns.size).toBe(1);
});

it.each([
  ["an empty namespace", [], "k", {}],
  ["a label with a period", ["a.b"], "k", {}],
  ["a label with half a character", ["\ud800"], "k", {}],
  ["a key with a NUL character", ["a"], "\0", {}],
  ["names longer than an index entry", ["a"], "k".repeat(3_000), {}],
  ["a value that is no JSON", ["a"], "k", { n: 1n }],
])("refuses %s, and keeps nothing of the batch", async (_what, namespace, key, kept) => {
  const store = newStore();
  const good = { namespace: ["a"], key: "good", value: {} };
  await expect(store.batch([good, { namespace, key, value: kept }])).rejects.toThrow(/\/(namespace|key|value)/);
  expect(await store.search([])).toEqual([]);
});

it("keeps large and deep values as they are", async () => {
  const store = newStore();
  const large = { text: "wörter 🦊 ".repeat(100_000), list: Array.from({ length: 200_000 }, (_, index) => index) };
  let deep: Record<string, unknown> = { end: true };
  for (let level = 0; level < 200; level += 1) deep = { deep };
  await store.put(["a"], "large", large);
  await store.put(["a"], "deep", deep);
  expect((await store.get(["a"], "large"))?.value).toEqual(large);
  expect((await store.get(["a"], "deep"))?.value).toEqual(deep);
});
