import { Auth, HTTPException } from "@langchain/langgraph-sdk/auth";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createApp } from "../../src/http/app.ts";
import { projectAuth } from "../../src/http/auth/project-auth.ts";
import { defineRoute } from "../../src/http/route.ts";
import { createCron } from "../../src/postgres/crons.ts";
import { createApiKey, createLoginLink, redeemLoginLink } from "../../src/postgres/identity.ts";
import { assistantIdOf } from "../../src/protocol/assistant.ts";
import { type AuthScene, as, named, openAuthScene, shown } from "./auth-scene.ts";

/** Says no in every way that there is. */
const moody = new Auth()
  .authenticate(async (request) => {
    switch (new URL(request.url).searchParams.get("mood")) {
      case "teapot":
        throw new HTTPException(418, {
          message: "short and stout",
          headers: { "x-pot": "tea", "content-length": "99", "bad name": "x" },
        });
      case "welcome":
        throw new HTTPException(200 as never, { message: "come in" });
      case "broken":
        throw new Error("the password of the database is hunter2");
      case "odd":
        throw "hunter2";
      case "asleep":
        return await new Promise<never>(() => {});
      case "nosy":
        return { identity: await request.text().then((text) => `read:${text}`), permissions: [] };
    }
    return shown(request) as string;
  })
  .on("threads:read", ({ user }) => {
    if (user.identity === "breaks") throw new Error("hunter2");
    if (user.identity === "guesses") return "yes" as never;
    if (user.identity === "half") return { owner: undefined } as never;
    if (user.identity === "waits") return new Promise<never>(() => {});
    return user.identity !== "refused";
  })
  .on("threads", ({ user }) => (user.identity === "refused" ? { nothing: "here" } : undefined))
  .on("*:create", () => {
    throw new HTTPException(402, { message: "pay first" });
  });

let scene: AuthScene;
let key: string;
beforeAll(async () => {
  scene = await openAuthScene(projectAuth(moody, "auth.ts", 500), { corsOrigins: new Set(["https://app.example"]) });
  key = await scene.key("operator", ["runs:read", "admin"]);
});
afterAll(() => scene.close());

const THREAD = "/threads/00000000-0000-4000-8000-000000000000";
const whoami = async (headers: Record<string, string>) => {
  const response = await scene.ask("/whoami", { headers });
  return { status: response.status, ...((await response.json()) as { principal_id: string; permissions: string[] }) };
};

it("asks the handler who somebody is: a text, or an object with an identity", async () => {
  expect(await whoami(as("ana"))).toMatchObject({ principal_id: "ana", kind: "user", display_name: "ana", groups: [] });
  const user = { identity: "bo", display_name: "Bo", permissions: ["me", 7], groups: ["sales", 7], secret: "hunter2" };
  const bo = await whoami(as(user));
  expect(bo).toMatchObject({ principal_id: "bo", display_name: "Bo", groups: ["sales"] });
  expect(JSON.stringify(bo)).not.toContain("hunter2");
});

it("lets users do what LangGraph's clients do and answer what they are asked, and the rest where they are permitted it", async () => {
  const usual = ["review:decide", "review:read", "runs:cancel", "runs:create", "runs:read", "threads:write_state"];
  expect((await whoami(as("ana"))).permissions.toSorted()).toEqual(usual);
  const boss = await whoami(named("boss", ["admin", "audit:read", "review:admin", "review:bypass", "runs:fly"]));
  expect(boss.permissions.toSorted()).toEqual(
    [...usual, "admin", "audit:read", "review:admin", "review:bypass"].toSorted(),
  );
  const bot = await whoami(as({ identity: "bot", kind: "agent", permissions: ["admin", "review:admin"] }));
  expect(bot).toMatchObject({ kind: "agent" });
  expect(bot.permissions.filter((one) => one === "admin" || one.startsWith("review:"))).toEqual(["review:read"]);
});

it.each([
  ["an empty identity", ""],
  ["blanks", "   "],
  ["an identity without end", "a".repeat(257)],
  ["control characters", "ana\u0000"],
  ["a line break", "ana\nadmin"],
  ["half of a UTF-16 pair", "ana\ud800"],
  ["the owner of this machine", "local-owner"],
  ["the server itself", "system:timeout"],
  ["a number", 7],
  ["null", null],
  ["a list", ["ana"]],
  ["no identity", { user: { id: "ana" } }],
  ["an identity that is no text", { identity: { toString: "ana" }, permissions: [] }],
  ["somebody who is not authenticated", { identity: "ana", is_authenticated: false }],
  ["more than can be kept", { identity: "ana", permissions: [], photo: "x".repeat(70_000) }],
])("takes %s for nobody", async (_name, user) => {
  const response = await scene.ask("/whoami", { headers: as(user) });
  expect([response.status, response.headers.get("x-holdpoint-error")]).toEqual([401, "authentication_required"]);
  expect((await scene.ask("/threads/search", { method: "POST", body: {}, headers: as(user) })).status).toBe(401);
});

it.each([
  "Ana O'Connor",
  "ana@example.com",
  "auth0|6f2",
  "日本",
  "ana\u202e",
  "'; drop table x; --",
  "__proto__",
  "*",
  "%",
])("takes %j for the name that it is", async (identity) => {
  expect(await whoami(as(identity))).toMatchObject({ status: 200, principal_id: identity });
});

it("says what the handler says: its status, its words and its headers, and no more than that", async () => {
  const pot = await scene.ask("/whoami?mood=teapot", { headers: as("ana") });
  expect([pot.status, await pot.text(), pot.headers.get("x-pot")]).toEqual([418, "short and stout", "tea"]);
  expect(pot.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  const nobody = await scene.ask("/threads/search", { method: "POST", body: {} });
  expect([nobody.status, await nobody.text(), nobody.headers.get("x-try")]).toEqual([401, "who are you?", "harder"]);
  // A refusal that is none would let everybody in.
  expect((await scene.ask("/whoami?mood=welcome", { headers: as("ana") })).status).toBe(401);
  for (const mood of ["broken", "odd"]) {
    const response = await scene.ask(`/threads/search?mood=${mood}`, { method: "POST", body: {}, headers: as("ana") });
    expect(response.status).toBe(401);
    expect(await response.text()).not.toContain("hunter2");
  }
});

it("does not wait for a handler for ever, and leaves the body to the route", async () => {
  const asleep = await scene.ask("/whoami?mood=asleep", { headers: as("ana") });
  expect([asleep.status, asleep.headers.get("x-holdpoint-error")]).toEqual([503, "auth_unavailable"]);
  const waits = await scene.ask(THREAD, { headers: as("waits") });
  expect([waits.status, waits.headers.get("x-holdpoint-error")]).toEqual([503, "auth_unavailable"]);
  const nosy = await scene.ask("/threads/search?mood=nosy", { method: "POST", body: { limit: 3 }, headers: as("ana") });
  expect(nosy.status).toBe(200);
});

it("skips nobody who says that they come from LangSmith", async () => {
  const claims: Record<string, string>[] = [{}, { "x-api-key": "lsv2_pt_1" }];
  for (const claim of claims) {
    const headers = { ...claim, "x-auth-scheme": "langsmith" };
    expect((await scene.ask("/whoami", { headers })).status).toBe(401);
    expect((await scene.ask("/threads/search", { method: "POST", body: {}, headers })).status).toBe(401);
  }
});

it("asks one handler about each event: that of the event, of the resource, of the action, of everything", async () => {
  const refused = await scene.ask(THREAD, { headers: as("refused") });
  expect([refused.status, await refused.text()]).toEqual([403, "Forbidden"]);
  // Not that of the event, so that of the resource.
  const search = await scene.ask("/threads/search", { method: "POST", body: {}, headers: as("refused") });
  expect([search.status, await search.json()]).toEqual([200, []]);
  // Not that of the resource, so that of the action.
  const create = await scene.ask("/assistants", { method: "POST", body: { graph_id: "who" }, headers: as("ana") });
  expect([create.status, await create.text()]).toEqual([402, "pay first"]);
  expect((await scene.ask("/threads", { method: "POST", body: {}, headers: as("ana") })).status).toBe(200);
  // What is not mentioned is allowed.
  expect((await scene.ask("/assistants/who", { headers: as("ana") })).status).toBe(200);
});

it.each(["breaks", "guesses", "half"])("lets nobody in by a handler that is wrong itself (%s)", async (identity) => {
  const response = await scene.ask(THREAD, { headers: as(identity) });
  expect([response.status, await response.text()]).toEqual([500, "Internal Server Error"]);
});

it("knows its own keys and sessions beside it, and no owner by the address alone", async () => {
  expect((await scene.ask("/whoami")).status).toBe(401);
  expect(await whoami({ "x-api-key": key })).toMatchObject({ principal_id: "operator" });
  expect(await whoami({ authorization: `Bearer ${key}` })).toMatchObject({ principal_id: "operator" });
  // The clients send what LANGSMITH_API_KEY says; what is no key of ours is for the handler.
  expect(await whoami({ ...as("ana"), "x-api-key": "lsv2_pt_1" })).toMatchObject({ principal_id: "ana" });
  expect((await scene.ask("/whoami", { headers: { "x-api-key": `hp_${"a".repeat(43)}` } })).status).toBe(401);
  const link = await createLoginLink(scene.house.database, "local-owner");
  const session = await redeemLoginLink(scene.house.database, link.secret);
  const cookie = `holdpoint_session=${session?.secret}`;
  expect(await whoami({ cookie })).toMatchObject({ principal_id: "local-owner" });
  expect(await whoami({ cookie, ...as("ana") })).toMatchObject({ principal_id: "ana" });
  expect((await scene.ask("/whoami", { headers: { cookie, origin: "https://evil.example" } })).status).toBe(403);
});

it("keeps apart who has a name here and who has it there", async () => {
  expect((await scene.ask("/whoami", { headers: as("operator") })).status).toBe(401);
  await whoami(as("carla"));
  const wanted = { name: "k", principal: { principal_id: "carla", kind: "user", display_name: "C" } } as const;
  await expect(createApiKey(scene.house.database, { ...wanted, created_by: "test" })).rejects.toThrow(
    /has no keys here/,
  );
  const link = await createLoginLink(scene.house.database, "carla");
  expect((await scene.ask(`/login/${link.secret}`)).status).toBe(410);
  // What is said of them later counts, and the name is kept.
  await whoami(as({ identity: "carla", display_name: "Carla", permissions: [] }));
  const { rows } = await scene.house.database.pool.query(
    "select display_name, source from holdpoint.principal where principal_id = 'carla'",
  );
  expect(rows).toEqual([{ display_name: "Carla", source: "auth" }]);
});

it("shows the server's own affairs to users who are its administrators", async () => {
  for (const path of ["/queue", "/workers", "/metrics", "/insights/graphs/who", "/usage"]) {
    expect([path, (await scene.ask(path, { headers: as("ana") })).status]).toEqual([path, 403]);
    expect([path, (await scene.ask(path, { headers: named("boss", ["admin"]) })).status]).toEqual([path, 200]);
  }
  expect((await scene.ask("/info")).status).toBe(200);
});

it.each([
  ["nothing", undefined],
  ["a function", () => "ana"],
  ["a graph", { invoke: () => {} }],
  ["an Auth without authenticate", new Auth().on("*", () => true)],
])("does not start with %s for an Auth", (_name, exported) => {
  expect(() => projectAuth(exported, "./auth.ts:auth")).toThrow(/the Auth of \.\/auth\.ts:auth (is no Auth|has no)/);
});

it("shows users whose Auth says nothing of crons their own, and administrators all", async () => {
  const { database } = scene.house;
  for (const owner of ["ana", "bo"]) {
    await createCron(database, {
      tenant_id: "default",
      principal_id: owner,
      assistant_id: assistantIdOf("who"),
      thread_id: null,
      schedule: "0 0 1 1 *",
      timezone: "UTC",
      end_time: null,
      enabled: true,
      on_run_completed: "keep",
      payload: {},
      metadata: {},
    });
  }
  const search = async (headers: Record<string, string>) => {
    const found = await scene.ask("/runs/crons/search", { method: "POST", body: {}, headers });
    return ((await found.json()) as { user_id: string }[]).map(({ user_id }) => user_id).toSorted();
  };
  expect(await search(as("ana"))).toEqual(["ana"]);
  expect(await search(named("boss", ["admin"]))).toEqual(["ana", "bo"]);
  const count = await scene.ask("/runs/crons/count", { method: "POST", body: {}, headers: as("bo") });
  expect(await count.json()).toBe(1);
});

it("asks again, while an answer goes on, whether it still may", async () => {
  const told: string[] = [];
  const mind = { allows: true };
  const fickle = new Auth().authenticate((request) => shown(request) as string).on("threads", () => mind.allows);
  const route = defineRoute({
    method: "GET",
    path: "/threads/:thread_id/again",
    permission: "runs:read",
    event: "threads:read",
    summary: "Ask again",
    answers: {},
    async handle({ again }) {
      for (const still of [true, false]) {
        mind.allows = still;
        await again().then(
          () => told.push("still"),
          (error: unknown) => told.push((error as Error).message),
        );
      }
      return new Response(told.join());
    },
  });
  const app = createApp({ ...scene.deps, auth: projectAuth(fickle, "auth.ts") }, [route]);
  const request = new Request(`http://127.0.0.1${THREAD}/again`, { headers: as("ana") });
  expect(await (await app.fetch(request)).text()).toBe("still,Forbidden");
});
