import { randomUUID } from "node:crypto";
import { RemoteGraph } from "@langchain/langgraph/remote";
import { Client } from "@langchain/langgraph-sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
let starter: string;
beforeAll(async () => {
  server = await openServer();
  starter = await server.key("starter", ["runs:create", "runs:read"]);
});
afterAll(async () => await server.close());

const as = (apiKey: string) =>
  new Client({ apiUrl: server.listening.url, apiKey, callerOptions: { maxRetries: 0 } }).assistants;
const mine = () => server.client.assistants;

it("makes an assistant, which runs by its id are configured with", async () => {
  const assistantId = randomUUID();
  const made = await mine().create({
    graphId: "http-words",
    assistantId,
    name: "Loud",
    description: "It shouts.",
    config: { tags: ["loud"], recursion_limit: 7, configurable: { volume: 11 } },
    context: { room: "hall" },
    metadata: { team: "a" },
  });
  expect(made).toMatchObject({
    assistant_id: assistantId,
    graph_id: "http-words",
    name: "Loud",
    description: "It shouts.",
    config: { tags: ["loud"], recursion_limit: 7, configurable: { volume: 11 } },
    context: { room: "hall" },
    metadata: { team: "a" },
    version: 1,
  });
  expect(await mine().get(assistantId)).toEqual(made);
  const { thread_id } = await server.client.threads.create();
  const run = await server.client.runs.create(thread_id, assistantId, { input: { text: "a" } });
  expect(run).toMatchObject({ assistant_id: assistantId });
  expect((run as unknown as { kwargs: object }).kwargs).toMatchObject({
    config: { recursion_limit: 7, configurable: { volume: 11 } },
    context: { room: "hall" },
  });
  expect(await server.client.runs.join(thread_id, run.run_id)).toMatchObject({ text: "A!" });
});

it("refuses an id that is taken, or gives what has it, and an unknown graph", async () => {
  const assistantId = randomUUID();
  const graphId = "http-words";
  expect(await mine().create({ graphId, assistantId })).toMatchObject({ name: "Untitled", metadata: {}, config: {} });
  await expect(mine().create({ graphId, assistantId })).rejects.toThrow(
    /HTTP 409: Assistant with ID .* already exists/,
  );
  const again = await mine().create({ graphId, assistantId, name: "other", ifExists: "do_nothing" });
  expect(again).toMatchObject({ name: "Untitled", version: 1 });
  await expect(mine().create({ graphId: "nothing" })).rejects.toThrow(/HTTP 404: graph "nothing" is not loaded/);
});

it("makes a version of each change, goes back to any of them, and counts on from the newest", async () => {
  const { assistant_id } = await mine().create({
    graphId: "http-words",
    name: "one",
    config: { configurable: { n: 1 } },
    metadata: { first: true },
  });
  const second = await mine().update(assistant_id, { config: { configurable: { n: 2 } }, metadata: { second: true } });
  expect(second).toMatchObject({ version: 2, name: "one", metadata: { first: true, second: true } });
  expect(await mine().update(assistant_id, {})).toMatchObject({ version: 3, config: { configurable: { n: 2 } } });
  const versions = await mine().getVersions(assistant_id);
  expect(versions.map(({ version }) => version)).toEqual([3, 2, 1]);
  expect(versions[2]).toMatchObject({ config: { configurable: { n: 1 } }, metadata: { first: true } });
  expect(await mine().getVersions(assistant_id, { limit: 1, offset: 1 })).toMatchObject([{ version: 2 }]);
  expect(await mine().getVersions(assistant_id, { metadata: { second: true } })).toHaveLength(2);
  const back = await mine().setLatest(assistant_id, 1);
  expect(back).toMatchObject({ version: 1, config: { configurable: { n: 1 } }, metadata: { first: true } });
  expect(back.metadata).not.toHaveProperty("second");
  expect(await mine().get(assistant_id)).toEqual(back);
  expect(await mine().update(assistant_id, { name: "four" })).toMatchObject({ version: 4, config: back.config });
  await expect(mine().setLatest(assistant_id, 9)).rejects.toThrow(/HTTP 404: Assistant not found: .* has no version 9/);
});

it("gives changes that come at once a version each", async () => {
  const { assistant_id } = await mine().create({ graphId: "http-words" });
  const changed = await Promise.all(
    Array.from({ length: 10 }, (_, n) => mine().update(assistant_id, { metadata: { [`n${n}`]: n } })),
  );
  expect(changed.map(({ version }) => version).toSorted((one, other) => one - other)).toEqual([
    2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
  ]);
  expect(Object.keys((await mine().get(assistant_id)).metadata ?? {})).toHaveLength(10);
});

it("finds, counts, sorts and cuts assistants as asked", async () => {
  const tag = randomUUID();
  for (const name of ["b%_\\", "A", "c"]) await mine().create({ graphId: "http-words", name, metadata: { tag } });
  const search = { metadata: { tag } };
  expect((await mine().search(search)).map(({ name }) => name)).toEqual(["c", "A", "b%_\\"]);
  const byName = { ...search, sortBy: "name", sortOrder: "asc" } as const;
  expect((await mine().search(byName)).map(({ name }) => name)).toEqual(["A", "b%_\\", "c"]);
  expect(await mine().search({ ...search, name: "B%_" })).toMatchObject([{ name: "b%_\\" }]);
  expect(await mine().count({ ...search, name: "B%_" })).toBe(1);
  expect(await mine().count(search)).toBe(3);
  const first = await mine().search({ ...byName, limit: 2, includePagination: true, select: ["name"] });
  expect(first).toEqual({ assistants: [{ name: "A" }, { name: "b%_\\" }], next: "2" });
  const rest = await mine().search({ ...byName, limit: 2, offset: 2, includePagination: true, select: ["name"] });
  expect(rest).toEqual({ assistants: [{ name: "c" }], next: null });
  const page = await server.ask("/assistants/search", { method: "POST", body: { metadata: { tag }, limit: 1 } });
  expect(page.headers.get("x-pagination-total")).toBe("3");
});

it("removes an assistant with its versions, and its threads when asked to", async () => {
  const { assistant_id } = await mine().create({ graphId: "http-words" });
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, assistant_id, { input: { text: "a" } });
  const other = await server.client.threads.create();
  await server.client.runs.wait(other.thread_id, "http-words", { input: { text: "a" } });
  expect(await mine().delete(assistant_id, { deleteThreads: true })).toEqual([assistant_id]);
  await expect(mine().get(assistant_id)).rejects.toThrow(/HTTP 404/);
  await expect(mine().delete(assistant_id)).rejects.toThrow(/HTTP 404/);
  await expect(mine().getVersions(assistant_id)).rejects.toThrow(/HTTP 404/);
  await expect(server.client.threads.get(thread_id)).rejects.toThrow(/HTTP 404/);
  expect(await server.client.threads.get(other.thread_id)).toMatchObject({ status: "idle" });
});

it("keeps an assistant whose threads have to stay, and says why", async () => {
  const { assistant_id } = await mine().create({ graphId: "http-pay" });
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, assistant_id, { input: { amount: 5 } });
  const [review] = (await (await server.ask(`/reviews?thread_id=${thread_id}`)).json()) as {
    id: string;
    request_digest: string;
  }[];
  const decision = { decisions: [{ type: "reject" }], seen_digest: review?.request_digest };
  const decided = await server.ask(`/reviews/${review?.id}/decision`, { method: "POST", body: decision });
  await server.client.runs.join(thread_id, ((await decided.json()) as { run_id: string }).run_id);
  await expect(mine().delete(assistant_id, { deleteThreads: true })).rejects.toThrow(
    /HTTP 409: 1 threads stay, and so does the assistant; the first: .* its graph is guarded, and a decision/,
  );
  expect(await mine().get(assistant_id)).toMatchObject({ assistant_id });
  expect(await mine().delete(assistant_id)).toEqual([assistant_id]);
  expect(await server.client.threads.get(thread_id)).toMatchObject({ status: "idle" });
});

it("lets nobody but who administrates change what everybody gets who starts a graph by its name", async () => {
  const own = await mine().get("http-ask");
  await expect(as(starter).update("http-ask", { config: {} })).rejects.toThrow(/HTTP 403: starter does not hold admin/);
  await expect(as(starter).setLatest(own.assistant_id, 1)).rejects.toThrow(/HTTP 403/);
  await expect(as(starter).delete(own.assistant_id)).rejects.toThrow(/HTTP 403/);
  await expect(mine().delete("http-ask")).rejects.toThrow(/HTTP 422: this is the own assistant of "http-ask"/);
  await expect(mine().update("http-ask", { graphId: "http-words" })).rejects.toThrow(/HTTP 422: \/graph_id/);
  expect(await mine().update("http-ask", { description: "mine" })).toMatchObject({ version: 2, description: "mine" });
  expect((await mine().getVersions("http-ask")).map(({ version }) => version)).toEqual([2, 1]);
  const made = await as(starter).create({ graphId: "http-ask" });
  expect(await as(starter).update(made.assistant_id, { name: "x" })).toMatchObject({ version: 2 });
  await expect(as(starter).delete(made.assistant_id, { deleteThreads: true })).rejects.toThrow(/HTTP 403/);
});

it("draws a graph, and what is inside of it as deep as asked", async () => {
  const flat = await mine().getGraph("http-nested");
  expect(flat.nodes.map(({ id }) => id)).toEqual(["__start__", "inner", "__end__"]);
  expect(flat.edges).toContainEqual({ source: "__start__", target: "inner", conditional: false });
  for (const xray of [true, 1]) {
    const deep = await mine().getGraph("http-nested", { xray });
    expect(deep.nodes.map(({ id }) => id)).toEqual(expect.arrayContaining(["inner:upper", "inner:mark"]));
  }
  for (const xray of [false, 0]) expect(await mine().getGraph("http-nested", { xray })).toEqual(flat);
  const remote = new RemoteGraph({ graphId: "http-nested", url: server.listening.url, apiKey: "" });
  expect(Object.keys((await remote.getGraphAsync({ xray: true })).nodes)).toContain("inner:upper");
});

it("gives the schemas of a state that has any, and null for one that has none", async () => {
  const schemas = await mine().getSchemas("http-words");
  expect(schemas).toMatchObject({
    graph_id: "http-words",
    input_schema: { type: "object", properties: { text: { type: "string" }, log: { type: "array" } } },
    output_schema: { properties: { text: { type: "string" } } },
    state_schema: { properties: { text: { type: "string" } } },
  });
  expect(Object.keys(schemas).toSorted()).toEqual([
    "config_schema",
    "context_schema",
    "graph_id",
    "input_schema",
    "output_schema",
    "state_schema",
  ]);
  expect(await mine().getSchemas("fan")).toMatchObject({ state_schema: null, input_schema: null });
});

it("gives the schemas of the graphs inside of a graph", async () => {
  const inner = { state: { properties: { text: { type: "string" } } }, input: {}, output: {} };
  expect(await mine().getSubgraphs("http-nested")).toMatchObject({ inner });
  expect(await mine().getSubgraphs("http-nested", { namespace: "inner", recurse: true })).toMatchObject({ inner });
  expect(await mine().getSubgraphs("http-nested", { namespace: "nobody" })).toEqual({});
  expect(await mine().getSubgraphs("http-words", { recurse: true })).toEqual({});
});

const HOSTILE: [string, string, unknown, number][] = [
  ["POST", "/assistants", {}, 422],
  ["POST", "/assistants", { graph_id: 1 }, 422],
  ["POST", "/assistants", { graph_id: "http-words", assistant_id: "x" }, 422],
  ["POST", "/assistants", { graph_id: "http-words", name: "\0" }, 422],
  ["POST", "/assistants", { graph_id: "http-words", description: "\ud800" }, 422],
  ["POST", "/assistants", { graph_id: "http-words", config: { configurable: { a: "\0" } } }, 422],
  ["POST", "/assistants", { graph_id: "http-words", config: { recursion_limit: -1 } }, 422],
  ["POST", "/assistants", { graph_id: "http-words", config: { tags: "loud" } }, 422],
  ["POST", "/assistants", { graph_id: "http-words", context: [] }, 422],
  ["POST", "/assistants", { graph_id: "http-words", metadata: "x" }, 422],
  ["POST", "/assistants", { graph_id: "http-words", if_exists: "maybe" }, 422],
  ["POST", "/assistants", { graph_id: "http-words", name: "x".repeat(501) }, 422],
  ["POST", "/assistants/search", { sort_by: "secret" }, 422],
  ["POST", "/assistants/search", { sort_order: "up" }, 422],
  ["POST", "/assistants/search", { select: ["tenant_id"] }, 422],
  ["POST", "/assistants/search", { limit: 1001 }, 422],
  ["PATCH", "/assistants/http-words", { graph_id: "nothing" }, 404],
  ["PATCH", "/assistants/http-words", { name: 5 }, 422],
  ["PATCH", "/assistants/nobody", {}, 404],
  ["POST", "/assistants/http-words/latest", { version: 1e20 }, 422],
  ["POST", "/assistants/http-words/latest", { version: "1" }, 422],
  ["POST", "/assistants/http-words/latest", {}, 422],
  ["POST", "/assistants/http-words/versions", { offset: -1 }, 422],
  ["GET", "/assistants/http-words/graph?xray=9999", undefined, 422],
  ["GET", "/assistants/http-words/graph?xray=-1", undefined, 422],
  ["GET", "/assistants/http-words/subgraphs?recurse=maybe", undefined, 422],
  ["GET", "/assistants/http-words/subgraphs/__proto__", undefined, 200],
  ["GET", "/assistants/nobody/graph", undefined, 404],
  ["GET", "/assistants/..%2f..%2fetc/schemas", undefined, 404],
  ["DELETE", "/assistants/http-words?delete_threads=maybe", undefined, 422],
];

it.each(HOSTILE)("answers %s %s of %j with %i", async (method, path, body, status) => {
  const before = await mine().count();
  const response = await server.ask(path, { method, body });
  expect([response.status, await response.text()]).toEqual([status, expect.any(String)]);
  expect(await mine().count()).toBe(before);
});

it("takes null for left out, ignores what it does not know, and never takes a prototype for a member", async () => {
  const body =
    '{"graph_id":"http-words","name":null,"config":{"tags":null,"recursion_limit":null,"x":1},"context":null,"unknown":1,"metadata":{"__proto__":{"polluted":true}}}';
  const response = await server.ask("/assistants", { method: "POST", body });
  expect(response.status).toBe(200);
  const { assistant_id, config } = (await response.json()) as { assistant_id: string; config: object };
  expect(config).toEqual({ x: 1 });
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  const { thread_id } = await server.client.threads.create();
  expect(await server.client.runs.wait(thread_id, assistant_id, { input: { text: "a" } })).toMatchObject({
    text: "A!",
  });
});

it("shows and changes nothing of another tenant's", async () => {
  const { assistant_id } = await mine().create({ graphId: "http-words" });
  const { pool } = server.house.database;
  const move = "set tenant_id = 'elsewhere' where assistant_id = $1";
  await pool.query(
    `alter table holdpoint.assistant_version drop constraint assistant_version_tenant_id_assistant_id_fkey`,
  );
  await pool.query(`update holdpoint.assistant ${move}`, [assistant_id]);
  await pool.query(`update holdpoint.assistant_version ${move}`, [assistant_id]);
  await expect(mine().get(assistant_id)).rejects.toThrow(/HTTP 404/);
  await expect(mine().update(assistant_id, {})).rejects.toThrow(/HTTP 404/);
  await expect(mine().getVersions(assistant_id)).rejects.toThrow(/HTTP 404/);
  await expect(mine().setLatest(assistant_id, 1)).rejects.toThrow(/HTTP 404/);
  await expect(mine().delete(assistant_id)).rejects.toThrow(/HTTP 404/);
  await expect(mine().getSchemas(assistant_id)).rejects.toThrow(/HTTP 404/);
  expect((await mine().search({ limit: 1000 })).map((found) => found.assistant_id)).not.toContain(assistant_id);
});
