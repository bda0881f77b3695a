import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { createApp } from "../../src/http/app.ts";
import { describeApi, type OpenApi } from "../../src/http/openapi/document.ts";
import { routes } from "../../src/http/routes.ts";
import { assistantIdOf } from "../../src/protocol/assistant.ts";
import { ERRORS } from "../../src/protocol/errors.ts";
import { openServer, type TestServer } from "./server.ts";

type Json = Record<string, unknown>;

const document = describeApi(routes, "1.2.3");
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
);

/** Every object within, with the path that leads to it. */
function objects(value: unknown, path = "#"): [string, Json][] {
  if (typeof value !== "object" || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, one]) =>
    objects(one, `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`),
  );
  return [[path, value as Json], ...inner];
}

/** A compiler for the schemas of a document, with what JSON Schema leaves to others. */
function compilerOf(api: OpenApi | Json): Ajv2020 {
  const formats = {
    uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
    "date-time": (text: string) => /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text)),
  };
  return new Ajv2020({ strict: false, allErrors: true, formats }).addSchema({ $id: "api", ...api });
}

test("the document has the parts that OpenAPI 3.1 asks for, each of its shape", () => {
  const text = { type: "string", minLength: 1 };
  const content = {
    type: "object",
    minProperties: 1,
    additionalProperties: { type: "object", required: ["schema"], properties: { schema: { type: "object" } } },
  };
  const parameter = {
    required: ["name", "in", "required", "schema"],
    properties: { name: text, in: { enum: ["path", "query", "header"] }, required: { type: "boolean" } },
  };
  const response = {
    anyOf: [{ required: ["$ref"] }, { required: ["description"], properties: { description: text, content } }],
  };
  const operation = {
    type: "object",
    required: ["operationId", "tags", "summary", "responses"],
    properties: {
      operationId: { type: "string", pattern: "^[a-z][A-Za-z0-9]+$" },
      tags: { type: "array", items: { enum: document.tags.map(({ name }) => name) }, minItems: 1 },
      parameters: { type: "array", items: parameter },
      requestBody: { type: "object", required: ["content"], properties: { content } },
      responses: {
        type: "object",
        minProperties: 1,
        patternProperties: { "^[1-5]\\d\\d$": response },
        additionalProperties: false,
      },
      security: { const: [] },
    },
  };
  const methods = {
    type: "object",
    propertyNames: { enum: ["get", "put", "post", "delete", "patch"] },
    additionalProperties: operation,
  };
  const check = new Ajv2020({ strict: false, allErrors: true }).compile({
    required: ["openapi", "info", "paths", "components"],
    properties: {
      openapi: { type: "string", pattern: "^3\\.1\\.\\d$" },
      info: { required: ["title", "version"], properties: { title: text, version: { const: "1.2.3" } } },
      paths: { type: "object", patternProperties: { "^/": methods }, additionalProperties: false },
    },
  });
  check(document);
  expect(check.errors ?? []).toEqual([]);
  const ids = operations.map(({ operation: { operationId } }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(document.security.flatMap((one) => Object.keys(one))).toEqual(
    Object.keys(document.components.securitySchemes),
  );
});

test("every schema is one of JSON Schema 2020-12, and every reference leads somewhere", () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  for (const [path, { schema }] of objects(document)) {
    if (typeof schema === "object")
      expect([path, ajv.validateSchema(schema as Json), ajv.errors]).toEqual([path, true, null]);
  }
  const all = new Map(objects(document));
  const missing = [...all.values()].map(({ $ref }) => $ref).filter((ref) => typeof ref === "string" && !all.has(ref));
  expect(missing).toEqual([]);
});

test("every route is in it, with the parameters of its path, and nothing else is", () => {
  const told = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  const served = routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  expect(told.sort()).toEqual(served.sort());
  for (const { path, operation } of operations) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const inPath = operation.parameters.filter((one) => one.in === "path");
    expect(inPath.map(({ name, required }) => [name, required])).toEqual(named.map((name) => [name, true]));
  }
});

test("who may ask, and every code of a refusal, is told", () => {
  for (const route of routes) {
    const operation = document.paths[route.path.replaceAll(/:(\w+)/g, "{$1}")]?.[route.method.toLowerCase()];
    const needed = route.permission === "public" ? undefined : [route.permission].flat();
    expect([operation?.["x-permissions"], operation?.security]).toEqual([
      needed,
      needed === undefined ? [] : undefined,
    ]);
  }
  const codes = objects(document).flatMap(([, { "x-holdpoint-error": header }]) =>
    header === undefined ? [] : ((header as Json)["schema"] as { enum: string[] }).enum,
  );
  expect(codes.filter((code) => !(code in ERRORS))).toEqual([]);
  expect(codes).toContain("not_found");
});

test("examples are taken, by the routes and by what is told of them", () => {
  const ajv = compilerOf(document);
  const shown = routes.filter((route) => "example" in route && route.example !== undefined);
  expect(shown.length).toBeGreaterThan(20);
  for (const route of shown) {
    if (!("body" in route)) continue;
    const path = `/paths/${route.path.replaceAll(/:(\w+)/g, "{$1}").replaceAll("/", "~1")}/${route.method.toLowerCase()}`;
    const check = ajv.getSchema(`api#${path}/requestBody/content/application~1json/schema`);
    expect([route.path, check?.(route.example), check?.errors ?? []]).toEqual([route.path, true, []]);
    expect([route.path, route.body?.safeParse(route.example).success]).toEqual([route.path, true]);
  }
});

describe("a server", () => {
  let server: TestServer;
  let ajv: Ajv2020;
  beforeAll(async () => {
    server = await openServer();
    const sent = (await (await server.ask("/openapi.json")).json()) as Json;
    // What is answered may have more than is told one day; today it must not.
    for (const [path, one] of objects(sent)) {
      if (path.includes("/schema") && "properties" in one && !("additionalProperties" in one))
        one["additionalProperties"] = false;
    }
    ajv = compilerOf(sent);
  });
  afterAll(async () => await server.close());

  /** Asks, checks the answer against what is told of it, and gives it. */
  async function answered(
    line: string,
    ids: Record<string, string> = {},
    body?: unknown,
    query = "",
  ): Promise<unknown> {
    const [method = "", template = ""] = line.split(" ");
    const path = template.replaceAll(/\{(\w+)\}/g, (_all, name: string) => ids[name] as string);
    const response = await server.ask(`${path}${query}`, { method, ...(body === undefined ? {} : { body }) });
    const place = `api#/paths/${template.replaceAll("/", "~1")}/${method.toLowerCase()}/responses/${response.status}`;
    expect([line, response.status < 300, ajv.getSchema(place) !== undefined]).toEqual([line, true, true]);
    if (response.status === 204) return undefined;
    const value: unknown = await response.json();
    const check = ajv.getSchema(`${place}/content/application~1json/schema`);
    expect([line, check?.(value), check?.errors ?? []]).toEqual([line, true, []]);
    return value;
  }

  it("gives the document to anybody, whole or that it has not changed", async () => {
    const whole = await server.ask("/openapi.json", { headers: { "x-api-key": "of nobody" } });
    const { openapi, info } = (await whole.json()) as OpenApi;
    expect([openapi, info.version, whole.headers.get("cache-control")]).toEqual(["3.1.0", "0.0.0-test", "no-cache"]);
    const etag = whole.headers.get("etag") as string;
    const again = await server.ask("/openapi.json", { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    const zipped = await server.ask("/openapi.json", { headers: { "accept-encoding": "gzip" } });
    expect(Number(zipped.headers.get("content-length"))).toBeLessThan(30_000);
  });

  it("says where it is mounted", async () => {
    const mounted = createApp({ ...server.deps, settings: { ...server.deps.settings, mountPrefix: "/agents" } });
    const response = await mounted.fetch(new Request("http://127.0.0.1/agents/openapi.json"));
    expect(((await response.json()) as OpenApi).servers).toEqual([{ url: "/agents" }]);
  });

  it("gives the page, where every link leads somewhere and nothing is run", async () => {
    const response = await server.ask("/docs");
    const page = await response.text();
    expect(response.headers.get("content-security-policy")).toContain("script-src 'self'");
    expect(page).not.toMatch(/<script|style="|\son\w+=|https?:/);
    // Beside it also where the API is mounted under a path.
    const beside = [...page.matchAll(/ href="([^#"]+)"/g)].map(([, link]) => link);
    expect(beside).toEqual(["docs/style.css", "openapi.json"]);
    const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    const links = [...page.matchAll(/ href="#([^"]+)"/g)].map(([, id]) => id);
    expect(links.filter((id) => !ids.has(id))).toEqual([]);
    expect(operations.filter(({ operation }) => !ids.has(operation.operationId))).toEqual([]);
    const style = await server.ask("/docs/style.css");
    expect([style.status, style.headers.get("content-type")]).toEqual([200, "text/css; charset=utf-8"]);
  });

  it("answers of assistants and threads as it tells", async () => {
    const assistant_id = assistantIdOf("http-words");
    await answered("POST /assistants", {}, { graph_id: "http-words", name: "mine", metadata: { a: 1 } });
    await answered("POST /assistants/search", {}, { limit: 5 });
    await answered("POST /assistants/search", {}, { select: ["name"] });
    expect(await answered("POST /assistants/count", {}, {})).toBeGreaterThan(1);
    await answered("GET /assistants/{assistant_id}", { assistant_id });
    await answered("PATCH /assistants/{assistant_id}", { assistant_id }, { metadata: { b: 2 } });
    await answered("POST /assistants/{assistant_id}/versions", { assistant_id }, {});
    await answered("POST /assistants/{assistant_id}/latest", { assistant_id }, { version: 1 });
    await answered("GET /assistants/{assistant_id}/graph", { assistant_id });
    await answered("GET /assistants/{assistant_id}/schemas", { assistant_id });
    await answered("GET /assistants/{assistant_id}/subgraphs", { assistant_id });
    const { thread_id } = (await answered("POST /threads", {}, { ttl: { ttl: 60 } })) as { thread_id: string };
    await answered("GET /threads/{thread_id}", { thread_id }, undefined, "?include=ttl");
    await answered("PATCH /threads/{thread_id}", { thread_id }, { metadata: { c: 3 } });
    await answered("GET /threads/{thread_id}/state", { thread_id });
    await answered("GET /threads/{thread_id}/history", { thread_id });
    await answered("POST /threads/{thread_id}/copy", { thread_id });
    await answered("POST /threads/search", {}, { extract: { status: "metadata.c" } });
    await answered("POST /threads/count", {}, {});
    await answered("DELETE /threads/{thread_id}", { thread_id });
  });

  it("answers of runs, reviews and the rest as it tells", async () => {
    const { thread_id } = (await answered("POST /threads", {}, {})) as { thread_id: string };
    const run = { assistant_id: "http-ask", input: { amount: 5 } };
    await answered("POST /threads/{thread_id}/runs/wait", { thread_id }, run);
    const [{ run_id } = { run_id: "" }] = (await answered("GET /threads/{thread_id}/runs", { thread_id })) as {
      run_id: string;
    }[];
    await answered("GET /threads/{thread_id}/runs/{run_id}", { thread_id, run_id });
    await answered("GET /threads/{thread_id}/runs/{run_id}/attempts", { thread_id, run_id });
    await answered("GET /threads/{thread_id}/state", { thread_id }, undefined, "?subgraphs=true");
    await answered("POST /threads/{thread_id}/state/checkpoint", { thread_id }, { select: ["next"] });
    await answered("POST /threads/{thread_id}/history", { thread_id }, { limit: 3 });
    await answered("GET /runs/{run_id}", { run_id });
    await answered("GET /runs/{run_id}/events", { run_id });
    await answered("GET /insights/runs/{run_id}", { run_id });
    const [review] = (await answered("GET /reviews")) as { id: string; actions: Json[] }[];
    const review_id = review?.id as string;
    await answered("GET /reviews", {}, undefined, "?brief=true&status=open,closed");
    await answered("GET /reviews/counts");
    await answered("POST /reviews/{review_id}/claim", { review_id });
    await answered("POST /reviews/{review_id}/comment", { review_id }, { text: "why" });
    await answered("POST /reviews/{review_id}/ask", { review_id }, { question: "who?" });
    const shown = (await answered("GET /reviews/{review_id}", { review_id })) as Json;
    const decision = { decisions: [{ type: "respond", value: "yes" }], seen_digest: shown["request_digest"] };
    await answered("POST /reviews/{review_id}/decision", { review_id }, decision);
    await answered("GET /reviews/{review_id}/history", { review_id });
    await answered("GET /reviews/{review_id}/audit", { review_id });
    await answered("POST /runs", {}, { assistant_id: "http-words", input: { text: "a" } });
    await answered(
      "POST /runs/crons",
      {},
      { assistant_id: "http-words", schedule: "0 0 29 2 *", input: { text: "a" } },
    );
    await answered("POST /runs/crons/search", {}, {});
    await answered("PUT /store/items", {}, { namespace: ["a"], key: "k", value: { x: 1 } });
    await answered("GET /store/items", {}, undefined, "?namespace=a&key=k");
    await answered("GET /store/items", {}, undefined, "?namespace=a&key=none");
    await answered("POST /store/items/search", {}, { namespace_prefix: ["a"], query: "x" });
    await answered("POST /store/namespaces", {}, {});
    for (const path of [
      "/ok",
      "/info",
      "/readyz",
      "/whoami",
      "/queue",
      "/usage",
      "/workers",
      "/deliveries",
      "/tickets",
      "/effects",
      "/runs",
      "/api-keys",
    ]) {
      await answered(`GET ${path}`);
    }
  });
});
