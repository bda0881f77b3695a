import { fileURLToPath } from "node:url";
import { Client } from "@langchain/langgraph-sdk";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createInProcess } from "../../src/compose/in-process.ts";
import { createApp } from "../../src/http/app.ts";
import { withoutGroups } from "../../src/http/disabled-routes.ts";
import { routes } from "../../src/http/routes.ts";
import { ALLOW_NONE } from "../../src/policy/private-address.ts";
import { postWebhook } from "../../src/runtime/webhook-request.ts";
import { type Ask, openServer, type TestServer } from "./server.ts";

const FIXTURES = fileURLToPath(new URL("../fixtures/in-process", import.meta.url));
const delivered: unknown[] = [];
const seen: string[] = [];

/** What a project may serve beside us. */
const app = new Hono()
  .use(async (context, next) => {
    seen.push(context.req.path);
    if (context.req.query("halt") !== undefined) return context.json({ halted: true });
    if (context.req.header("x-look") !== undefined) await context.req.json();
    await next();
    context.header("x-around", "yes");
  })
  .get("/custom/threads", async (context) => context.json(await new Client().threads.search({ limit: 1 })))
  .get("/runs/ours-not", (context) => context.text("theirs"))
  .get("/custom/error", () => {
    throw new HTTPException(418, { message: "a teapot" });
  })
  .get("/custom/fault", () => {
    throw new Error("secret of the project");
  })
  .get("/custom/me", (context) => context.json(context.get("auth" as never)))
  .post("/custom/hook", async (context) => {
    delivered.push(await context.req.json());
    const reached = await new Client().threads.search().catch((error: Error) => error.message);
    return context.text(String(reached));
  })
  .notFound((context) => context.text("never asked", 410));

const inProcess = createInProcess();
let server: TestServer;

beforeAll(async () => {
  const project = { app, within: inProcess.within, customRouteAuth: false, authFirst: false };
  server = await openServer({ graphHeaders: {} }, { directory: FIXTURES, project });
  inProcess.open(server.app, server.deps);
});
afterAll(() => server.close());

/** Asks a server with other settings of the same parts. */
async function askWith(changed: object, settings: object, path: string, { method = "GET", headers = {} }: Ask = {}) {
  const deps = { ...server.deps, settings: { ...server.deps.settings, ...settings } };
  const own = createInProcess();
  const project = { app, within: own.within, customRouteAuth: false, authFirst: false, ...changed };
  const asked = createApp({ ...deps, project });
  own.open(asked, deps);
  return await asked.fetch(new Request(`http://127.0.0.1:8123${path}`, { method, headers }));
}

describe("a project's own routes", () => {
  test("are answered, its middleware is around ours, and may answer in their place", async () => {
    expect(await (await server.ask("/runs/ours-not")).text()).toBe("theirs");
    const ours = await server.ask("/info");
    expect([ours.status, ours.headers.get("x-around")]).toEqual([200, "yes"]);
    expect(await (await server.ask("/threads/search?halt", { method: "POST" })).json()).toEqual({ halted: true });
  });

  test("fail as they say, and say nothing of a fault", async () => {
    const refused = await server.ask("/custom/error");
    expect([refused.status, await refused.text()]).toEqual([418, "a teapot"]);
    const fault = await server.ask("/custom/fault");
    expect([fault.status, await fault.text()]).toEqual([500, "Internal Server Error"]);
  });

  test("leave what is nobody's to us, with the right refusal", async () => {
    expect((await server.ask("/custom/nothing")).status).toBe(404);
    const wrong = await server.ask("/info", { method: "DELETE" });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET"]);
  });

  test("may read a body that is ours to read too", async () => {
    const body = { metadata: { read: "twice" } };
    const made = await server.ask("/threads", { method: "POST", body, headers: { "x-look": "1" } });
    expect(await made.json()).toMatchObject({ metadata: { read: "twice" } });
  });

  test("reach us in the name of who asks them, with what that one may", async () => {
    expect((await server.ask("/custom/threads")).status).toBe(200);
    const named = { loopbackOwner: false };
    expect((await askWith({}, named, "/custom/threads")).status).toBe(500);
    const key = await server.key("user:reader", ["runs:read"]);
    expect((await askWith({}, named, "/custom/threads", { headers: { "x-api-key": key } })).status).toBe(200);
    const other = await server.key("user:other", ["audit:read"]);
    expect((await askWith({}, named, "/custom/threads", { headers: { "x-api-key": other } })).status).toBe(500);
  });

  test("are for those alone who are known, where the project says so", async () => {
    const named = { loopbackOwner: false };
    expect((await askWith({}, named, "/custom/me")).status).toBe(200);
    for (const changed of [{ customRouteAuth: true }, { authFirst: true }]) {
      seen.length = 0;
      expect((await askWith(changed, named, "/custom/me")).status).toBe(401);
      expect((await askWith(changed, named, "/custom/nothing")).status).toBe(401);
      expect((await askWith(changed, named, "/threads/search", { method: "POST" })).status).toBe(401);
      expect(seen).toEqual([]);
      expect((await askWith(changed, named, "/ok")).status).toBe(200);
      const key = await server.key("user:known", ["runs:read"]);
      const known = await askWith(changed, named, "/custom/me", { headers: { "x-api-key": key } });
      expect(await known.json()).toMatchObject({ user: { identity: "user:known" }, scopes: ["runs:read"] });
    }
  });
});

describe("a webhook that is a path", () => {
  const start = (webhook: string) =>
    server.ask("/runs", { method: "POST", body: { assistant_id: "echo", input: { word: "a" }, webhook } });
  const post = (url: string, local: typeof inProcess.webhooks | null = inProcess.webhooks) =>
    postWebhook({
      url,
      headers: { "content-type": "application/json" },
      body: '{"run_id":"r"}',
      timeoutMs: 5_000,
      allow: ALLOW_NONE,
      signal: new AbortController().signal,
      ...(local === null ? {} : { local }),
    });

  test("goes to the project's own route without a connection, in nobody's name", async () => {
    expect((await start("/custom/hook?a=1")).status).toBe(200);
    const answer = await post("/custom/hook");
    expect(delivered).toEqual([{ run_id: "r" }]);
    expect(answer).toMatchObject({ status: 200, body: expect.stringMatching(/403.*system:webhook does not hold/) });
    expect(await post("/threads/search")).toMatchObject({ status: 403 });
    expect(await post("/custom/nothing")).toMatchObject({ status: 404 });
  });

  test.each(["//evil.example/x", "/\\evil.example", "/a#b", "/a b", `/${"x".repeat(2_048)}`])(
    "is refused as %s, and sent nowhere",
    async (webhook) => {
      expect((await start(webhook)).status).toBe(422);
      expect(await post(webhook)).toMatchObject({ status: null, error: expect.stringContaining("no routes") });
    },
  );

  test("is refused where there is no project to take it", async () => {
    expect(await post("/custom/hook", null)).toMatchObject({
      status: null,
      error: expect.stringContaining("no routes"),
    });
  });
});

test("graphs are told of headers that prove nothing, and no secret of a request is stored", async () => {
  const key = await server.key("user:sender");
  const headers = {
    "x-api-key": key,
    authorization: "Bearer sesame",
    cookie: "a=sesame",
    "x-auth-token": "sesame",
    "x-tenant-id": "sesame",
    "x-configurable-header": "extra",
    "user-agent": "mine",
  };
  const config = { configurable: { "x-configurable-header": "said by the client" } };
  const body = { assistant_id: "echo", input: { word: "a" }, config, on_completion: "keep" };
  const told = (await (await server.ask("/runs/wait", { method: "POST", headers, body })).json()) as { told: object };
  expect(told.told).toMatchObject({ "x-configurable-header": "extra", "user-agent": "mine" });
  const kept = await server.house.database.pool.query("select to_json(r)::text as row from holdpoint.run r");
  const text = JSON.stringify([told, kept.rows]);
  expect(text).not.toContain("sesame");
  expect(text).not.toContain(key);
});

test("every path is answered behind the project's prefix too, and names addresses as they are there", async () => {
  const settings = { mountPrefix: "/api/v1" };
  expect((await askWith({}, settings, "/api/v1/info")).status).toBe(200);
  expect((await askWith({}, settings, "/info")).status).toBe(200);
  expect((await askWith({}, settings, "/api/v1x/info")).status).toBe(404);
  const deps = { ...server.deps, settings: { ...server.deps.settings, ...settings } };
  const request = new Request("http://127.0.0.1:8123/api/v1/runs", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ assistant_id: "echo", input: { word: "a" } }),
  });
  const made = await createApp(deps).fetch(request);
  expect(made.headers.get("content-location")).toMatch(/^\/api\/v1\/(threads\/[\w-]+\/)?runs\//);
});

test("threads stay as long as the project says where nobody says it of them", async () => {
  const threadTtl = { ttl: 60, strategy: "keep_latest" } as const;
  const aged = createApp({ ...server.deps, settings: { ...server.deps.settings, threadTtl } });
  const send = async (path: string, body?: object) => {
    const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const headers = { "content-type": "application/json" };
    return await (await aged.fetch(new Request(`http://127.0.0.1:8123${path}`, { ...sent, headers }))).json();
  };
  const ttlOf = async (thread_id: string) => ((await send(`/threads/${thread_id}?include=ttl`)) as { ttl: object }).ttl;
  const made = (await send("/threads", {})) as { thread_id: string };
  expect(await ttlOf(made.thread_id)).toMatchObject(threadTtl);
  const said = (await send("/threads", { ttl: { ttl: 5, strategy: "delete" } })) as { thread_id: string };
  expect(await ttlOf(said.thread_id)).toMatchObject({ ttl: 5, strategy: "delete" });
  const thread_id = "0193a0c0-0000-7000-8000-00000000000b";
  await send(`/threads/${thread_id}/runs/wait`, { assistant_id: "echo", input: {}, if_not_exists: "create" });
  expect(await ttlOf(thread_id)).toMatchObject(threadTtl);
});

test("groups of routes that a project leaves out are not there, and no others go with them", () => {
  const paths = (groups: Parameters<typeof withoutGroups>[1]) => withoutGroups(routes, groups).map(({ path }) => path);
  const all = paths([]);
  const without = (...groups: Parameters<typeof withoutGroups>[1]) =>
    all.filter((path) => !paths(groups).includes(path));
  expect(without("store").every((path) => path.startsWith("/store/"))).toBe(true);
  expect(without("assistants")).toContain("/assistants/search");
  expect(without("threads")).toContain("/threads/:thread_id/state");
  expect(without("threads").filter((path) => path.includes("/runs"))).toEqual([]);
  expect(without("runs")).toEqual(expect.arrayContaining(["/runs/wait", "/threads/:thread_id/runs/:run_id/join"]));
  expect(without("meta")).toContain("/info");
  expect(without("meta")).not.toContain("/ok");
});
