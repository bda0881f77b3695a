import { Client } from "@langchain/langgraph-sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { HoldpointStore } from "../../src/postgres/store/base-store.ts";
import { sweepItems } from "../../src/postgres/store/items.ts";
import { newEmbedder } from "../store/vector-scene.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer({}, { works: false });
});
afterAll(async () => await server.close());

const store = () => server.client.store;
const put = (body: unknown) => server.ask("/store/items", { method: "PUT", body });

it("keeps, reads, changes and removes an item", async () => {
  const namespace = ["users", "ana"];
  await store().putItem(namespace, "prefs", { theme: "dark", at: null, list: [1, { deep: "\ud83e\udd8a \u0000" }] });
  const item = await store().getItem(namespace, "prefs");
  expect(item).toMatchObject({
    namespace,
    key: "prefs",
    value: { theme: "dark", at: null, list: [1, { deep: "\ud83e\udd8a \u0000" }] },
  });
  expect(item?.createdAt).toEqual(expect.any(String));
  await store().putItem(namespace, "prefs", { theme: "light" });
  expect(await store().getItem(namespace, "prefs")).toMatchObject({ value: { theme: "light" } });
  await store().deleteItem(namespace, "prefs");
  expect(await store().getItem(namespace, "prefs")).toBeNull();
  // What is gone can be removed again.
  await store().deleteItem(namespace, "prefs");
});

it("answers 204 to a write, and null with 200 for what is not there", async () => {
  const written = await put({ namespace: ["status"], key: "k", value: {} });
  expect([written.status, await written.text()]).toEqual([204, ""]);
  const missing = await server.ask("/store/items?namespace=status&key=nothing");
  expect([missing.status, await missing.json()]).toEqual([200, null]);
});

it("searches below a namespace by fields and by words", async () => {
  await store().putItem(["shop", "a"], "tea", { kind: "drink", price: 3, text: "green tea" });
  await store().putItem(["shop", "b"], "pie", { kind: "food", price: 9, text: "apple pie" });
  await store().putItem(["shopping"], "other", { kind: "drink", price: 1 });
  const keys = async (...search: Parameters<Client["store"]["searchItems"]>) =>
    (await store().searchItems(...search)).items.map(({ key }) => key);
  expect(await keys(["shop"])).toEqual(["pie", "tea"]);
  expect(await keys(["shop"], { limit: 1, offset: 1 })).toEqual(["tea"]);
  expect(await keys(["shop"], { filter: { kind: "drink" } })).toEqual(["tea"]);
  expect(await keys(["shop"], { filter: { price: { $gte: 3, $lt: 9 } } })).toEqual(["tea"]);
  const { items } = await store().searchItems(["shop"], { query: "some tea please" });
  expect(items.map(({ key, score }) => [key, typeof score])).toEqual([
    ["tea", "number"],
    ["pie", "undefined"],
  ]);
});

it("searches by meaning where there is a model, and tells what the question was compared with", async () => {
  const { embedder, state } = newEmbedder();
  const read = async (answer: Promise<Response>) => (await (await answer).json()) as Record<string, object>;
  const search = (body: object) => read(server.ask("/store/items/search", { method: "POST", body }));
  const flags = async () => (await read(server.ask("/info")))["flags"];
  expect(await search({ namespace_prefix: ["sky"], query: "rain" })).toMatchObject({ ranked_by: "words" });
  expect(await flags()).toMatchObject({ store_vectors: false });
  server.deps.embedder = embedder;
  try {
    expect(await flags()).toMatchObject({ store_vectors: true });
    await store().putItem(["sky"], "rain", { text: "rain" });
    await store().putItem(["sky"], "titled", { title: "snow", text: "sun" }, { index: ["title"] });
    await store().putItem(["sky"], "hidden", { text: "rain" }, { index: false });
    const wish = { namespace_prefix: ["sky"], query: "rain" };
    expect(await search(wish)).toMatchObject({ ranked_by: "vectors_exact", complete: true });
    expect(Object.keys(await search({ namespace_prefix: ["sky"] }))).toEqual(["items"]);
    const { items } = await store().searchItems(["sky"], { query: "snow" });
    expect(items.map(({ key, score }) => [key, typeof score])).toEqual([
      ["titled", "number"],
      ["rain", "number"],
      ["hidden", "undefined"],
    ]);
    state.failing = "down";
    expect((await put({ namespace: ["sky"], key: "late", value: { text: "fog" } })).status).toBe(204);
    expect(await search({ namespace_prefix: ["sky"], query: "fog", limit: 1 })).toMatchObject({
      ranked_by: "words",
      items: [{ key: "late" }],
    });
  } finally {
    server.deps.embedder = undefined;
  }
});

it("finds nothing at paths that lead nowhere, and fails at none", async () => {
  const index = ["a.b.c", "a[0]", "[[", "{a,b}", "__proto__.x", "*.*", "$", "", "constructor"];
  const value = JSON.parse('{"a": null, "b": [null], "__proto__": {"x": "1"}}') as Record<string, unknown>;
  expect((await put({ namespace: ["paths"], key: "k", value, index })).status).toBe(204);
});

it("lists namespaces by how they begin and end, cut to a depth", async () => {
  for (const namespace of [
    ["n", "x", "v1"],
    ["n", "y", "v1"],
    ["n", "y", "v2"],
  ]) {
    await store().putItem(namespace, "k", {});
  }
  const list = async (options: Parameters<Client["store"]["listNamespaces"]>[0]) =>
    (await store().listNamespaces(options)).namespaces;
  expect(await list({ prefix: ["n"] })).toEqual([
    ["n", "x", "v1"],
    ["n", "y", "v1"],
    ["n", "y", "v2"],
  ]);
  expect(await list({ prefix: ["n", "*", "v1"] })).toEqual([
    ["n", "x", "v1"],
    ["n", "y", "v1"],
  ]);
  expect(await list({ prefix: ["n"], suffix: ["v2"] })).toEqual([["n", "y", "v2"]]);
  expect(await list({ prefix: ["n"], maxDepth: 2, limit: 1, offset: 1 })).toEqual([["n", "y"]]);
});

it("lets an item go when its time is over, and keeps one that is read", async () => {
  await store().putItem(["ttl"], "read", { n: 1 }, { ttl: 10 });
  await store().putItem(["ttl"], "looked", { n: 2 }, { ttl: 10 });
  await server.house.pass(9 * 60);
  expect(await store().getItem(["ttl"], "read")).toMatchObject({ value: { n: 1 } });
  expect(await store().getItem(["ttl"], "looked", { refreshTtl: false })).toMatchObject({ value: { n: 2 } });
  await server.house.pass(2 * 60);
  expect(await store().getItem(["ttl"], "looked")).toBeNull();
  expect((await store().searchItems(["ttl"], { refreshTtl: false })).items.map(({ key }) => key)).toEqual(["read"]);
  expect(await sweepItems(server.house.database)).toBe(1);
  await server.house.pass(11 * 60);
  expect((await store().listNamespaces({ prefix: ["ttl"] })).namespaces).toEqual([]);
});

it("gives items the time that a project says, where they say none themselves, and keeps what is read if it says so", async () => {
  server.deps.storeTerms = { ttl_minutes: 10, refresh_on_read: false };
  const left = async () =>
    (await store().searchItems(["terms"], { refreshTtl: false })).items.map(({ key }) => key).sort();
  try {
    await store().putItem(["terms"], "plain", { n: 1 });
    await store().putItem(["terms"], "own", { n: 1 }, { ttl: 60 });
    await store().putItem(["terms"], "stays", { n: 1 }, { ttl: null });
    await store().putItem(["terms"], "kept", { n: 1 });
    const graphs = new HoldpointStore(server.house.database, "default", undefined, server.deps);
    await graphs.put(["terms"], "graph", { n: 1 });
    await server.house.pass(9 * 60);
    await store().getItem(["terms"], "plain");
    await graphs.get(["terms"], "graph");
    await graphs.search(["terms"]);
    await store().searchItems(["terms"]);
    await store().getItem(["terms"], "kept", { refreshTtl: true });
    expect(await left()).toEqual(["graph", "kept", "own", "plain", "stays"]);
    await server.house.pass(2 * 60);
    expect(await left()).toEqual(["kept", "own", "stays"]);
  } finally {
    server.deps.storeTerms = undefined;
  }
});

it.each<[string, number, unknown]>([
  ["an empty namespace", 400, { namespace: [], key: "k", value: {} }],
  ["a label with a period", 422, { namespace: ["a.b"], key: "k", value: {} }],
  ["an empty label", 422, { namespace: [""], key: "k", value: {} }],
  ["a label that is no string", 422, { namespace: [1], key: "k", value: {} }],
  ["a label with NUL", 422, { namespace: ["\0"], key: "k", value: {} }],
  ["too many labels", 422, { namespace: Array(40).fill("a"), key: "k", value: {} }],
  ["a key that is too long", 422, { namespace: ["a"], key: "k".repeat(5_000), value: {} }],
  ["no key", 422, { namespace: ["a"], value: {} }],
  ["a list for a value", 422, { namespace: ["a"], key: "k", value: [] }],
  ["no value", 422, { namespace: ["a"], key: "k" }],
  ["a negative time", 422, { namespace: ["a"], key: "k", value: {}, ttl: -1 }],
  ["an endless time", 422, { namespace: ["a"], key: "k", value: {}, ttl: 1e300 }],
  ["paths that are none", 422, { namespace: ["a"], key: "k", value: {}, index: true }],
])("refuses %s with %d, in plain words", async (_what, status, body) => {
  const refused = await put(body);
  expect([refused.status, refused.headers.get("content-type")]).toEqual([status, "text/plain; charset=utf-8"]);
  expect((await refused.text()).length).toBeGreaterThan(10);
});

it("keeps keys of a prototype as what they are", async () => {
  await put('{"namespace":["proto"],"key":"__proto__","value":{"__proto__":{"admin":true},"constructor":1}}');
  const found = await server.ask("/store/items?namespace=proto&key=__proto__");
  expect(await found.text()).toContain('"value":{"__proto__":{"admin":true},"constructor":1}');
  const search = { namespace_prefix: ["proto"], filter: { constructor: 1 } };
  const { items } = (await (await server.ask("/store/items/search", { method: "POST", body: search })).json()) as {
    items: unknown[];
  };
  expect(items).toHaveLength(1);
  expect(({} as { admin?: boolean }).admin).toBeUndefined();
});

it("lets a key that may only read look, and change nothing", async () => {
  const apiKey = await server.key("reader", ["runs:read"]);
  const reader = new Client({ apiUrl: server.listening.url, apiKey, callerOptions: { maxRetries: 0 } }).store;
  await store().putItem(["mine"], "k", { n: 1 });
  expect(await reader.getItem(["mine"], "k")).toMatchObject({ value: { n: 1 } });
  await expect(reader.putItem(["mine"], "k", { n: 2 })).rejects.toThrow(/HTTP 403/);
  await expect(reader.deleteItem(["mine"], "k")).rejects.toThrow(/HTTP 403/);
  expect(await reader.getItem(["mine"], "k")).toMatchObject({ value: { n: 1 } });
});

it("shows a tenant nothing of another's", async () => {
  await store().putItem(["secret"], "k", { n: 1 });
  await server.house.database.pool.query(
    "update holdpoint.store_item set tenant_id = 'other' where namespace = '{secret}'",
  );
  expect(await store().getItem(["secret"], "k")).toBeNull();
  expect((await store().searchItems([], { limit: 1000 })).items.map(({ namespace }) => namespace[0])).not.toContain(
    "secret",
  );
  expect((await store().listNamespaces()).namespaces).not.toContainEqual(["secret"]);
  await store().deleteItem(["secret"], "k");
  const { rowCount } = await server.house.database.pool.query(
    "select 1 from holdpoint.store_item where tenant_id = 'other'",
  );
  expect(rowCount).toBe(1);
});
