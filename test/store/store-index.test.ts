import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStoreIndex, storeTermsOf } from "../../src/compose/store-index.ts";
import { readConfig } from "../../src/config.ts";
import { openLog } from "../../src/telemetry/log.ts";
import { type OpenAIServer, startOpenAIServer, vectorOf } from "../support/openai-server.ts";

const folder = mkdtempSync(join(tmpdir(), "hp-embed-"));
let server: OpenAIServer;
beforeAll(async () => {
  server = await startOpenAIServer();
  writeFileSync(
    join(folder, "embed.ts"),
    `export const embed = async (texts: string[]) => texts.map((text) => [text.length, 1]);
export const model = { kind: "model", embedDocuments: async (texts: string[]) => texts.map(() => [0, 1]) };
export const later = Promise.resolve((texts: string[]) => texts.map(() => [1, 0]));
export const wrong = 7;
`,
  );
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const log = openLog({ level: "silent", pretty: false });
const open = (env: Record<string, string>, index?: unknown) =>
  openStoreIndex(readConfig({ OPENAI_BASE_URL: server.url, ...env }, folder), { virtualModules: {} }, log, {
    index,
    directory: folder,
  });
const unit = (numbers: number[]) => {
  const length = Math.hypot(...numbers);
  return numbers.map((one) => expect.closeTo(one / length, 5) as number);
};

test("without a model there is none", async () => {
  expect(await open({})).toBeUndefined();
  expect(await open({ HOLDPOINT_EMBEDDING_DIMS: "3" })).toBeUndefined();
});

test("a model of OpenAI's protocol is asked for vectors of the length that is configured", async () => {
  server.embeddings.script();
  const embedder = await open({ OPENAI_API_KEY: "sk-test" }, { dims: 8, embed: "openai:text-embedding-3-small" });
  expect(embedder).toMatchObject({ model: "openai:text-embedding-3-small/8", dims: 8, fields: ["$"] });
  const vectors = await embedder?.embed(["green tea", "two\nlines"]);
  expect(vectors?.map((vector) => [...(vector ?? [])])).toEqual([
    unit(vectorOf("green tea", 8)),
    unit(vectorOf("two lines", 8)),
  ]);
  expect(server.embeddings.requests).toEqual([
    { model: "text-embedding-3-small", input: ["green tea", "two\nlines"], dimensions: 8, encoding_format: "float" },
  ]);
});

test("a model that cannot be asked for a length is not, and what it gives is checked", async () => {
  server.embeddings.script({ dims: 5 });
  const embedder = await open({ HOLDPOINT_EMBEDDING_MODEL: "openai:nomic-embed-text", HOLDPOINT_EMBEDDING_DIMS: "4" });
  await expect(embedder?.embed(["a"])).rejects.toThrow("its vectors have 5 numbers where 4 were configured");
  expect(server.embeddings.requests[0]).not.toHaveProperty("dimensions");
});

test.each<[string, Parameters<OpenAIServer["embeddings"]["script"]>[0], number, RegExp, boolean]>([
  ["refuses the text", { status: 400 }, 1, /HTTP 400/, true],
  ["refuses the key", { status: 401 }, 1, /HTTP 401/, false],
  ["is down", { status: 503, headers: { "retry-after-ms": "1" } }, 3, /HTTP 503/, false],
  ["talks nonsense", { json: { data: [{ embedding: "x" }] } }, 1, /0 numbers|no list/, false],
])("an endpoint that %s is no reason to wait", async (_what, step, requests, why, isTextRefused) => {
  server.embeddings.script(step);
  const embedder = await open({}, { dims: 4, embed: "openai:text-embedding-3-small" });
  await expect(embedder?.embed(["a"])).rejects.toMatchObject({ message: expect.stringMatching(why), isTextRefused });
  expect(server.embeddings.requests).toHaveLength(requests);
});

test("a file of the project may make the vectors: a function, a model, or a promise of one", async () => {
  const first = async (embed: string) => {
    const embedder = await open({}, { dims: 2, embed, fields: ["title", "a[*].b"] });
    expect(embedder?.fields).toEqual(["title", "a[*].b"]);
    return [...((await embedder?.embed(["four"]))?.[0] ?? [])];
  };
  expect(await first("./embed.ts:embed")).toEqual(unit([4, 1]));
  expect(await first("./embed.ts:model")).toEqual([0, 1]);
  expect(await first("./embed.ts:later")).toEqual([1, 0]);
});

test("the environment's word counts before the project's, and its paths begin beside the workflows folder", async () => {
  const env = {
    HOLDPOINT_EMBEDDING_MODEL: "./embed.ts:embed",
    HOLDPOINT_EMBEDDING_DIMS: "2",
    HOLDPOINT_EMBEDDING_FIELDS: "title, text",
  };
  const embedder = await open(env, { dims: 4, embed: "openai:text-embedding-3-small" });
  expect(embedder).toMatchObject({ model: "./embed.ts:embed/2", fields: ["title", "text"] });
});

test.each<[string, unknown, RegExp]>([
  ["no settings", 7, /store.index/],
  ["no length", { embed: "openai:a" }, /store.index.dims/],
  ["a length of none", { embed: "openai:a", dims: 0 }, /store.index.dims/],
  ["a length in words", { embed: "openai:a", dims: "8" }, /store.index.dims/],
  ["no model", { dims: 8 }, /store.index.embed/],
  ["a model without its maker", { dims: 8, embed: "text-embedding-3-small" }, /store.index.embed/],
  ["fields that are none", { dims: 8, embed: "openai:a", fields: "title" }, /store.index.fields/],
  ["no field at all", { dims: 8, embed: "openai:a", fields: [] }, /store.index.fields/],
  ["a file that is not there", { dims: 8, embed: "./nowhere.ts:embed" }, /nowhere.ts/],
  ["an export that is not there", { dims: 8, embed: "./embed.ts:nothing" }, /nothing/],
  ["an export that makes nothing", { dims: 8, embed: "./embed.ts:wrong" }, /is a number/],
])("%s is refused in words", async (_what, index, why) => {
  await expect(open({}, index)).rejects.toMatchObject({
    code: "configuration_invalid",
    message: expect.stringMatching(why),
  });
});

test("how long items stay is what the project says, or for good", () => {
  const terms = (store: unknown) => {
    writeFileSync(join(folder, "langgraph.json"), JSON.stringify({ graphs: {}, store }));
    return storeTermsOf(readConfig({ HOLDPOINT_PROJECT: "langgraph.json" }, folder));
  };
  expect(storeTermsOf(readConfig({ HOLDPOINT_WORKFLOWS_DIR: "workflows" }, folder))).toEqual(terms({}));
  expect(terms({})).toEqual({ ttl_minutes: null, refresh_on_read: true });
  expect(terms({ ttl: { default_ttl: 60, refresh_on_read: false } })).toEqual({
    ttl_minutes: 60,
    refresh_on_read: false,
  });
  rmSync(join(folder, "langgraph.json"));
});

test("OpenAI itself is not asked without a key", async () => {
  const env = { OPENAI_BASE_URL: "", HOLDPOINT_EMBEDDING_MODEL: "openai:text-embedding-3-small" };
  await expect(open(env)).rejects.toThrow("OPENAI_API_KEY");
});
