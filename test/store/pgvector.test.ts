import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../../src/postgres/database.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import { writeItems } from "../../src/postgres/store/items.ts";
import { searchStore } from "../../src/postgres/store/search.ts";
import { prepareVectorIndex } from "../../src/postgres/store/vector-index.ts";
import { DIMS, newEmbedder } from "./vector-scene.ts";

const server = process.env["HOLDPOINT_TEST_PGVECTOR_URL"];
if (server === undefined) {
  it("no PostgreSQL with pgvector is named; HOLDPOINT_TEST_PGVECTOR_URL brings the tests of its index", () => {
    const required = process.env["HOLDPOINT_REQUIRE_PGVECTOR"];
    expect(required, "pgvector is required here and HOLDPOINT_TEST_PGVECTOR_URL is not set").not.toBe("1");
  });
} else {
  describe("in a database that may have pgvector", () => testOn(server));
}

function testOn(server: string): void {
  const name = `hp_${randomBytes(6).toString("hex")}_test`;
  let database: Database;
  const asAdmin = async (text: string) => {
    const client = new pg.Client({ connectionString: server });
    await client.connect();
    await client.query(text).finally(() => client.end());
  };
  beforeAll(async () => {
    await asAdmin(`create database ${name}`);
    const url = new URL(server);
    url.pathname = `/${name}`;
    await migrate({ url: url.href });
    database = openDatabase({ url: url.href, max: 4 });
  });
  afterAll(async () => {
    await database.close();
    await asAdmin(`drop database ${name}`);
  });

  it("makes an index once, and answers from it where it can", async () => {
    const { embedder } = newEmbedder();
    const items = Array.from({ length: 300 }, (_, index) => ({
      namespace: index % 3 === 0 ? ["a", "b"] : ["a"],
      key: `k${index}`,
      value: { text: `w${index}`, kind: index % 2 },
    }));
    await writeItems(database, "t", items, undefined, embedder);
    expect(await prepareVectorIndex(database, embedder)).toEqual({ road: "hnsw" });
    expect(await prepareVectorIndex(database, embedder)).toEqual({ road: "hnsw" });
    const search = (namespace_prefix: string[], filter: object | null, limit = 5) => {
      const wish = {
        namespace_prefix,
        filter: filter as Record<string, unknown> | null,
        query: "w42",
        limit,
        offset: 0,
      };
      return searchStore(database, "t", wish, { embedder });
    };
    for (const found of [await search([], null), await search(["a", "b"], null), await search(["a"], { kind: 0 })]) {
      expect(found).toMatchObject({ ranked_by: "vectors_hnsw", complete: true });
      expect(found.items).toHaveLength(5);
    }
    expect((await search([], null)).items[0]).toMatchObject({ key: "k42", score: expect.closeTo(1, 5) });
    // What the index does not give, the vectors themselves do.
    expect(await search([], { kind: 7 })).toMatchObject({ ranked_by: "vectors_exact", items: [] });
    expect(await search([], null, 301)).toMatchObject({ ranked_by: "vectors_exact" });
  });

  it("makes none for more numbers than it takes", async () => {
    expect(await prepareVectorIndex(database, { model: "large", dims: 2_001 })).toMatchObject({ road: "exact" });
  });

  it("makes an index anew that somebody left half done", async () => {
    const model = `half/${DIMS}`;
    expect(await prepareVectorIndex(database, { model, dims: DIMS })).toEqual({ road: "hnsw" });
    const index = (await database.pool.query("select holdpoint.vector_index_name($1) as name", [model])).rows[0].name;
    await database.pool.query(
      `update pg_index set indisvalid = false where indexrelid = 'holdpoint.${index}'::regclass`,
    );
    expect(await prepareVectorIndex(database, { model, dims: DIMS })).toEqual({ road: "hnsw" });
  });
}
