import { type LookupOptions, lookup } from "node:dns";
import { type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { type AllowList, isAllowedHost, isReachable } from "../policy/private-address.ts";
import { isOwnRoute, webhookTarget } from "../policy/webhook-target.ts";
import type { WebhookAnswer } from "../protocol/delivery.ts";

// As much of an answer as tells a person what is wrong.
const ANSWER_BYTES = 2_048;

/** One request to a webhook. */
export interface WebhookRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** For all of it: looking the host up, connecting, sending, and the answer. */
  timeoutMs: number;
  allow: AllowList;
  signal: AbortSignal;
  /** Answers paths: the routes of the server's own project; none unless given. */
  local?: ((request: Request) => Promise<Response>) | undefined;
  /** How names become addresses; the system's way unless given. */
  resolve?: typeof lookup;
}

/** Sends it, and never throws: whatever comes of it is an answer. Redirects are answers too, and are not followed. */
export async function postWebhook(wanted: WebhookRequest): Promise<WebhookAnswer> {
  const startedAt = performance.now();
  const answer = await send(wanted).catch((error: unknown) => ({ status: null, body: null, error: reasonOf(error) }));
  return { ...answer, duration_ms: Math.round(performance.now() - startedAt) };
}

/** What the caller is told of a host that may not be reached. */
class PrivateAddress extends Error {
  override readonly name = "PrivateAddress";
}

async function send(wanted: WebhookRequest): Promise<Omit<WebhookAnswer, "duration_ms">> {
  if (wanted.url.startsWith("/")) return await sendLocally(wanted);
  const { allow, timeoutMs, signal, body } = wanted;
  // Looked at again: what is allowed may have changed since the run was created.
  const target = webhookTarget(wanted.url, allow);
  if (!target.ok) throw new PrivateAddress(`the webhook ${target.reason}`);
  const url = new URL(target.url);
  const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    method: "POST",
    headers: { ...wanted.headers, "content-length": Buffer.byteLength(body) },
    // A connection of its own, made after the look at its address, and no proxy in between.
    agent: false,
    lookup: guardedLookup(url.hostname, allow, wanted.resolve ?? lookup),
  });
  const stop = () => request.destroy(new Error("the server was stopped before the answer came"));
  const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (signal.aborted) stop();
    const response = await answered(request, body);
    return { status: response.statusCode ?? null, body: await firstBytes(response), error: null };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    request.destroy();
  }
}

/** Hands it to the project's own routes, without a connection. */
async function sendLocally({ local, ...wanted }: WebhookRequest): Promise<Omit<WebhookAnswer, "duration_ms">> {
  const { url, headers, body, timeoutMs } = wanted;
  if (local === undefined || !isOwnRoute(url)) throw new Error("this server has no routes of a project's own to call");
  const signal = AbortSignal.any([wanted.signal, AbortSignal.timeout(timeoutMs)]);
  const request = new Request(new URL(url, "http://localhost"), { method: "POST", headers, body, signal });
  const { promise: late, reject } = Promise.withResolvers<never>();
  const give = () => reject(new Error(`no answer within ${timeoutMs / 1000} s`));
  signal.addEventListener("abort", give, { once: true });
  try {
    const response = await Promise.race([local(request), late]);
    const text = await Promise.race([response.text(), late]);
    return { status: response.status, body: Buffer.from(text).subarray(0, ANSWER_BYTES).toString("utf8"), error: null };
  } finally {
    signal.removeEventListener("abort", give);
  }
}

function answered(request: ClientRequest, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // Stays for good: what happens to the connection after the answer has been read is nobody's business any more.
    request.on("error", reject);
    request.on("response", resolve);
    request.on("close", () => reject(new Error("the connection was closed without an answer")));
    request.end(body);
  });
}

/** The beginning of an answer's body; the rest is not read. What breaks on the way takes nothing back: the status has come. */
async function firstBytes(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= ANSWER_BYTES) break;
    }
  } catch {
    // What has been read is what there is.
  }
  const text = Buffer.concat(chunks).subarray(0, ANSWER_BYTES).toString("utf8");
  // Postgres holds no NUL.
  return text.replaceAll("\0", "\ufffd");
}

/** Gives only addresses that may be reached, and the connection is made to one of these: a name that changes its mind gains nothing. */
function guardedLookup(hostname: string, allow: AllowList, resolve: typeof lookup): LookupFunction {
  return (name, options, callback) => {
    const all: LookupOptions & { all: true } = { ...options, all: true };
    resolve(name, all, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const reachable = isAllowedHost(hostname, allow)
        ? addresses
        : addresses.filter(({ address }) => isReachable(address, allow));
      const [first] = reachable;
      if (first === undefined) return callback(notReachable(hostname, addresses), []);
      if (options.all === true) return callback(null, reachable);
      return callback(null, first.address, first.family);
    });
  };
}

function notReachable(hostname: string, addresses: readonly { address: string }[]): PrivateAddress {
  const told = addresses.map(({ address }) => address).join(", ") || "no address";
  return new PrivateAddress(
    `${hostname} is ${told}, which is not on the internet; HOLDPOINT_WEBHOOK_ALLOW names the hosts and networks that may be called`,
  );
}

function reasonOf(error: unknown): string {
  // Of several addresses that were tried, the first says it all.
  const told = error instanceof AggregateError ? error.errors[0] : error;
  const { message = "", code } = told as { message?: string; code?: string };
  const text = message === "" || code === undefined || message.includes(code) ? message : `${message} (${code})`;
  return (text || code || "the request failed").slice(0, 500);
}
