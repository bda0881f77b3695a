import { afterAll, beforeAll, beforeEach } from "vitest";
import { createEmbedder } from "../../src/kit/models/embedder.ts";
import { type Database, openDatabase } from "../../src/postgres/database.ts";
import { type Embedder, EmbeddingFailed } from "../../src/postgres/store/embedder.ts";
import { type ItemSearch, writeItems } from "../../src/postgres/store/items.ts";
import { searchStore } from "../../src/postgres/store/search.ts";
import { vectorOf } from "../support/openai-server.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

/** The database of the file's tests, and a tenant of each test's own. */
export let database: Database;
export let tenant_id: string;

/** Opens a store without items for each test of a file. */
export function openStoreScene(): void {
  let test: TestDatabase;
  let tenants = 0;
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
}

/** How long its vectors are. */
export const DIMS = 24;
/** What they are kept under. */
export const MODEL = `openai:words/${DIMS}`;

/** An embedder of words that keeps what it was asked, and can be told to fail. */
export function newEmbedder(changes: Partial<Embedder> = {}) {
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

/** Asks the database. */
export const query = async (text: string, values: unknown[] = []) => (await database.pool.query(text, values)).rows;
/** An item's vectors as they are stored. */
export const vectorsOf = async (key: string, tenant = tenant_id) =>
  await query("select model, vector from holdpoint.store_vector where tenant_id = $1 and key = $2 order by place", [
    tenant,
    key,
  ]);
/** Writes an item. */
export const put = (embedder: Embedder | undefined, key: string, value: Record<string, unknown>, more: object = {}) =>
  writeItems(database, tenant_id, [{ namespace: ["n"], key, value, ...more }], undefined, embedder);
/** Searches, as somebody with this embedder. */
export const search = (embedder: Embedder | undefined, wish: Partial<ItemSearch>) =>
  searchStore(database, tenant_id, { namespace_prefix: [], limit: 10, offset: 0, ...wish }, { embedder });
/** Which items were found. */
export const keysOf = ({ items }: { items: readonly { key: string }[] }) => items.map(({ key }) => key);
/** Moves the clock of the database. */
export const pass = (seconds: number) =>
  query("update holdpoint.clock set shift = shift + make_interval(secs => $1)", [seconds]);

/** How close two vectors are, by the book. */
export function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, one, i) => sum + one * (y[i] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
