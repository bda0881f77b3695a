import { type LookupOptions, lookup } from "node:dns";
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { type AllowList, isAllowedHost, isKnownPrivate, isReachable } from "../policy/private-address.ts";

/** One request to somewhere that somebody else has named. */
export interface GuardedRequest {
  url: URL;
  method: string;
  headers: Readonly<Record<string, string>>;
  body?: string | undefined;
  /** Private hosts and networks that may be reached all the same. */
  allow: AllowList;
  /** The variable that says so, for whoever reads why it was not. */
  allowedBy: string;
  /** So much of the answer is read. */
  maxBytes: number;
  /** Ends it whenever it is aborted; what it was aborted for is the failure then. */
  signal: AbortSignal;
  /** How names become addresses; the system's way unless given. */
  resolve?: typeof lookup | undefined;
}

/** What came of it. A redirect is an answer too: nothing is followed. */
export type GuardedAnswer =
  | {
      kind: "answer";
      status: number;
      headers: IncomingHttpHeaders;
      /** The bytes as they came, or the first of them. */
      body: Buffer;
      /** Why the rest of them is missing; null when they are all there. */
      missing: "too_large" | Error | null;
    }
  | {
      kind: "failure";
      error: Error;
      /** False when nothing of it can have left this machine. */
      isSent: boolean;
    };

/** What the caller is told of an address that may not be reached. */
export class PrivateAddress extends Error {
  override readonly name = "PrivateAddress";
}

/**
 * Sends it, and never throws. An address that is not on the internet is not connected to, whatever name leads there: the
 * name is looked up once, and the connection is made to what was looked at then.
 */
export async function guardedRequest(wanted: GuardedRequest): Promise<GuardedAnswer> {
  const { url, method, headers, body, allow, allowedBy, signal } = wanted;
  let isSent = false;
  let request: ClientRequest | undefined;
  const stop = () => request?.destroy(reasonOf(signal));
  try {
    if (signal.aborted) throw reasonOf(signal);
    // An address in the URL itself is never looked up.
    if (isKnownPrivate(url.hostname, allow)) throw notReachable(url.hostname, [], allowedBy);
    request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }) },
      // A connection of its own, made after the look at its address, and no proxy in between.
      agent: false,
      lookup: guardedLookup(url.hostname, wanted),
    });
    request.on("socket", (socket) => {
      socket.once(url.protocol === "https:" ? "secureConnect" : "connect", () => {
        isSent = true;
      });
    });
    signal.addEventListener("abort", stop, { once: true });
    const response = await answered(request, body);
    const read = await firstBytes(response, wanted.maxBytes);
    const missing = read.missing instanceof Error && signal.aborted ? reasonOf(signal) : read.missing;
    return { kind: "answer", status: response.statusCode ?? 0, headers: response.headers, body: read.body, missing };
  } catch (error) {
    return { kind: "failure", error: asError(error), isSent };
  } finally {
    signal.removeEventListener("abort", stop);
    request?.destroy();
  }
}

function answered(request: ClientRequest, body: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // Stays for good: what happens to the connection after the answer has been read is nobody's business any more.
    request.on("error", reject);
    request.on("response", resolve);
    request.on("close", () => reject(new ConnectionClosed("the connection was closed without an answer")));
    request.end(body);
  });
}

class ConnectionClosed extends Error {
  override readonly name = "ConnectionClosed";
  readonly code = "ECONNRESET";
}

/** The beginning of an answer's body; the rest is not read. What breaks on the way takes nothing back: the status has come. */
async function firstBytes(
  response: IncomingMessage,
  maxBytes: number,
): Promise<{ body: Buffer; missing: "too_large" | Error | null }> {
  const chunks: Buffer[] = [];
  let length = 0;
  let missing: "too_large" | Error | null = null;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length <= maxBytes) continue;
      missing = "too_large";
      break;
    }
  } catch (error) {
    missing = asError(error);
  }
  return { body: Buffer.concat(chunks).subarray(0, maxBytes), missing };
}

/** Gives only addresses that may be reached, and the connection is made to one of these: a name that changes its mind gains nothing. */
function guardedLookup(
  hostname: string,
  { allow, allowedBy, resolve = lookup }: Pick<GuardedRequest, "allow" | "allowedBy" | "resolve">,
): LookupFunction {
  return (name, options, callback) => {
    const all: LookupOptions & { all: true } = { ...options, all: true };
    resolve(name, all, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const reachable = isAllowedHost(hostname, allow)
        ? addresses
        : addresses.filter(({ address }) => isReachable(address, allow));
      const [first] = reachable;
      if (first === undefined) return callback(notReachable(hostname, addresses, allowedBy), []);
      if (options.all === true) return callback(null, reachable);
      return callback(null, first.address, first.family);
    });
  };
}

function notReachable(hostname: string, addresses: readonly { address: string }[], allowedBy: string): PrivateAddress {
  const told = addresses.map(({ address }) => address).join(", ");
  const where = told === "" ? `leads to ${hostname}` : `${hostname} is ${told}`;
  return new PrivateAddress(
    `${where}, which is not on the internet; ${allowedBy} names the hosts and networks that may be called`,
  );
}

function reasonOf(signal: AbortSignal): Error {
  return asError(signal.reason);
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
