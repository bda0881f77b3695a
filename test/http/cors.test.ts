import { Client } from "@langchain/langgraph-sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLoginLink, redeemLoginLink } from "../../src/postgres/identity.ts";
import { LOCAL_OWNER } from "../../src/protocol/principal.ts";
import { openServer, type TestServer } from "./server.ts";

const GOOD = "https://good.example";
const HOSTILE = [
  "null",
  "",
  "*",
  "https://good.example.evil",
  "https://evil.example/https://good.example",
  "https://notgood.example",
  "https://good.example:8443",
  "https://good.example/",
  "http://good.example",
  "HTTPS://GOOD.EXAMPLE",
  "https://good.example https://evil.example",
  "https://good.example, https://evil.example",
  "https://sub.good.example",
  "https://good.example@evil.example",
  `${GOOD}${"x".repeat(4_000)}`,
];

let server: TestServer;
let anybody: TestServer;
let closed: TestServer;
let key: string;
beforeAll(async () => {
  server = await openServer({ corsOrigins: new Set([GOOD, "http://localhost:3000"]) });
  anybody = await openServer({ corsOrigins: "*" }, { works: false });
  closed = await openServer({}, { works: false });
  key = await server.key("page", ["runs:create", "runs:read", "review:read"]);
});
afterAll(async () => {
  for (const one of [server, anybody, closed]) await one?.close();
});

const PREFLIGHT = {
  "access-control-request-method": "POST",
  "access-control-request-headers": "content-type,x-api-key",
};

const send = (to: TestServer, path: string, origin: string | undefined, init: RequestInit = {}) =>
  fetch(to.listening.url + path, {
    ...init,
    headers: { ...(origin === undefined ? {} : { origin }), ...(init.headers as Record<string, string>) },
  });
const allowed = ({ headers }: Response) =>
  [...headers].filter(([name]) => name.startsWith("access-control-")).map(([name]) => name);
const withKey = (more: RequestInit = {}): RequestInit => ({ ...more, headers: { ...more.headers, "x-api-key": key } });

it("lets a page of an allowed origin ask before it sends, without any credentials", async () => {
  const asked = await send(server, "/threads/search", GOOD, { method: "OPTIONS", headers: PREFLIGHT });
  expect([asked.status, await asked.text()]).toEqual([204, ""]);
  expect(Object.fromEntries(asked.headers)).toMatchObject({
    "access-control-allow-origin": GOOD,
    "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE",
    "access-control-allow-headers": "content-type,x-api-key",
    "access-control-max-age": "600",
  });
  expect(asked.headers.get("vary")).toContain("Origin");
  expect(asked.headers.has("access-control-allow-credentials")).toBe(false);
});

it("shows such a page what it asks for with a key, and the headers that clients read", async () => {
  for (const origin of [GOOD, "http://localhost:3000"]) {
    const listed = await send(server, "/threads/search", origin, withKey({ method: "POST" }));
    expect([listed.status, listed.headers.get("access-control-allow-origin")]).toEqual([200, origin]);
    expect(listed.headers.get("vary")).toContain("Origin");
    const exposed = listed.headers.get("access-control-expose-headers")?.split(", ") ?? [];
    for (const name of [
      "content-location",
      "location",
      "x-pagination-total",
      "x-pagination-next",
      "x-request-id",
      "etag",
    ])
      expect(exposed).toContain(name);
    expect(listed.headers.has("access-control-allow-credentials")).toBe(false);
  }
});

it("serves the official client in a page: a run, its stream and where to find it again", async () => {
  const asPage: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set("origin", GOOD);
    return fetch(input, { ...init, headers });
  };
  const client = new Client({
    apiUrl: server.listening.url,
    apiKey: key,
    callerOptions: { maxRetries: 0, fetch: asPage },
  });
  const { thread_id } = await client.threads.create();
  const events: string[] = [];
  for await (const { event } of client.runs.stream(thread_id, "http-words", { input: { text: "a" } }))
    events.push(event);
  expect(events[0]).toBe("metadata");
  const body = JSON.stringify({ assistant_id: "http-words", input: { text: "a" } });
  const made = await send(server, `/threads/${thread_id}/runs/stream`, GOOD, {
    ...withKey({ method: "POST", body }),
    headers: { "x-api-key": key, "content-type": "application/json" },
  });
  const exposed = made.headers.get("access-control-expose-headers") ?? "";
  expect(made.headers.get("content-location")).toMatch(/^\/threads\//);
  expect(exposed).toContain("content-location");
  expect(await made.text()).toContain(": end");
});

it("tells an allowed page what was refused, and takes neither the machine nor a cookie for its credentials", async () => {
  const link = await createLoginLink(server.house.database, LOCAL_OWNER);
  const session = await redeemLoginLink(server.house.database, link.secret);
  const cookie = `holdpoint_session=${session?.secret}`;
  for (const headers of [{}, { cookie }, { cookie, "sec-fetch-site": "cross-site" }]) {
    const refused = await send(server, "/threads", GOOD, {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json", ...headers },
    });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([403, GOOD]);
    expect(await refused.text()).toContain("send an API key");
  }
  const own = await send(server, "/whoami", undefined, { headers: { cookie } });
  expect(own.status).toBe(200);
  const wrong = await send(server, "/threads/search", GOOD, { method: "POST", headers: { "x-api-key": "hp_wrong" } });
  expect([wrong.status, wrong.headers.get("access-control-allow-origin")]).toEqual([401, GOOD]);
  const missing = await send(server, "/nowhere", GOOD, withKey());
  expect([missing.status, missing.headers.get("access-control-allow-origin")]).toEqual([404, GOOD]);
});

it.each(HOSTILE)("shows a page of %j nothing", async (origin) => {
  const asked = await send(server, "/threads/search", origin, { method: "OPTIONS", headers: PREFLIGHT });
  expect([asked.status >= 400, allowed(asked)]).toEqual([true, []]);
  const listed = await send(server, "/threads/search", origin, withKey({ method: "POST" }));
  expect(allowed(listed)).toEqual([]);
  expect(listed.headers.get("vary"), "a cache keeps them apart").toContain("Origin");
  const lent = await send(server, "/threads/search", origin, { method: "POST" });
  expect([lent.status, allowed(lent)]).toEqual([403, []]);
});

it.each(["x-api-key\u00e9", "a b", "a,,b", "a,b,", "x".repeat(5_000), ":"])(
  "allows no headers where the list of them is none: %j",
  async (names) => {
    const headers = { ...PREFLIGHT, "access-control-request-headers": names };
    const asked = await send(server, "/threads", GOOD, { method: "OPTIONS", headers });
    expect([asked.status, asked.headers.get("access-control-allow-headers")]).toEqual([204, null]);
  },
);

it("answers OPTIONS that asks for nothing, and all of it where no origin is allowed, as a method that is not served", async () => {
  expect((await send(server, "/threads", GOOD, { method: "OPTIONS" })).status).toBe(405);
  const asked = await send(closed, "/threads", GOOD, { method: "OPTIONS", headers: PREFLIGHT });
  expect([asked.status, allowed(asked)]).toEqual([405, []]);
  expect(allowed(await send(closed, "/ok", GOOD))).toEqual([]);
});

it("shows every page what it has a key for when all are allowed, and still takes no credentials that are lent", async () => {
  const other = await anybody.key("page");
  const listed = await send(anybody, "/threads/search", "null", { method: "POST", headers: { "x-api-key": other } });
  expect([listed.status, listed.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
  expect(listed.headers.has("access-control-allow-credentials")).toBe(false);
  expect((await send(anybody, "/threads/search", "https://evil.example", { method: "POST" })).status).toBe(403);
});
