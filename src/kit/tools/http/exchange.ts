import { type HttpRule, httpTarget } from "../../../policy/http-target.ts";
import { type GuardedAnswer, guardedRequest } from "../../guarded-request.ts";
import type { NetworkPort } from "../../outside.ts";
import { connectionFailure, notAllowed } from "./failure.ts";

const MOST_REDIRECTS = 3;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** A request that a tool wants to make. */
export interface Exchange {
  url: URL;
  method: string;
  body: string | undefined;
  headers: Readonly<Record<string, string>>;
  /** Headers that open doors: they stay with the origin they are for. */
  secret: Readonly<Record<string, string>>;
  rules: readonly HttpRule[];
  network: NetworkPort;
  maxBytes: number;
  signal: AbortSignal;
}

/** An answer that redirects no further. */
export interface Exchanged {
  url: URL;
  answer: Extract<GuardedAnswer, { kind: "answer" }>;
  /** Whether an answer before it has said that the request was carried out. */
  isDone: boolean;
}

interface Hop {
  url: URL;
  method: string;
  body: string | undefined;
}

/** Makes the request, and those that its answers redirect to: each is looked at like the first. */
export async function exchange(wanted: Exchange): Promise<Exchanged> {
  const { url, method, body, rules, network, maxBytes, signal } = wanted;
  let hop: Hop = { url, method, body };
  let isDone = false;
  for (let redirects = 0; ; redirects += 1) {
    const answer = await (network.send ?? guardedRequest)({
      ...hop,
      headers: {
        ...headersOf(wanted.headers, hop.body),
        // Who is sent elsewhere does not take along what opens doors here.
        ...(hop.url.origin === url.origin ? wanted.secret : {}),
        "accept-encoding": "identity",
      },
      allow: network.allow,
      allowedBy: "HOLDPOINT_TOOL_ALLOW",
      maxBytes,
      signal,
      resolve: network.resolve,
    });
    if (answer.kind === "failure") throw connectionFailure(answer, isDone);
    const { location } = answer.headers;
    if (!REDIRECTS.has(answer.status) || location === undefined) return { url: hop.url, answer, isDone };
    // "See other": it has been done, and there is something to look at.
    isDone ||= onlyLooks(answer.status, hop.method) && !isLook(hop.method);
    if (redirects === MOST_REDIRECTS) throw notAllowed(`it redirects more than ${MOST_REDIRECTS} times`, !isDone);
    hop = nextHop(hop, answer.status, location, rules, isDone);
  }
}

function nextHop(hop: Hop, status: number, location: string, rules: readonly HttpRule[], isDone: boolean): Hop {
  if (!URL.canParse(location, hop.url)) throw notAllowed("it redirects to what is no URL", !isDone);
  const target = httpTarget(new URL(location, hop.url).href, rules);
  if (!target.ok) throw notAllowed(`it redirects to a URL that ${target.reason}`, !isDone);
  if (onlyLooks(status, hop.method)) return { url: target.url, method: "GET", body: undefined };
  return { ...hop, url: target.url };
}

const isLook = (method: string) => method === "GET" || method === "HEAD";

/** As browsers do it. */
function onlyLooks(status: number, method: string): boolean {
  return (status === 303 && method !== "HEAD") || ((status === 301 || status === 302) && method === "POST");
}

/** Without the type of a body that is not sent any more. */
function headersOf(headers: Readonly<Record<string, string>>, body: string | undefined): Record<string, string> {
  const entries = Object.entries(headers);
  return Object.fromEntries(body === undefined ? entries.filter(([name]) => name !== "content-type") : entries);
}
