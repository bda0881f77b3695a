import { afterAll, beforeAll, expect, it } from "vitest";
import { registerAssistants } from "../../src/postgres/assistants.ts";
import { createApiKey } from "../../src/postgres/identity.ts";
import { PERMISSIONS } from "../../src/protocol/principal.ts";
import { until } from "../support/until.ts";
import { contents } from "./contents.ts";
import { type Declared, declared, fits, least, mayRefuse, places, withAt, wrongFor } from "./declared.ts";
import { openServer, type TestServer } from "./server.ts";

const NOBODY = "00000000-0000-4000-8000-000000000000";
// Stands in everything that one tenant has, so that it is seen wherever it comes out.
const MARK = "marked-7f3a";

let server: TestServer;
/** What the one tenant has. */
let ids: Record<string, string>;
/** The key of another tenant's administrator. */
let stranger: string;
beforeAll(async () => {
  server = await openServer({ writeWaitMs: 2_000 });
  const { client, house } = server;
  const { thread_id } = await client.threads.create({ metadata: { mark: MARK } });
  await client.runs.wait(thread_id, "http-ask", { input: { amount: 5 }, metadata: { mark: MARK } });
  const [run] = await client.runs.list(thread_id);
  const { assistant_id } = await client.assistants.create({ graphId: "http-words", name: MARK });
  const { cron_id } = (await client.crons.create(assistant_id, {
    schedule: "0 0 29 2 *",
    input: { text: MARK },
  })) as unknown as {
    cron_id: string;
  };
  await client.store.putItem([MARK], MARK, { text: MARK });
  const [review] = (await (await server.ask("/reviews")).json()) as { id: string; group_id: string }[];
  const [state] = await client.threads.getHistory(thread_id);
  await server.key(MARK);
  const [{ api_key_id = "" } = {}] = (await (await server.ask("/api-keys")).json()) as { api_key_id?: string }[];
  ids = {
    thread_id,
    run_id: run?.run_id as string,
    review_id: review?.id as string,
    group_id: review?.group_id as string,
    checkpoint_id: state?.checkpoint.checkpoint_id as string,
    delivery_id: NOBODY,
    effect_id: NOBODY,
    ticket_id: NOBODY,
    assistant_id,
    cron_id,
    api_key_id,
  };
  const principal = { principal_id: "eve", kind: "user", display_name: "Eve" } as const;
  const key = { tenant_id: "elsewhere", name: "k", principal, permissions: PERMISSIONS, created_by: "test" };
  stranger = (await createApiKey(house.database, key)).secret;
  await registerAssistants(house.database, house.graphs.graphs.values(), new Map(), "elsewhere");
}, 30_000);
afterAll(async () => await server.close());

const isOurs = ({ path }: Declared) => !/^\/(login|docs|openapi)/.test(path);
const guarded = declared.filter((route) => isOurs(route) && route.operation.security === undefined);
const addressOf = ({ path }: Declared, named: Readonly<Record<string, string>>) =>
  path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => named[name] ?? "x");

interface Sent {
  query?: string;
  body?: unknown;
  raw?: string | ReadableStream<Uint8Array<ArrayBuffer>>;
  key?: string;
  ids?: Readonly<Record<string, string>>;
}

/** Refusals that no route told of. */
const untold = new Set<string>();

/** Sends a request in memory; its answer is read to the end, unless that never comes. */
async function send(route: Declared, { query = "", body, raw, key, ids: named = ids }: Sent) {
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const hasBody = route.method !== "GET" && payload !== undefined;
  const request = new Request(`http://127.0.0.1${addressOf(route, named)}${query}`, {
    method: route.method,
    headers: { "content-type": "application/json", ...(key === undefined ? {} : { "x-api-key": key }) },
    ...(hasBody ? { body: payload, duplex: "half" } : {}),
  } as RequestInit);
  const response = await server.app.fetch(request);
  const isEndless = response.headers.get("content-type")?.includes("event-stream") === true;
  if (isEndless) await response.body?.cancel();
  const code = response.headers.get("x-holdpoint-error");
  if (code !== null && !mayRefuse(route, response.status, code)) untold.add(`${route.label}: ${code}`);
  return { status: response.status, code, text: isEndless ? "" : await response.text() };
}

it("gives another tenant nothing of this one's at any route, and lets it change nothing", async () => {
  const before = await contents(server.house.database, "default");
  const wrong: unknown[] = [];
  for (const route of guarded) {
    const known = { ...ids, run_ids: [ids["run_id"]], thread_ids: [ids["thread_id"]], namespace: [MARK], key: MARK };
    // What a stranger writes is theirs, and nothing that is searched for below.
    if (route.label === "PUT /store/items") known.namespace = ["own"];
    const body =
      route.body &&
      least(route.body, { ...known, key: known.namespace[0], checkpoint: { checkpoint_id: ids["checkpoint_id"] } });
    // Whatever a query can name is named, too.
    const named = route.operation.parameters.filter((one) => one.in === "query" && one.name in known);
    const query = new URLSearchParams(named.map(({ name }) => [name, String(known[name as keyof typeof known])]));
    const { status, text } = await send(route, { body, key: stranger, query: `?${query}` });
    const mayBeFound = !route.path.includes("_id}");
    const isRight = mayBeFound ? status < 500 : status === 404 || (status === 422 && route.path.includes("store"));
    if (!isRight || text.includes(MARK)) wrong.push([route.label, status, text.slice(0, 200)]);
  }
  expect(wrong).toEqual([]);
  expect(await contents(server.house.database, "default")).toEqual(before);
}, 60_000);

it("refuses a wrong type in every declared member of every body, and says that the request is what is wrong", async () => {
  const wrong: unknown[] = [];
  const asked = new Set<string>();
  let sent = 0;
  for (const route of guarded) {
    const { body, operation } = route;
    if (body === undefined) continue;
    const example = operation.requestBody?.content["application/json"].example;
    const base = Array.isArray(example) ? {} : (example ?? least(body, {}));
    // A decision is looked at once it is known that its review is open.
    const mayBeLate = route.path.endsWith("/decision");
    // Routes that take the same are asked everything once, and a little each.
    const text = JSON.stringify(body);
    const isKnown = asked.has(text);
    asked.add(text);
    for (const { path, schema } of places(body)) {
      for (const value of wrongFor(schema).slice(0, isKnown ? 1 : undefined)) {
        const thrown = withAt(base, path, value);
        if (fits(body, thrown)) continue;
        const { status, text: said } = await send(route, { body: thrown });
        sent += 1;
        const isRight = status === 422 || (mayBeLate && status >= 400 && status < 500);
        if (!isRight) wrong.push([route.label, path.join("."), value, status, said.slice(0, 100)]);
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(sent).toBeGreaterThan(1_000);
}, 60_000);

it("refuses a wrong value in every declared parameter of every query and path", async () => {
  const wrong: unknown[] = [];
  for (const route of guarded) {
    const body = route.body && least(route.body, ids);
    for (const { name, in: place, schema } of route.operation.parameters) {
      if (place === "header") continue;
      for (const value of ["nonsense", "\ud83d", "-1", "1e9", "{}", '["nonsense"]', "x".repeat(2_000)]) {
        const asked = /integer|number/.test(String(schema["type"])) ? Number(value) : value;
        const isWrong =
          schema["type"] === "boolean" ||
          (schema["type"] === "array" ? value[0] !== "[" && !fits(schema, [value]) : !fits(schema, asked));
        if (!isWrong) continue;
        const at =
          place === "path"
            ? { ids: { ...ids, [name]: encodeURIComponent(value.toWellFormed()) } }
            : { query: `?${new URLSearchParams([[name, value]])}` };
        const { status } = await send(route, { body, ...at });
        if (status !== 422) wrong.push([route.label, place, name, value, status]);
      }
    }
  }
  expect(wrong).toEqual([]);
}, 60_000);

it("refuses ten megabytes at every route that reads a body, when it has read one", async () => {
  const chunk = new Uint8Array(100_000).fill(0x20);
  const wrong: unknown[] = [];
  for (const route of guarded) {
    if (route.body === undefined) continue;
    let left = 100;
    const raw = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        left -= 1;
        if (left < 0) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const { status } = await send(route, { raw });
    // Nor is read what is past the limit.
    if (status !== 413 || left < 80) wrong.push([route.label, status, left]);
  }
  expect(wrong).toEqual([]);
}, 60_000);

it("takes or refuses what is nested, and keys of prototypes, and leaves no thread stuck", async () => {
  const nested = (levels: number) => `${'{"a":['.repeat(levels / 2)}1${"]}".repeat(levels / 2)}`;
  const polluted = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
  const wrong: unknown[] = [];
  for (const route of guarded) {
    if (route.body === undefined || route.method === "DELETE") continue;
    const tooDeep = await send(route, { raw: nested(10_000) });
    if (tooDeep.status !== 422) wrong.push([route.label, tooDeep.status]);
    // These do the same as others, and take their time about it, or away what the others need.
    if (/\/(wait|copy|batch|prune|cancel|api-keys)$/.test(route.path)) continue;
    const example = route.operation.requestBody?.content["application/json"].example ?? least(route.body, {});
    const base = withAt(withAt(example, ["assistant_id"], "http-words"), ["if_not_exists"], "create");
    const members = places(route.body).filter(({ path, schema }) => path.length === 1 && fits(schema, { a: [1] }));
    for (const name of ["extra", ...members.map(({ path }) => path[0] as string)]) {
      for (const inner of [nested(100), polluted]) {
        const raw = `${JSON.stringify(base).slice(0, -1)},${JSON.stringify(name)}:${inner}}`;
        const { status, text, code } = await send(route, { raw });
        if (status >= 500 && code !== "no_worker") wrong.push([route.label, name, status, text.slice(0, 100)]);
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  await until("every run has come to an end", async () => {
    const { rows } = await server.house.database.pool.query(
      "select 1 from holdpoint.run where status in ('pending', 'running') limit 1",
    );
    return rows.length === 0;
  });
  expect((await server.client.threads.search({ status: "busy" })).map(({ thread_id }) => thread_id)).toEqual([]);
}, 60_000);

it("has refused as it tells, all the while", () => expect([...untold]).toEqual([]));
