import { expect, it } from "vitest";
import { HoldpointStore } from "../../src/postgres/store/base-store.ts";
import { writeItems } from "../../src/postgres/store/items.ts";
import { namespacesBelow } from "../../src/postgres/store/namespace.ts";
import { findNearest } from "../../src/postgres/store/nearest.ts";
import { sweepVectors } from "../../src/postgres/store/sweep-vectors.ts";
import { prepareVectorIndex } from "../../src/postgres/store/vector-index.ts";
import { createDice, SCALE } from "../support/dice.ts";
import { vectorOf } from "../support/openai-server.ts";
import {
  cosine,
  DIMS,
  database,
  keysOf,
  MODEL,
  newEmbedder,
  openStoreScene,
  put,
  query,
  search,
  tenant_id,
  vectorsOf,
} from "./vector-scene.ts";

openStoreScene();

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

it("is what graphs see: a batch writes and searches by meaning, in one request for all of its questions", async () => {
  const { embedder, asked } = newEmbedder();
  const store = new HoldpointStore(database, tenant_id, undefined, { embedder });
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
