import { expect, it } from "vitest";
import type { Embedder } from "../../src/postgres/store/embedder.ts";
import { sweepItems, writeItems } from "../../src/postgres/store/items.ts";
import { sweepVectors } from "../../src/postgres/store/sweep-vectors.ts";
import { vectorOf } from "../support/openai-server.ts";
import {
  cosine,
  DIMS,
  database,
  keysOf,
  MODEL,
  newEmbedder,
  openStoreScene,
  pass,
  put,
  query,
  search,
  tenant_id,
  vectorsOf,
} from "./vector-scene.ts";

openStoreScene();

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
  await put(embedder, "near", { text: "tea rain" });
  await put(embedder, "again", { text: "tea" });
  await put(embedder, "hidden", { text: "tea" });
  await put(embedder, "unembedded", { text: "tea" });
  await writeItems(database, tenant_id, [{ namespace: ["n"], key: "removed", value: null }], undefined, embedder);
  await put(embedder, "again", { text: "rain" });
  await put(embedder, "hidden", { text: "tea" }, { index: false });
  // By a process that makes none.
  await put(undefined, "unembedded", { text: "rain" });
  await pass(61);
  expect(keysOf(await search(embedder, { query: "tea", limit: 1 }))).toEqual(["near"]);
  await sweepItems(database);
  const left = await query("select key from holdpoint.store_vector where tenant_id = $1 order by key", [tenant_id]);
  expect(left).toEqual([{ key: "again" }, { key: "near" }]);
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
