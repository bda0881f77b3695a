import { afterAll, beforeAll, expect, it } from "vitest";
import { createLoginLink } from "../../src/postgres/identity.ts";
import { openServer, type TestServer } from "./server.ts";

let local: TestServer;
let open: TestServer;
beforeAll(async () => {
  local = await openServer({}, { works: false });
  open = await openServer({ loopbackOwner: false }, { works: false });
});
afterAll(async () => {
  await local.close();
  await open.close();
});

const at = (server: TestServer, url: string, init: RequestInit = {}) => server.app.fetch(new Request(url, init));

it("takes a caller on this machine for its owner, and a wrong key for nobody", async () => {
  const me = (await (await local.ask("/whoami")).json()) as { principal_id: string; permissions: string[] };
  expect(me.principal_id).toBe("local-owner");
  expect(me.permissions).toContain("review:decide");
  expect((await local.ask("/whoami", { headers: { "x-api-key": "hp_wrong" } })).status).toBe(401);
  expect((await local.ask("/whoami", { headers: { "x-api-key": "" } })).status).toBe(401);
  expect((await local.ask("/whoami", { headers: { authorization: "Basic YTpi" } })).status).toBe(401);
});

it("wants a key from everybody where others can reach it, except for whether it is there", async () => {
  for (const path of ["/threads", "/reviews", "/metrics", "/whoami", "/api-keys"]) {
    const response = await open.ask(path, { method: path === "/threads" ? "POST" : "GET" });
    expect([path, response.status, response.headers.get("www-authenticate")]).toEqual([path, 401, "Bearer"]);
  }
  for (const path of ["/ok", "/info", "/livez", "/readyz"]) expect((await open.ask(path)).status).toBe(200);
  const key = await open.key("reader", ["runs:read"]);
  const headers = { authorization: `Bearer ${key}` };
  const metrics = await (await open.ask("/metrics", { headers })).text();
  expect(metrics).toContain("holdpoint_request_duration_seconds");
});

it("is no owner to a name that was pointed at this machine, nor behind a proxy", async () => {
  for (const url of [
    "http://evil.example:8123/whoami",
    "http://10.0.0.1/whoami",
    "http://localhost.evil.example/whoami",
  ]) {
    expect([url, (await at(local, url)).status]).toEqual([url, 403]);
  }
  for (const url of ["http://localhost:8123/whoami", "http://[::1]:8123/whoami", "http://127.8.8.8/whoami"]) {
    expect([url, (await at(local, url)).status]).toEqual([url, 200]);
  }
  expect((await local.ask("/whoami", { headers: { "x-forwarded-for": "8.8.8.8" } })).status).toBe(403);
  const key = await local.key("elsewhere");
  expect((await at(local, "http://evil.example/whoami", { headers: { "x-api-key": key } })).status).toBe(200);
});

it("does nothing in the owner's name for a page of another origin", async () => {
  const send = (headers: Record<string, string>, method = "POST") =>
    local.ask("/threads", { method, body: {}, headers });
  expect((await send({ origin: "https://evil.example" })).status).toBe(403);
  expect((await send({ origin: "null" })).status).toBe(403);
  expect((await send({ origin: "http://localhost:5173" })).status).toBe(403);
  expect((await send({ "sec-fetch-site": "cross-site" })).status).toBe(403);
  expect((await send({ "sec-fetch-site": "same-site" })).status).toBe(403);
  expect((await send({ origin: "http://127.0.0.1:8123", "sec-fetch-site": "same-origin" })).status).toBe(200);
  const read = await local.ask("/reviews", { headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" } });
  expect(read.status).toBe(403);
  const plain = await local.ask("/threads", { method: "POST", body: "{}", headers: { "content-type": "text/plain" } });
  expect(plain.status).toBe(415);
});

it("shows a new key once, stores its hash, notes its use and ends it", async () => {
  const made = await local.ask("/api-keys", {
    method: "POST",
    body: { name: "ci", principal: { principal_id: "ci" } },
  });
  expect(made.status).toBe(201);
  const key = (await made.json()) as { secret: string; api_key_id: string; permissions: string[] };
  expect(key.secret).toMatch(/^hp_[\w-]{43}$/);
  expect(key.permissions).toEqual(["runs:create", "runs:read", "runs:cancel", "review:read"]);
  const listed = await (await local.ask("/api-keys")).text();
  expect(listed).toContain(key.api_key_id);
  expect(listed).not.toContain(key.secret);
  const { rows } = await local.house.database.pool.query("select to_jsonb(k)::text as row from holdpoint.api_key k");
  expect(JSON.stringify(rows)).not.toContain(key.secret);
  const headers = { "x-api-key": key.secret };
  expect(await (await local.ask("/whoami", { headers })).json()).toMatchObject({ principal_id: "ci", kind: "service" });
  const used = (await (await local.ask("/api-keys")).json()) as { api_key_id: string; last_used_at: string | null }[];
  expect(used.find(({ api_key_id }) => api_key_id === key.api_key_id)?.last_used_at).not.toBeNull();
  expect((await local.ask("/api-keys", { headers })).status).toBe(403);
  expect((await local.ask(`/api-keys/${key.api_key_id}`, { method: "DELETE" })).status).toBe(200);
  expect((await local.ask("/whoami", { headers })).status).toBe(401);
});

it("gives nobody more than they hold, and an agent never the right to decide", async () => {
  const admin = await local.key("admin", ["admin"]);
  const grant = (body: unknown) => local.ask("/api-keys", { method: "POST", body, headers: { "x-api-key": admin } });
  const more = await grant({ name: "more", principal: { principal_id: "more" }, permissions: ["review:decide"] });
  expect(more.status).toBe(403);
  const principal = { principal_id: "robot", kind: "agent" };
  const agent = { name: "robot", principal, permissions: ["runs:create", "review:decide"] };
  expect((await local.ask("/api-keys", { method: "POST", body: agent })).status).toBe(422);
  const key = await local.key("robot", ["runs:create"], "agent");
  await local.house.database.pool.query(
    "update holdpoint.api_key set permissions = '{admin,review:decide}' where principal_id = 'robot'",
  );
  expect(await (await local.ask("/whoami", { headers: { "x-api-key": key } })).json()).toMatchObject({
    permissions: [],
  });
  const system = { name: "s", principal: { principal_id: "system:worker" } };
  expect((await local.ask("/api-keys", { method: "POST", body: system })).status).toBe(422);
});

it("logs a person in by a link that works once, and not by looking at it", async () => {
  const { secret } = await createLoginLink(open.house.database, "local-owner");
  const path = `/login/${secret}`;
  for (let look = 0; look < 2; look += 1) {
    const page = await open.ask(path);
    expect(await page.text()).toContain('<form method="post">');
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  }
  const foreign = await open.ask(path, { method: "POST", headers: { origin: "https://evil.example" } });
  expect(foreign.status).toBe(403);
  const both = await Promise.all([1, 2].map(() => open.ask(path, { method: "POST" })));
  expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 410]);
  const cookie = both.find(({ status }) => status === 200)?.headers.get("set-cookie") as string;
  expect(cookie).toMatch(/^holdpoint_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
  const headers = { cookie: cookie.split(";")[0] as string };
  expect(await (await open.ask("/whoami", { headers })).json()).toMatchObject({ principal_id: "local-owner" });
  const forged = await open.ask("/threads", {
    method: "POST",
    body: {},
    headers: { ...headers, origin: "https://evil.example" },
  });
  expect(forged.status).toBe(403);
  expect((await open.ask(path)).status).toBe(410);
  expect((await open.ask("/whoami", { headers: { cookie: "holdpoint_session=wrong" } })).status).toBe(401);
});

it("marks the cookie as secure where the connection is", async () => {
  const { secret } = await createLoginLink(open.house.database, "local-owner");
  const response = await at(open, `https://holdpoint.example/login/${secret}`, { method: "POST" });
  expect(response.headers.get("set-cookie")).toMatch(/; Secure$/);
});

it("ends a link after ten minutes", async () => {
  const { secret } = await createLoginLink(open.house.database, "local-owner");
  await open.house.database.pool.query("update holdpoint.clock set shift = '601 seconds'");
  expect((await open.ask(`/login/${secret}`, { method: "POST" })).status).toBe(410);
  await open.house.database.pool.query("update holdpoint.clock set shift = '0'");
});
