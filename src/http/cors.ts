/** Pages of which other origins may read what is answered here; `*`: of all. */
export type Origins = "*" | Pick<ReadonlySet<string>, "has" | "size">;

// What the clients read beside the body.
const EXPOSED = [
  "content-location",
  "etag",
  "location",
  "retry-after",
  "x-holdpoint-chain",
  "x-holdpoint-error",
  "x-pagination-more-than",
  "x-pagination-next",
  "x-pagination-total",
  "x-request-id",
].join(", ");
const METHODS = "GET, POST, PUT, PATCH, DELETE";
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~-]+(?: *, *[\w!#$%&'*+.^`|~-]+)*$/;
const LONGEST_HEADER_NAMES = 4_000;
const MAX_AGE_S = "600";

/**
 * Lets pages of some other origins read answers. Never with credentials: what a browser adds by itself lets no foreign page
 * in, and a page that has a key sends it itself.
 */
export function withCors(
  fetch: (request: Request) => Promise<Response>,
  origins: Origins,
): (request: Request) => Promise<Response> {
  if (origins !== "*" && origins.size === 0) return fetch;
  return async (request) => {
    const allowed = allowedOrigin(request, origins);
    const response = allowed === undefined ? await fetch(request) : (preflight(request) ?? (await fetch(request)));
    // The same address is answered to others without these headers.
    if (origins !== "*") response.headers.append("vary", "Origin");
    if (allowed === undefined) return response;
    response.headers.set("access-control-allow-origin", origins === "*" ? "*" : allowed);
    response.headers.set("access-control-expose-headers", EXPOSED);
    return response;
  };
}

/** The whole of an origin is compared, as the browser writes it. A sandboxed page or a file is of none ("null"). */
function allowedOrigin(request: Request, origins: Origins): string | undefined {
  const origin = request.headers.get("origin");
  return origin !== null && (origins === "*" || origins.has(origin)) ? origin : undefined;
}

/** The answer to a browser that asks before it sends; undefined for every other request. */
function preflight({ method, headers }: Request): Response | undefined {
  if (method !== "OPTIONS" || !headers.has("access-control-request-method")) return undefined;
  const names = headers.get("access-control-request-headers") ?? "";
  const isList = names.length <= LONGEST_HEADER_NAMES && HEADER_NAMES.test(names);
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": METHODS,
      // A header lets nobody in but a key, so a page may send those that its client happens to add.
      ...(isList ? { "access-control-allow-headers": names } : {}),
      "access-control-max-age": MAX_AGE_S,
      vary: "Access-Control-Request-Headers",
    },
  });
}
