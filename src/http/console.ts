import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { answerFile, type StoredFile, storeFile } from "./stored-file.ts";

/** Answers what is a page, or a file of one; undefined: ask the routes. */
export type Pages = (request: Request) => Response | undefined;

// Nothing from elsewhere and nothing inline: a text that gets into the page as markup can load, run and send nothing.
/** What a page of ours may load, run and send. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

// What the page shows has an address of its own, and some of these are addresses of the API too.
const PAGES = /^\/(?:(?:reviews|runs|start|health)(?:\/[\w.~-]+)?|threads\/[\w-]+\/runs\/[\w-]+)?\/?$/;

/** Serves the built console out of memory, where a path cannot lead anywhere else. A folder built anew is read anew. */
export function servePages(folder: string): Pages {
  const index = join(folder, "index.html");
  let files = new Map<string, StoredFile>();
  let readAt = -1;
  const current = () => {
    const builtAt = statSync(index, { throwIfNoEntry: false })?.mtimeMs;
    if (builtAt !== undefined && builtAt !== readAt) {
      // What an open page may still load stays.
      files = new Map([...files, ...readFiles(folder)]);
      readAt = builtAt;
    }
    return files;
  };
  return (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") return undefined;
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/assets/")) {
      const file = current().get(pathname);
      return file && answerFile(request, file, { "cache-control": "public, max-age=31536000, immutable" });
    }
    if (!isPage(pathname) || !wantsPage(request, pathname)) return undefined;
    const page = current().get("/index.html");
    return page === undefined ? missing() : answerFile(request, page, PAGE_HEADERS);
  };
}

/** True for the address of a page: what is answered there depends on what is asked for. */
export function isPage(pathname: string): boolean {
  return PAGES.test(pathname);
}

// Only a browser that goes somewhere names HTML: neither fetch nor any client of the API does.
function wantsPage(request: Request, pathname: string): boolean {
  return pathname === "/" || /\btext\/html\b/.test(request.headers.get("accept") ?? "");
}

const PAGE_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": PAGE_POLICY,
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  vary: "Accept, Accept-Encoding",
};

function missing(): Response {
  const text = "The console was not built: run npm run build:console. The API and the command line work without it.\n";
  return new Response(text, { status: 503, headers: { "content-type": "text/plain; charset=utf-8", vary: "Accept" } });
}

function readFiles(folder: string): [string, StoredFile][] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names.flatMap((name): [string, StoredFile][] => {
    const type = TYPES[extname(name)];
    if (type === undefined) return [];
    return [[`/${name.replaceAll("\\", "/")}`, storeFile(readFileSync(join(folder, name)), type)]];
  });
}
