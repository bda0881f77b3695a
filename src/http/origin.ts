import { HoldpointError } from "../protocol/errors.ts";

const SAFE_METHODS = new Set(["GET", "HEAD"]);
const FORWARDED = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/**
 * Refuses a request that reached the loopback address under another name: a web page whose name was pointed at this
 * machine (DNS rebinding), or a proxy that lets the world in. Throws `permission_denied`.
 */
export function refuseStrangeHost(request: Request): void {
  const { hostname } = new URL(request.url);
  const proxy = FORWARDED.find((header) => request.headers.has(header));
  if (isLoopbackName(hostname) && proxy === undefined) return;
  const seen = proxy === undefined ? `it was asked for as ${hostname}` : `the request was forwarded (${proxy})`;
  throw new HoldpointError(
    "permission_denied",
    `only this machine's own callers are let in without a key, and ${seen}; ask as localhost or send an API key`,
  );
}

/** Refuses what a page of another origin makes a browser send. Following a link is no such thing. Throws `permission_denied`. */
export function refuseForeignPage(request: Request): void {
  const site = request.headers.get("sec-fetch-site");
  const isSafe = SAFE_METHODS.has(request.method);
  const followsLink = isSafe && request.headers.get("sec-fetch-mode") === "navigate";
  const origin = request.headers.get("origin");
  const isForeign =
    (site !== null && site !== "same-origin" && site !== "none") || (origin !== null && !isOwnOrigin(origin, request));
  if (!isForeign || followsLink) return;
  throw new HoldpointError(
    "permission_denied",
    `a page of another origin (${origin ?? site}) may not act here in the name of the browser's user; send an API key`,
  );
}

function isOwnOrigin(origin: string, request: Request): boolean {
  return URL.canParse(origin) && new URL(origin).host === new URL(request.url).host;
}

function isLoopbackName(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
  );
}
