import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { httpRequest } from "../../src/kit/tools/http/request.ts";
import { webSearch } from "../../src/kit/tools/search/web-search.ts";
import { sqlQuery } from "../../src/kit/tools/sql-query.ts";
import type { AllowList } from "../../src/policy/private-address.ts";
import { parseAllowList } from "../../src/policy/private-address.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { cassette, type TestPorts, withTestPorts } from "../../src/testing.ts";
import { createEmptyDatabase, type TestDatabase } from "../support/postgres.ts";

const folder = mkdtempSync(join(tmpdir(), "hp-cassette-"));
const file = (name: string) => join(folder, `${name}.json`);
const KEY = "sk-live-4711-abcdef";
let server: Server;
let url: string;
let asked: string[] = [];
let database: TestDatabase;
let pool: ReturnType<typeof openPool>;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const path = request.url?.split("?")[0];
    response.setHeader("set-cookie", "session=topsecretcookie");
    if (path === "/busy") return void response.writeHead(503, { "retry-after": "1" }).end();
    if (path === "/text")
      return void response.setHeader("content-type", "text/plain").end(`you sent ${request.headers.authorization}`);
    if (path === "/moved") return void response.writeHead(302, { location: `${url}/orders?token=abcdefgh` }).end();
    if (path === "/gone") return void request.socket.destroy();
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({ id: 7, access_token: "tok-123456789", nested: [{ password: "hunter2hunter2", ok: true }] }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  database = await createEmptyDatabase();
  pool = openPool({ connectionString: database.url, max: 2 });
  await pool.query(
    "create table public.item (id int primary key, name text, price numeric, made timestamptz, password text)",
  );
  await pool.query(
    "insert into public.item select n, 'item ' || n, n * 1.10, '2026-01-01', 'secret ' || n from generate_series(1, 250) n",
  );
});
afterAll(async () => {
  await pool.end();
  await database.drop();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const allow = () => parseAllowList(["127.0.0.1"]) as AllowList;
const getter = () =>
  httpRequest({
    allow: [`${url}/*`],
    attempts: 1,
    methods: ["GET", "POST"],
    headers: () => ({ authorization: `Bearer ${KEY}` }),
  });
const get = (ports: TestPorts, path: string, body?: unknown) =>
  withTestPorts(ports, () =>
    getter().call({ url: `${url}${path}`, ...(body === undefined ? {} : { method: "POST", body: body as never }) }),
  );
const outcome = (call: Promise<unknown>) =>
  call.catch((error: Error & { code?: string; facts?: object }) => ({ message: error.message, facts: error.facts }));

test("HTTP answers are recorded once and given again, failures and redirects included, and no secret is written", async () => {
  const paths = ["/orders?api_key=parameterkey&page=2", "/text", "/moved", "/busy", "/gone"];
  const ask = async (ports: TestPorts) => {
    const outcomes = [];
    for (const path of paths) outcomes.push(await outcome(get(ports, path)));
    return [
      ...outcomes,
      await outcome(get(ports, "/orders", { client_secret: "bodysecret1", note: `my key is ${KEY}` })),
    ];
  };
  asked = [];
  const live = await ask({ network: cassette(file("http"), "record").network({ allow: allow() }) });
  expect(asked).toHaveLength(7);
  expect(live[0]).toMatchObject({ status: 200, body: { id: 7 } });
  expect(live[3]).toMatchObject({ message: expect.stringContaining("503") });
  const written = readFileSync(file("http"), "utf8");
  for (const secret of [
    KEY,
    "parameterkey",
    "tok-123456789",
    "hunter2hunter2",
    "topsecretcookie",
    "abcdefgh",
    "bodysecret1",
  ])
    expect(written).not.toContain(secret);
  expect(JSON.parse(written).recorded[0]).toMatchObject({
    kind: "http",
    request: { method: "GET", url: `${url}/orders?api_key=%5Bhidden%5D&page=2` },
    response: { status: 200, json: { id: 7, access_token: "[hidden]", nested: [{ password: "[hidden]", ok: true }] } },
  });
  asked = [];
  const tape = cassette(file("http"));
  const again = await ask({ network: tape.network() });
  expect(asked).toEqual([]);
  expect(again).toEqual(
    live.map((one) =>
      JSON.parse(
        JSON.stringify(one)
          .replaceAll("tok-123456789", "[hidden]")
          .replaceAll("hunter2hunter2", "[hidden]")
          .replaceAll("[secret]", "[hidden]"),
      ),
    ),
  );
  expect(tape.unused).toEqual([]);
});

test("SQL is recorded with its session, so that cursors give what they gave", async () => {
  const items = sqlQuery({ database: "shop", tables: { "public.item": "*" }, max_rows: 300, max_bytes: 100_000 });
  const ask = async (ports: TestPorts) =>
    await withTestPorts(ports, async () => [
      await items.call({ sql: "select id, name, price, made, password from public.item order by id", params: [] }),
      await items.call({ sql: "select count(*) from public.item where id < $1", params: [5] }),
      await outcome(items.call({ sql: "select 1 / (id - 1) from public.item", params: [] })),
    ]);
  const live = await ask({ databases: { shop: cassette(file("sql"), "auto").database("shop", pool) } });
  expect(live[0]).toMatchObject({ row_count: 250 });
  const recorded = readFileSync(file("sql"), "utf8");
  expect(recorded).not.toContain("secret 250");
  const tape = cassette(file("sql"));
  const again = await ask({ databases: { shop: tape.database("shop") } });
  const hidden = JSON.parse(JSON.stringify(live).replaceAll(/"secret \d+"/g, '"[hidden]"'));
  expect(again).toEqual(hidden);
  expect(tape.unused).toEqual([]);
  await expect(tape.database("other").query("select 1")).rejects.toThrow(
    /no answer to this sql request:\n.*"select 1"/,
  );
});

test("values of any type come back as pg gives them, and what follows what is recorded is asked in the same session", async () => {
  const text = "select 1::int as i, null as n, now()::date as d, '\\x0102'::bytea as b, '{\"a\": [1]}'::jsonb as j";
  const live = await cassette(file("values"), "record").database("shop", pool).query(text);
  const replayed = await cassette(file("values")).database("shop").query(text);
  expect(replayed.rows).toEqual(live.rows);
  expect(replayed.fields.map(({ name }) => name)).toEqual(["i", "n", "d", "b", "j"]);
  const session = async (mode: "auto" | "replay", more: boolean) => {
    const client = await cassette(file("session"), mode).database("shop", pool).connect();
    await client.query("begin");
    await client.query("create temporary table seen (n int) on commit drop");
    await client.query("insert into seen values ($1)", [41]);
    const found = more ? (await client.query("select n + 1 as n from seen")).rows : [];
    await client.query("rollback");
    client.release();
    return found;
  };
  await session("auto", false);
  expect(await session("auto", true)).toEqual([{ n: 42 }]);
  expect(await session("replay", true)).toEqual([{ n: 42 }]);
});

test("searches are recorded by what was asked", async () => {
  let searched = 0;
  const provider = {
    name: "mine",
    search: async () => {
      searched += 1;
      return [{ title: "Two <b>words</b>", url: "https://example.com/a", snippet: "s", token: "abc" }];
    },
  };
  const ask = (search: TestPorts["search"], query: string) =>
    withTestPorts({ search }, () => webSearch({ kept_ms: 0, attempts: 1 }).call({ query }));
  const live = await ask(cassette(file("search"), "record").search(provider), "incidents");
  const tape = cassette(file("search"));
  expect((await ask(tape.search(), "incidents")).results).toEqual(live.results);
  expect(searched).toBe(1);
  await expect(ask(tape.search(), "other")).rejects.toThrow(
    /no answer to this search request:\n.*"other".*\nrecorded: \n.*"incidents"/,
  );
});

test("equal requests are answered one after the other, and then with the last", async () => {
  let count = 0;
  const provider = {
    name: "mine",
    search: async () => {
      count += 1;
      return [{ title: String(count), url: "https://a.example", snippet: "" }];
    },
  };
  const asking = { query: "a", count: 1, signal: new AbortController().signal };
  const recording = cassette(file("order"), "record").search(provider);
  for (const _time of [1, 2]) await recording.search(asking);
  const tape = cassette(file("order"));
  const titles = [];
  for (const _time of [1, 2, 3]) titles.push((await tape.search().search(asking))[0]?.title);
  expect(titles).toEqual(["1", "2", "2"]);
  const more = cassette(file("order"), "auto");
  expect(more.unused).toHaveLength(2);
});

test("what is given as a secret is nowhere in the file", async () => {
  const provider = {
    name: "mine",
    search: async () => [{ title: "of customer 4711-0815", url: "https://a.example", snippet: "" }],
  };
  const tape = cassette(file("secret"), "record", { secrets: ["4711-0815"] });
  await tape.search(provider).search({ query: "q", count: 1, signal: new AbortController().signal });
  expect(readFileSync(file("secret"), "utf8")).not.toContain("4711");
});

test.each<[string, string | undefined, RegExp]>([
  ["missing", undefined, /there is no cassette .*missing\.json; record it once/],
  ["empty", "", /cannot be read/],
  ["cut", '{"version": 1, "recorded": [', /cannot be read/],
  ["other", '{"version": 2, "recorded": []}', /is no cassette/],
  ["hostile", '{"version": 1, "recorded": [{"kind": "shell", "request": {}, "response": {}}]}', /is no cassette/],
])("a cassette that is %s says so", (name, content, why) => {
  if (content !== undefined) writeFileSync(file(name), content);
  expect(() => cassette(file(name))).toThrow(why);
});

test("in replay nobody is asked, and without anybody to ask auto says so", async () => {
  writeFileSync(file("none"), '{"version": 1, "recorded": []}');
  asked = [];
  const unknown = outcome(get({ network: cassette(file("none")).network({ allow: allow() }) }, "/orders"));
  expect(await unknown).toMatchObject({
    message: expect.stringMatching(/no answer to this http request:[\s\S]*recorded: nothing of that kind/),
  });
  expect(asked).toEqual([]);
  await expect(cassette(file("none"), "auto").database("shop").query("select 1")).rejects.toThrow(
    /was given nobody to ask/,
  );
  expect(() => cassette(file("none"), "play" as never)).toThrow(/"play"; give one of replay, record, auto/);
});
