/** What a tool may request: hosts, and pages of them. */
export interface HttpRule {
  protocol: "https:" | "http:";
  /** In lower case, without a dot at its end; an IPv6 address in brackets. */
  hostname: string;
  /** Every name below it, and not it itself. */
  isBelow: boolean;
  /** "" for the protocol's own. */
  port: string;
  /** Null: every page. */
  path: { text: string; isPrefix: boolean } | null;
}

/** A URL as it will be requested, or why it is not. */
export type HttpTarget = { ok: true; url: URL } | { ok: false; reason: string };

const LONGEST_URL = 4_096;
const RULE = /^(?:(https?):\/\/)?(\*\.)?((?:\[[^\]]*\]|[^/*?#@:[\]\\\s]+)(?::\d+)?)(\/[^?#\\\s]*)?$/i;

/**
 * Reads `api.example.com`, `api.example.com:8443`, `*.example.com`, `https://status.example.com/v1/*` or
 * `http://10.0.0.7:9090/metrics`; undefined when it is none of these. Without a scheme it is https.
 */
export function parseHttpRule(text: string): HttpRule | undefined {
  const [, scheme = "https", below, host = "", path] = RULE.exec(text) ?? [];
  const base = `${scheme.toLowerCase()}://${host}`;
  if (host === "" || !URL.canParse(base)) return undefined;
  const url = new URL(base);
  const hostname = bareHost(url.hostname);
  if (hostname === "" || (below !== undefined && /^[\d.]+$|^\[/.test(hostname))) return undefined;
  const stars = path?.split("*").length ?? 1;
  if (stars > 2 || (stars === 2 && !path?.endsWith("*"))) return undefined;
  const isPrefix = stars === 2;
  const pathname = path === undefined ? undefined : new URL(base + path.replace(/\*$/, "")).pathname;
  return {
    protocol: url.protocol as HttpRule["protocol"],
    hostname,
    isBelow: below !== undefined,
    port: url.port,
    path: pathname === undefined || (isPrefix && pathname === "/") ? null : { text: pathname, isPrefix },
  };
}

/** Looks at a URL as far as that can be done without asking the network: whether a rule allows it. */
export function httpTarget(text: string, rules: readonly HttpRule[]): HttpTarget {
  const refuse = (reason: string): HttpTarget => ({ ok: false, reason });
  if (text.length > LONGEST_URL) return refuse(`must not be longer than ${LONGEST_URL} characters`);
  if (!URL.canParse(text)) return refuse("must be a whole URL like https://api.example.com/v1/items");
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") return refuse("must be an http or https URL");
  // It is recorded, shown and logged.
  if (url.username !== "" || url.password !== "") return refuse("must not carry a user name or password");
  const hostname = bareHost(url.hostname);
  if (hostname === "") return refuse("must name a host");
  url.hostname = hostname;
  url.hash = "";
  const ofHost = rules.filter((rule) => isHostOf(rule, url));
  if (ofHost.length === 0) return refuse(`leads to ${url.origin}, which this tool is not allowed to call`);
  if (ofHost.some(({ path }) => path === null)) return { ok: true, url };
  if (!isPlain(url.pathname)) return refuse("has a path that servers read in different ways");
  if (ofHost.some(({ path }) => path !== null && isPathOf(path, url.pathname))) return { ok: true, url };
  return refuse(`leads to ${url.origin}${url.pathname}, which this tool is not allowed to call`);
}

function isHostOf(rule: HttpRule, url: URL): boolean {
  if (rule.protocol !== url.protocol || rule.port !== url.port) return false;
  return rule.isBelow ? url.hostname.endsWith(`.${rule.hostname}`) : url.hostname === rule.hostname;
}

function isPathOf({ text, isPrefix }: NonNullable<HttpRule["path"]>, pathname: string): boolean {
  return isPrefix ? pathname.startsWith(text) : pathname === text;
}

/**
 * Whether everybody reads this path alike. A server that decodes "%2f" before it looks for "..", twice, or that drops what
 * follows ";", would be led out of the folder that a rule names.
 */
function isPlain(pathname: string): boolean {
  // "%u002e" is no escape, and "%c0%ae" no UTF-8; both have been read as a dot.
  if (/%(?:2f|5c|25|00|c[01]|(?![0-9a-f]{2}))|\\/i.test(pathname)) return false;
  return !pathname.split("/").some((segment) => /^\.\.?(?:;|%3b|$)/i.test(segment.replaceAll(/%2e/gi, ".")));
}

function bareHost(hostname: string): string {
  return hostname.toLowerCase().replace(/\.+$/, "");
}
