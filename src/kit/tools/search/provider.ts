import { parseHttpRule } from "../../../policy/http-target.ts";
import { type AllowList, parseAllowList } from "../../../policy/private-address.ts";
import { HoldpointError } from "../../../protocol/errors.ts";
import type { Json } from "../../../protocol/json.ts";
import { currentNetwork } from "../../outside.ts";
import { readContent, tooLarge } from "../http/answer.ts";
import { exchange } from "../http/exchange.ts";
import { RequestFailed, statusFailure } from "../http/failure.ts";
import { secretsHidden } from "../http/secrets.ts";

/** One result as a provider gives it; nothing of it is trusted. */
export interface FoundPage {
  title: unknown;
  url: unknown;
  snippet: unknown;
  published?: unknown;
}

/** What is asked of a provider. */
export interface SearchAsked {
  query: string;
  /** How many results at most; one that gives more is cut. */
  count: number;
  signal: AbortSignal;
}

/** Somebody who searches the web. */
export interface SearchProvider {
  /** As results and records name it. */
  name: string;
  /** What else its results depend on, such as its address: they are kept under it. */
  scope?: string;
  search(asked: SearchAsked): Promise<readonly FoundPage[]>;
}

/** The address of a provider, checked. Throws `invalid`. */
export function providerAddress(name: string, text: string): URL {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "") return url;
  throw new HoldpointError("invalid", `${name}() needs a URL such as https://search.example.com, without a password`);
}

/** A key, or where it is taken from when it is needed; it is sent to the provider only, and recorded nowhere. */
export type SearchKey = string | (() => string | Promise<string>);

/** The key itself. Throws `invalid` where there is none. */
export async function keyOf(name: string, key: SearchKey): Promise<string> {
  const text = typeof key === "function" ? await key() : key;
  if (typeof text === "string" && /^[\x21-\x7e]+$/.test(text)) return text;
  throw new HoldpointError("tool_failed", `${name} needs a key, in one line without spaces`, {
    facts: { class: "permission" },
  });
}

/** One request of a provider to its own address. */
export interface ProviderRequest {
  url: URL;
  method: "GET" | "POST";
  body?: Json;
  /** Headers with keys. */
  secret?: Readonly<Record<string, string>>;
  signal: AbortSignal;
  /** True where whoever runs the server has named the address: then it may be private. */
  isConfigured?: boolean;
}

const MAX_BYTES = 2_097_152;

/** Asks a provider and reads its JSON. Throws `RequestFailed`. */
export async function askProvider(wanted: ProviderRequest): Promise<Json> {
  const { url, method, body, secret = {}, signal, isConfigured = false } = wanted;
  const network = currentNetwork();
  const rule = parseHttpRule(`${url.origin}${url.pathname}`);
  const { answer } = await exchange({
    url,
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: {
      "user-agent": "holdpoint",
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    secret,
    rules: rule === undefined ? [] : [rule],
    network: isConfigured ? { ...network, allow: withHost(network.allow, url.hostname) } : network,
    maxBytes: MAX_BYTES,
    signal,
  });
  if (answer.missing === "too_large") throw unusable(tooLarge(MAX_BYTES));
  if (answer.missing !== null) {
    const broken = `its answer broke off: ${answer.missing.message}`;
    throw new RequestFailed(broken, { class: "provider", isSurelyNotDone: false });
  }
  const types = ["application/json", "application/*+json"];
  const content = secretsHidden(secret)(await readContent(answer.body, answer.headers, { maxBytes: MAX_BYTES, types }));
  if (answer.status !== 200) {
    const said = content.ok ? `: ${JSON.stringify(content.body).slice(0, 300)}` : "";
    throw statusFailure(
      answer.status,
      answer.headers["retry-after"],
      `it answered with HTTP ${answer.status}${said}`,
      false,
    );
  }
  if (!content.ok) throw unusable(content.problem);
  return content.body;
}

/** What a list within an answer holds; an answer of another shape is the provider's fault. */
export function listIn(answer: Json, ...path: readonly string[]): readonly Record<string, Json>[] {
  let current: Json | undefined = answer;
  for (const name of path) current = isRecord(current) ? current[name] : undefined;
  // A search that finds nothing is told by some without the list.
  if (current === undefined && isRecord(answer)) return [];
  if (!Array.isArray(current)) throw unusable(`its answer has no list ${path.join(".")}`);
  return current.filter(isRecord);
}

function isRecord(value: Json | undefined): value is Record<string, Json> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unusable(message: string): RequestFailed {
  return new RequestFailed(message, { class: "provider", isSurelyNotDone: false });
}

function withHost(allow: AllowList, hostname: string): AllowList {
  const own = parseAllowList([hostname]);
  if ("wrong" in own) return allow;
  return { hosts: new Set([...allow.hosts, ...own.hosts]), ranges: [...allow.ranges, ...own.ranges] };
}
