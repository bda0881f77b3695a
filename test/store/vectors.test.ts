import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createEmbedder } from "../../src/kit/embedder.ts";
import { type Database, openDatabase } from "../../src/postgres/database.ts";
import { HoldpointStore } from "../../src/postgres/store/base-store.ts";
import { type Embedder, EmbeddingFailed } from "../../src/postgres/store/embedder.ts";
import { type ItemSearch, sweepItems, writeItems } from "../../src/postgres/store/items.ts";
import { namespacesBelow } from "../../src/postgres/store/namespace.ts";
import { findNearest } from "../../src/postgres/store/nearest.ts";
import { searchStore } from "../../src/postgres/store/search.ts";
import { sweepVectors } from "../../src/postgres/store/sweep-vectors.ts";
import { prepareVectorIndex } from "../../src/postgres/store/vector-index.ts";
import { createDice, SCALE } from "../support/dice.ts";
import { vectorOf } from "../support/openai-server.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

let test: TestDatabase;
let database: Database;
let tenants = 0;
let tenant_id: string;
beforeAll(async () => {
  test = await createTestDatabase();
  database = openDatabase({ url: test.url, max: 8 });
});
afterAll(async () => {
  await database.close();
  await test.drop();
});
beforeEach(async () => {
  tenant_id = `tenant-${++tenants}`;
  await database.pool.query("delete from holdpoint.store_item");
});

const DIMS = 24;
const MODEL = `openai:words/${DIMS}`;

/** An embedder of words that keeps what it was asked, and can be told to fail. */
function newEmbedder(changes: Partial<Embedder> = {}) {
  const asked: string[] = [];
  const state: { failing: false | "down" | "refused" } = { failing: false };
  const embedder: Embedder = {
    ...createEmbedder({
      model: MODEL,
      dims: DIMS,
      fields: ["text"],
      attempts: 1,
      pauseMs: 0,
      embedDocuments: async (texts) => {
        const isRefused = state.failing === "refused" && texts.includes("poison");
        if (isRefused || state.failing === "down") {
          throw Object.assign(new Error("no"), { status: isRefused ? 400 : 503 });
        }
        asked.push(...texts);
        return texts.map((text) => vectorOf(text, DIMS));
      },
      failed: (message, isTextRefused) => new EmbeddingFailed(message, isTextRefused),
      onFailure() {},
    }),
    ...changes,
  };
  return { embedder, asked, state };
}

const query = async (text: string, values: unknown[] = []) => (await database.pool.query(text, values)).rows;
const vectorsOf = async (key: string, tenant = tenant_id) =>
  await query("select model, vector from holdpoint.store_vector where tenant_id = $1 and key = $2 order by place", [
    tenant,
    key,
  ]);
const put = (embedder: Embedder | undefined, key: string, value: Record<string, unknown>, more: object = {}) =>
  writeItems(database, tenant_id, [{ namespace: ["n"], key, value, ...more }], undefined, embedder);
const search = (embedder: Embedder | undefined, wish: Partial<ItemSearch>) =>
  searchStore(database, tenant_id, { namespace_prefix: [], limit: 10, offset: 0, ...wish }, { embedder });
const keysOf = ({ items }: { items: readonly { key: string }[] }) => items.map(({ key }) => key);
const pass = (seconds: number) =>
  query("update holdpoint.clock set shift = shift + make_interval(secs => $1)", [seconds]);

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, one, i) => sum + one * (y[i] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

const WORDS = ["tea", "rain", "green", "refund", "order", "late", "ana", "bo", "paris", "snow", "blue", "cat"];

it("finds the same items with the same scores as comparing everything by hand, whatever filter, prefix and page", async () => {
  const { embedder } = newEmbedder({ fields: ["text", "notes[*].text"] });
  const dice = createDice(7);
  const sentence = () => Array.from({ length: 1 + dice.roll(4) }, () => dice.pick(WORDS)).join(" ");
  const items = Array.from({ length: 200 * SCALE }, (_, index) => ({
    namespace: dice.pick([["a"], ["a", "b"], ["ab"], ["c", "d"]]),
    key: `k${index}`,
    value: {
      kind: dice.roll(3),
      // One in ten has nothing to compare with.
      ...(dice.roll(10) === 0
        ? {}
        : { text: sentence(), notes: Array.from({ length: dice.roll(3) }, () => ({ text: sentence() })) }),
    } as { kind: number; text?: string; notes?: { text: string }[] },
  }));
  await writeItems(database, tenant_id, items, undefined, embedder);
  for (let turn = 0; turn < 20; turn += 1) {
    const namespace_prefix = dice.pick([[], ["a"], ["a", "b"], ["ab"], ["x"]]);
    const filter = dice.pick([null, { kind: 1 }, { kind: { $gte: 1 } }]);
    const [question, limit, offset] = [sentence(), 1 + dice.roll(20), dice.roll(40)];
    const scoreOf = ({ value }: (typeof items)[number]) => {
      const texts = [value.text, ...(value.notes ?? []).map(({ text }) => text)].filter((text) => text !== undefined);
      if (texts.length === 0) return null;
      return Math.max(...texts.map((text) => cosine(vectorOf(question, DIMS), vectorOf(text, DIMS))));
    };
    const expected = items
      .filter(({ namespace }) => namespace_prefix.every((label, place) => namespace[place] === label))
      .filter(({ value }) => filter === null || (typeof filter.kind === "number" ? value.kind === 1 : value.kind >= 1))
      .map((item) => ({ name: JSON.stringify([item.namespace, item.key]), score: scoreOf(item) }));
    const scored = expected
      .filter((one): one is { name: string; score: number } => one.score !== null)
      .sort((a, b) => (Math.abs(b.score - a.score) > 1e-9 ? b.score - a.score : a.name < b.name ? -1 : 1));

    const found = await search(embedder, { namespace_prefix, filter, query: question, limit, offset });

    expect(found).toMatchObject({ ranked_by: "vectors_exact", complete: true });
    expect(found.items).toHaveLength(Math.max(0, Math.min(limit, expected.length - offset)));
    const mine = found.items.filter(({ score }) => score !== null);
    const page = scored.slice(offset, offset + limit);
    expect(mine.map(({ namespace, key }) => JSON.stringify([namespace, key]))).toEqual(page.map(({ name }) => name));
    for (const [place, { score }] of mine.entries()) expect(score).toBeCloseTo(page[place]?.score as number, 5);
  }
});

it("compares page by page, and says when there was more than it looks at", async () => {
  const { embedder } = newEmbedder();
  const words = Array.from({ length: 40 }, (_, index) => ({
    namespace: ["n"],
    key: `k${index}`,
    value: { text: `w${index}` },
  }));
  await writeItems(database, tenant_id, words, undefined, embedder);
  const [wanted] = await embedder.embed(["w39"]);
  const wish = { filter: "{}", model: MODEL, wanted: wanted as Float32Array, items: 1 };
  const nearest = (most: number) =>
    findNearest(database, tenant_id, namespacesBelow([]), wish, { mostVectors: most, pageVectors: 16 });
  expect(await nearest(1_000)).toMatchObject({ complete: true, nearest: [{ key: "k39" }] });
  expect((await nearest(16)).complete).toBe(false);
});

it("embeds what an item says, or else what is configured, or nothing", async () => {
  const { embedder, asked } = newEmbedder({ fields: ["text", "a.b[*].c"] });
  await put(embedder, "default", { text: "one", a: { b: [{ c: "two" }, { c: "three" }, { d: "no" }] }, other: "no" });
  await put(embedder, "own", { text: "no", title: "four", nothing: 1 }, { index: ["title", "missing", "nothing[0]"] });
  await put(embedder, "whole", { text: "five" }, { index: ["$"] });
  await put(embedder, "hidden", { text: "no" }, { index: false });
  await put(
    embedder,
    "hostile",
    { text: "\0\ud800", a: [["__proto__"]] },
    { index: ["__proto__", "*", "", "[[[", "{a,b", "text"] },
  );
  expect(asked.slice(0, 4)).toEqual(["one", "two", "three", "four"]);
  expect(JSON.parse(asked[4] as string)).toEqual({ text: "five" });
  expect(asked).not.toContain("no");
  expect(keysOf(await search(embedder, { query: "four", limit: 1 }))).toEqual(["own"]);
  expect((await search(embedder, { query: "no" })).items.find(({ key }) => key === "hidden")).toMatchObject({
    score: null,
  });
  expect(await vectorsOf("hidden")).toEqual([]);
  expect(await sweepVectors(database, embedder)).toBe(0);
});

it("takes any question", async () => {
  const { embedder } = newEmbedder();
  await put(embedder, "k", { text: "tea" });
  for (const question of ["\0", "\ud800", "x".repeat(100_000), "'); drop table holdpoint.store_vector; --", "🦊"]) {
    expect(keysOf(await search(embedder, { query: question }))).toEqual(["k"]);
  }
  expect(await search(embedder, { query: " " })).toMatchObject({ ranked_by: "words" });
  expect(await search(embedder, {})).toMatchObject({ ranked_by: null });
});

it("keeps an item although the model does not answer, finds it by its words, and by its meaning later", async () => {
  const { embedder, state } = newEmbedder();
  state.failing = "down";
  await put(embedder, "k", { text: "green tea" });
  expect(await search(embedder, { query: "tea" })).toMatchObject({
    ranked_by: "words",
    items: [{ key: "k", score: expect.any(Number) }],
  });
  expect(await sweepVectors(database, embedder)).toBe(0);
  state.failing = false;
  // Waits for its turn, and each time longer.
  expect(await sweepVectors(database, embedder)).toBe(0);
  await pass(15);
  expect(await sweepVectors(database, embedder)).toBe(1);
  const found = await search(embedder, { query: "green tea" });
  expect(found).toMatchObject({ ranked_by: "vectors_exact", items: [{ key: "k" }] });
  expect(found.items[0]?.score).toBeCloseTo(1, 5);
});

it("shows what has no vectors yet behind what has, those with the question's words first", async () => {
  const { embedder } = newEmbedder();
  await put(undefined, "words", { text: "tea for bo" });
  await put(undefined, "others", { text: "rain" });
  await put(embedder, "near", { text: "tea" });
  const found = await search(embedder, { query: "tea" });
  expect(found.items.map(({ key, score }) => [key, score === null])).toEqual([
    ["near", false],
    ["words", true],
    ["others", true],
  ]);
  expect(keysOf(await search(embedder, { query: "tea", limit: 1, offset: 2 }))).toEqual(["others"]);
});

it("lets no text that the model refuses keep the others from it", async () => {
  const { embedder, state } = newEmbedder();
  for (const key of ["a", "b", "c"]) await put(undefined, key, { text: key === "b" ? "poison" : key });
  state.failing = "refused";
  expect(await sweepVectors(database, embedder)).toBe(2);
  expect([await vectorsOf("a"), await vectorsOf("b"), await vectorsOf("c")].map(({ length }) => length)).toEqual([
    1, 0, 1,
  ]);
});

it("leaves the vectors of another model alone until they are made anew", async () => {
  const { embedder: old } = newEmbedder({ model: "old/24" });
  const { embedder } = newEmbedder();
  await put(old, "k", { text: "tea" });
  expect((await search(embedder, { query: "tea" })).items).toMatchObject([{ key: "k", score: null }]);
  expect(await sweepVectors(database, embedder)).toBe(1);
  expect(await vectorsOf("k")).toMatchObject([{ model: MODEL }]);
  expect((await search(embedder, { query: "tea" })).items[0]?.score).toBeCloseTo(1, 5);
  // Nobody fights over them: a process that is behind does, for as long as it is there.
  expect(await sweepVectors(database, embedder)).toBe(0);
});

it("keeps no vectors of what is gone: removed, over, written again or hidden", async () => {
  const { embedder } = newEmbedder();
  await put(embedder, "removed", { text: "tea" });
  await put(embedder, "over", { text: "tea" }, { ttl: 1 });
  await put(embedder, "again", { text: "tea" });
  await put(embedder, "hidden", { text: "tea" });
  await put(embedder, "unembedded", { text: "tea" });
  await writeItems(database, tenant_id, [{ namespace: ["n"], key: "removed", value: null }], undefined, embedder);
  await put(embedder, "again", { text: "rain" });
  await put(embedder, "hidden", { text: "tea" }, { index: false });
  // By a process that makes none.
  await put(undefined, "unembedded", { text: "rain" });
  await pass(61);
  expect(keysOf(await search(embedder, { query: "tea" }))).not.toContain("over");
  await sweepItems(database);
  const left = await query("select key from holdpoint.store_vector where tenant_id = $1", [tenant_id]);
  expect(left).toEqual([{ key: "again" }]);
  expect((await search(embedder, { query: "rain" })).items[0]).toMatchObject({ key: "again" });
});

it("keeps the vectors of the value that won, of 20 writers and sweeps at once", async () => {
  const { embedder } = newEmbedder();
  await Promise.all(
    Array.from({ length: 20 }, async (_, turn) => {
      const [one, two] = turn % 2 === 0 ? ["x", "y"] : ["y", "x"];
      const values = [one, two].map((key) => ({ namespace: ["n"], key: key as string, value: { text: `w${turn}` } }));
      await writeItems(database, tenant_id, values, undefined, turn % 3 === 0 ? undefined : embedder);
      await sweepVectors(database, embedder);
    }),
  );
  await sweepVectors(database, embedder);
  for (const key of ["x", "y"]) {
    const [item] = await query("select value from holdpoint.store_item where tenant_id = $1 and key = $2", [
      tenant_id,
      key,
    ]);
    const vectors = await vectorsOf(key);
    expect(vectors).toHaveLength(1);
    expect(cosine(vectors[0].vector, vectorOf(item.value.text, DIMS))).toBeCloseTo(1, 5);
  }
});

it("gives up what it was making of a value that was written again meanwhile", async () => {
  const { promise: written, resolve: goOn } = Promise.withResolvers<void>();
  const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>();
  const { embedder } = newEmbedder();
  await put(undefined, "k", { text: "old" });
  const slow: Embedder = {
    ...embedder,
    async embed(texts) {
      asked();
      await written;
      return await embedder.embed(texts);
    },
  };
  const swept = sweepVectors(database, slow);
  await isAsked;
  await put(embedder, "k", { text: "new" });
  goOn();
  expect(await swept).toBe(0);
  const [row] = await vectorsOf("k");
  expect(cosine(row.vector, vectorOf("new", DIMS))).toBeCloseTo(1, 5);
});

it("is what graphs see: a batch writes and searches by meaning, in one request for all of its questions", async () => {
  const { embedder, asked } = newEmbedder();
  const store = new HoldpointStore(database, tenant_id, undefined, embedder);
  await store.batch([
    { namespace: ["n"], key: "tea", value: { text: "tea" } },
    { namespace: ["n"], key: "rain", value: { text: "rain" } },
  ]);
  expect(asked).toEqual(["rain", "tea"].sort((a, b) => asked.indexOf(a) - asked.indexOf(b)));
  expect(await store.search(["n"], { query: "tea", limit: 1 })).toMatchObject([
    { key: "tea", score: expect.closeTo(1, 5) },
  ]);
});

it("says that there is no index where there is no pgvector", async () => {
  const available = await query("select from pg_available_extensions where name = 'vector'");
  expect(available).toEqual([]);
  expect(await prepareVectorIndex(database, { model: MODEL, dims: DIMS })).toMatchObject({
    road: "exact",
    why: expect.stringContaining("pgvector"),
  });
});
