import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isPage, servePages } from "../../src/http/console.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hp-pages-"));
  mkdirSync(join(folder, "assets"));
  writeFileSync(join(folder, "index.html"), "<!doctype html>first");
  writeFileSync(join(folder, "assets", "index-abc.js"), "export {};");
  writeFileSync(join(folder, ".built-from"), "a digest");
  writeFileSync(join(folder, "..", "hp-secret.js"), "a secret");
});

afterEach(() => {
  rmSync(folder, { recursive: true });
  rmSync(join(folder, "..", "hp-secret.js"), { force: true });
});

const NAVIGATION = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
const asked = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  servePages(folder)(new Request(`http://localhost:8123${path}`, { headers, method }));

test.each(["/", "/reviews", "/reviews/3f0c2a1e-0000-4000-8000-000000000000", "/runs", "/runs/r1", "/start"])(
  "a browser that goes to %s gets the page under its policy",
  async (path) => {
    const response = asked(path, NAVIGATION);
    expect(await response?.text()).toBe("<!doctype html>first");
    expect(response?.headers.get("vary")).toContain("Accept");
    expect(response?.headers.get("cache-control")).toBe("no-store");
    expect(response?.headers.get("content-security-policy")).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; " +
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    );
  },
);

test.each([
  ["fetch and the LangGraph clients", "*/*"],
  ["a client that wants JSON", "application/json"],
  ["an event source", "text/event-stream"],
])("%s gets the API where a page has the same address", (_who, accept) => {
  expect(asked("/reviews", { accept })).toBeUndefined();
  expect(asked("/runs/r1", { accept })).toBeUndefined();
});

test("nothing but pages is answered with one, whatever is accepted, and nothing is written to one", () => {
  for (const path of [
    "/metrics",
    "/login/secret",
    "/threads/t/state",
    "/ok",
    "/reviews/a/b",
    "/reviews/%3Cscript%3E",
  ]) {
    expect(asked(path, NAVIGATION), path).toBeUndefined();
  }
  expect(asked("/reviews", NAVIGATION, "POST")).toBeUndefined();
  expect(isPage("/reviews")).toBe(true);
});

test("files with hashed names are kept for ever, packed where that is understood, and not sent twice", async () => {
  const plain = asked("/assets/index-abc.js");
  expect(plain?.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  expect(plain?.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  expect(await plain?.text()).toBe("export {};");
  const packed = asked("/assets/index-abc.js", { "accept-encoding": "gzip, br" });
  expect(packed?.headers.get("content-encoding")).toBe("gzip");
  const again = asked("/assets/index-abc.js", { "if-none-match": plain?.headers.get("etag") ?? "" });
  expect(again?.status).toBe(304);
  const head = asked("/assets/index-abc.js", {}, "HEAD");
  expect([head?.headers.get("content-length"), await head?.text()]).toEqual(["10", ""]);
});

test.each([
  "/assets/..%2f..%2fhp-secret.js",
  "/assets/../../hp-secret.js",
  "/assets/%2e%2e/.built-from",
  "/assets/",
  "/assets/none.js",
  "/.built-from",
])("%s leads nowhere", (path) => {
  expect(asked(path, NAVIGATION)).toBeUndefined();
});

test("a console that was built anew is served at once, and pages that are open find what they still load", async () => {
  const pages = servePages(folder);
  const ask = (path: string) => pages(new Request(`http://localhost:8123${path}`, { headers: NAVIGATION }));
  expect(await ask("/")?.text()).toContain("first");
  rmSync(join(folder, "assets", "index-abc.js"));
  writeFileSync(join(folder, "index.html"), "<!doctype html>second");
  utimesSync(join(folder, "index.html"), 1, 1);
  expect(await ask("/")?.text()).toContain("second");
  expect(ask("/assets/index-abc.js")?.status).toBe(200);
});

test("without a built console the page says how to build it", async () => {
  rmSync(join(folder, "index.html"));
  const response = asked("/", NAVIGATION);
  expect(response?.status).toBe(503);
  expect(await response?.text()).toContain("npm run build:console");
});
