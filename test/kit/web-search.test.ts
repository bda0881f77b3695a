import { describe, expect, test } from "vitest";
import { searchProvider } from "../../src/compose/search-provider.ts";
import { createMemoryGuards } from "../../src/kit/memory-guards.ts";
import { brave } from "../../src/kit/tools/search/brave.ts";
import type { SearchProvider } from "../../src/kit/tools/search/provider.ts";
import { configuredSearxng, searxng } from "../../src/kit/tools/search/searxng.ts";
import { tavily } from "../../src/kit/tools/search/tavily.ts";
import { webSearch } from "../../src/kit/tools/search/web-search.ts";
import { type TestPorts, withTestPorts } from "../../src/testing.ts";
import { network, OPERATOR, openSites, site } from "./http-scene.ts";

openSites();

const KEY = "sesame-sesame";
/** Each provider as it answers: two pages, in its own words. */
const PROVIDERS = {
  searxng: {
    make: () => searxng({ url: `${site.origin}/search-engine/` }),
    body: {
      query: "q",
      number_of_results: 0,
      results: [
        {
          title: "One",
          url: "https://one.example/a",
          content: "first",
          engine: "x",
          publishedDate: "2026-03-01T10:00:00",
        },
        { title: "Two", url: "https://two.example/", content: "second", publishedDate: null },
      ],
      suggestions: [],
    },
    asked: /^GET \/search-engine\/search\?q=two\+words&format=json $/,
  },
  brave: {
    make: () => brave({ key: () => KEY, url: `${site.origin}/res/v1/web/search` }),
    body: {
      type: "search",
      web: {
        type: "search",
        results: [
          {
            title: "One",
            url: "https://one.example/a",
            description: "first",
            page_age: "2026-03-01T10:00:00",
            age: "March 1, 2026",
          },
          { title: "Two", url: "https://two.example/", description: "second" },
        ],
      },
    },
    asked: /^GET \/res\/v1\/web\/search\?q=two\+words&count=5&text_decorations=false $/,
  },
  tavily: {
    make: () => tavily({ key: KEY, url: `${site.origin}/search` }),
    body: {
      query: "q",
      results: [
        {
          title: "One",
          url: "https://one.example/a",
          content: "first",
          score: 0.9,
          published_date: "Sun, 01 Mar 2026 10:00:00 GMT",
        },
        { title: "Two", url: "https://two.example/", content: "second", score: 0.8, raw_content: null },
      ],
      response_time: 1.2,
    },
    asked: /^POST \/search \{"query":"two words","max_results":5\}$/,
  },
} as const;
const NAMES = Object.keys(PROVIDERS) as (keyof typeof PROVIDERS)[];

const seen: { line: string; headers: Record<string, unknown> }[] = [];
const answering = (status: number, body: unknown, headers: Record<string, string> = {}) => {
  seen.length = 0;
  site.answer = (request, response, text) => {
    seen.push({ line: `${request.method} ${request.url} ${text}`, headers: request.headers });
    const bytes = typeof body === "string" ? body : JSON.stringify(body);
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(bytes);
  };
};

const search = (provider: SearchProvider | undefined, ports: TestPorts = {}, options: object = {}) =>
  withTestPorts({ network: OPERATOR, ...ports }, () =>
    webSearch({ attempts: 1, ...(provider && { provider }), ...options }).call({ query: " two words " }),
  );

describe.each(NAMES)("a search by %s", (name) => {
  const { make, body, asked } = PROVIDERS[name];

  test("asks in its words, and gives its results in ours", async () => {
    answering(200, body);
    await expect(search(make())).resolves.toEqual({
      query: "two words",
      provider: name,
      searched_at: expect.stringMatching(/^\d{4}-/),
      from: "live",
      results: [
        { title: "One", url: "https://one.example/a", snippet: "first", published: "2026-03-01T10:00:00.000Z" },
        { title: "Two", url: "https://two.example/", snippet: "second" },
      ],
    });
    expect(seen[0]?.line).toMatch(asked);
    expect(seen[0]?.headers["x-subscription-token"]).toBe(name === "brave" ? KEY : undefined);
    expect(seen[0]?.headers["authorization"]).toBe(name === "tavily" ? `Bearer ${KEY}` : undefined);
  });

  test("is remembered for whoever asks the same, and says so", async () => {
    answering(200, body);
    const guards = createMemoryGuards();
    const [live, stored] = [await search(make(), { guards }), await search(make(), { guards })];
    expect(stored).toEqual({ ...live, from: "stored" });
    expect(seen).toHaveLength(1);
    await search(make(), { guards, run: { tenant_id: "other" } });
    expect(seen).toHaveLength(2);
    await search(make(), { guards }, { kept_ms: 0 });
    expect(seen).toHaveLength(3);
    // Of another address it is another search, whoever answers there.
    answering(200, { results: [] });
    const elsewhere = searxng({ url: `${site.origin}/elsewhere` });
    await expect(search(elsewhere, { guards })).resolves.toMatchObject({ from: "live", results: [] });
  });

  test.each([
    [401, "permission"],
    [429, "rate_limit"],
    [500, "provider"],
    [422, "validation"],
  ])("that is answered with %i fails as %s, without its key", async (status, kind) => {
    answering(status, { detail: `no ${KEY}` }, { "retry-after": "3" });
    const error = await search(make()).catch((caught: unknown) => caught as Error);
    expect(error).toMatchObject({ code: "tool_failed", facts: { class: kind, status, retry_after_ms: 3_000 } });
    expect(JSON.stringify([error, (error as Error).message, String((error as Error).cause)])).not.toContain(
      name === "searxng" ? "nothing" : KEY,
    );
  });

  test.each([
    ["no JSON", "<html>"],
    ["a list", []],
    ["no list", name === "brave" ? { web: { results: 7 } } : { results: 7 }],
  ])("that is answered with %s fails as the other side's fault or as nothing to read", async (_what, answer) => {
    answering(200, answer);
    await expect(search(make())).rejects.toMatchObject({
      facts: { class: expect.stringMatching(/^(provider|validation)$/) },
    });
  });

  test("that finds nothing gives nothing", async () => {
    answering(200, name === "brave" ? { type: "search" } : { results: [] });
    await expect(search(make())).resolves.toMatchObject({ results: [] });
  });

  test("goes nowhere private unless the operator says so", async () => {
    const before = site.connections();
    await expect(search(make(), { network: network() })).rejects.toMatchObject({ facts: { class: "permission" } });
    expect(site.connections()).toBe(before);
  });
});

test("an own SearXNG may be private where whoever runs the server has named it", async () => {
  answering(200, PROVIDERS.searxng.body);
  const configured = configuredSearxng(site.origin);
  const asAuthor = searxng({ url: site.origin, isConfigured: true } as { url: string });
  await expect(search(asAuthor, { network: network() })).rejects.toMatchObject({ facts: { class: "permission" } });
  await expect(search(undefined, { network: network(), search: configured })).resolves.toMatchObject({
    provider: "searxng",
  });
});

test("the server's own is the configured one, and a service needs its key", () => {
  const url = "http://localhost:8080/";
  expect(searchProvider({ search: undefined, searchKey: KEY })).toBeUndefined();
  expect(searchProvider({ search: { provider: "searxng", url }, searchKey: undefined })?.name).toBe("searxng");
  for (const provider of ["brave", "tavily"] as const) {
    expect(searchProvider({ search: { provider }, searchKey: KEY })?.name).toBe(provider);
    expect(() => searchProvider({ search: { provider }, searchKey: undefined })).toThrow(
      expect.objectContaining({ code: "configuration_invalid" }),
    );
  }
});

test("a SearXNG that does not offer JSON is told what it lacks", async () => {
  answering(403, "<html>forbidden</html>", { "content-type": "text/html" });
  await expect(search(PROVIDERS.searxng.make())).rejects.toMatchObject({
    facts: { class: "permission" },
    message: expect.stringContaining("search.formats"),
  });
});

test("a plan of Tavily's that is used up is a budget, which no waiting fills", async () => {
  answering(432, { detail: { error: "limit" } });
  await expect(search(PROVIDERS.tavily.make())).rejects.toMatchObject({ facts: { class: "budget" } });
});

test("what is found is plain text: no markup, nothing that hides, no address that is none, each page once", async () => {
  const page = (url: string, title: unknown = "T", content: unknown = "c") => ({ url, title, content });
  answering(200, {
    results: [
      page("https://a.example/", "<b>Bold</b> &amp; <script>alert(1)</script>", "a\u202eb\u0000\u200bc\n\nd \ud800"),
      page("https://a.example/", "again"),
      page("javascript:alert(1)"),
      page("https://user:secret@b.example/"),
      page("not a url"),
      { title: "no url" },
      "no page",
      page("https://c.example/", 7, null),
      page("https://d.example/", "x".repeat(9_000), "y".repeat(90_000)),
      page("https://e.example/", "one too many"),
    ],
  });
  const { results } = await search(PROVIDERS.searxng.make(), {}, { max_results: 20 });
  expect(results.slice(0, 2)).toEqual([
    { title: "Bold & alert(1)", url: "https://a.example/", snippet: "ab\ufffdc d \ufffd" },
    { title: "https://c.example/", url: "https://c.example/", snippet: "" },
  ]);
  expect(results[2]?.title).toHaveLength(200);
  expect(results[2]?.snippet).toHaveLength(600);
  await expect(search(PROVIDERS.searxng.make(), {}, { max_results: 2 })).resolves.toMatchObject({
    results: { length: 2 },
  });
});

test("without a provider the tool says so, the same each time", async () => {
  const failure = {
    code: "tool_failed",
    facts: { class: "permission" },
    message: expect.stringContaining("HOLDPOINT_SEARCH"),
  };
  await expect(search(undefined)).rejects.toMatchObject(failure);
  await expect(search(undefined)).rejects.toMatchObject(failure);
});

test.each([{ max_results: 0 }, { max_results: 21 }, { max_results: 1.5 }, { kept_ms: -1 }, { kept_ms: Number.NaN }])(
  "a tool with %j is refused when it is made",
  (options) => expect(() => webSearch(options)).toThrow(expect.objectContaining({ code: "invalid" })),
);

test("a provider without an address or a key is refused", async () => {
  expect(() => searxng({ url: "search.example.com" })).toThrow(expect.objectContaining({ code: "invalid" }));
  expect(() => brave({ key: KEY, url: "https://u:p@h/" })).toThrow(expect.objectContaining({ code: "invalid" }));
  await expect(search(tavily({ key: () => "", url: site.origin }))).rejects.toMatchObject({
    facts: { class: "permission" },
  });
});
