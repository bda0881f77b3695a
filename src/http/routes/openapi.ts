import type { Answer } from "../answers.ts";
import { anyObject, shows } from "../answers.ts";
import { PAGE_POLICY } from "../console.ts";
import type { HttpDeps } from "../deps.ts";
import { describeApi } from "../openapi/document.ts";
import { renderPage } from "../openapi/page.ts";
import { PAGE_STYLE } from "../openapi/page-style.ts";
import { definePublicRoute, type Route } from "../route.ts";
import { answerFile, type StoredFile, storeFile } from "../stored-file.ts";

const STYLE_PATH = "/docs/style.css";
const STYLE: Answer = { description: "How the page looks.", type: "text/css" };
const PAGE: Answer = { description: "A page for people.", type: "text/html" };

interface Described {
  document: StoredFile;
  page: StoredFile;
  style: StoredFile;
}

/**
 * What the API is, for programs and for people. Anybody may read it: it says what every server of this version says, and
 * what reads it, a generator of clients or a browser on its way to log in, has no key.
 */
export function describingRoutes(table: () => readonly Route[]): readonly Route[] {
  const made = new Map<string, Described>();
  // Made when it is first asked for: most processes never are.
  const ready = ({ settings }: HttpDeps) => {
    const { version, mountPrefix = "/" } = settings;
    const key = JSON.stringify([version, mountPrefix]);
    const described = made.get(key) ?? describe(table(), version, mountPrefix);
    made.set(key, described);
    return described;
  };
  return [
    definePublicRoute({
      method: "GET",
      path: "/openapi.json",
      summary: "Read what the API is, as OpenAPI 3.1",
      answers: { 200: shows(anyObject, "The document.", ["etag"]) },
      handle: ({ deps, request }) => answerFile(request, ready(deps).document, KEPT),
    }),
    definePublicRoute({
      method: "GET",
      path: "/docs",
      summary: "Read what the API is, as a page",
      answers: { 200: PAGE },
      handle: ({ deps, request }) => answerFile(request, ready(deps).page, PAGE_HEADERS),
    }),
    definePublicRoute({
      method: "GET",
      path: STYLE_PATH,
      summary: "Read how that page looks",
      answers: { 200: STYLE },
      handle: ({ deps, request }) => answerFile(request, ready(deps).style, KEPT),
    }),
  ];
}

// It changes with the version only, and whoever keeps it asks whether it has.
const KEPT = { "cache-control": "no-cache" };
const PAGE_HEADERS = { ...KEPT, "content-security-policy": PAGE_POLICY, "referrer-policy": "no-referrer" };

function describe(routes: readonly Route[], version: string, server: string): Described {
  const document = describeApi(routes, version, server);
  return {
    document: storeFile(JSON.stringify(document), "application/json; charset=utf-8"),
    page: storeFile(renderPage(document, STYLE_PATH.slice(1)), "text/html; charset=utf-8"),
    style: storeFile(PAGE_STYLE, "text/css; charset=utf-8"),
  };
}
