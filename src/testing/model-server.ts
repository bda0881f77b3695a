import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isIP } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { HoldpointError } from "../protocol/errors.ts";
import { errorResponse } from "./model-answer.ts";
import { createModelApi, type ModelApi, type ModelApiOptions } from "./model-api.ts";

/** Where it listens, beside how it behaves. */
export interface ModelServerOptions extends ModelApiOptions {
  /** Loopback unless given. */
  host?: string;
  /** Any free one unless given. */
  port?: number;
}

/** A local endpoint that speaks OpenAI's protocols and follows a script. */
export interface ModelServer extends Omit<ModelApi, "fetch"> {
  /** The base URL, ending in /v1. */
  url: string;
  port: number;
  /** Ends every answer under way. */
  close(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";
const READING_MS = 50;
const LARGEST_BODY = 8 * 1024 * 1024;

/** Starts it. */
export async function startModelServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  const { host = LOOPBACK, port = 0 } = options;
  const api = createModelApi(options);
  const server = createServer((incoming, outgoing) => void answer(api, incoming, outgoing));
  await listen(server, host, port);
  const bound = (server.address() as AddressInfo).port;
  // Members that count are read through, so that they are those of now.
  return Object.create(api, {
    url: { value: `http://${isIP(host) === 6 ? `[${host}]` : host}:${bound}/v1`, enumerable: true },
    port: { value: bound, enumerable: true },
    close: { value: () => close(server) },
  }) as ModelServer;
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, host, resolve);
  try {
    await promise;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === "EADDRINUSE" ? "is taken" : `cannot be had (${code})`;
    const message = `the mock model cannot listen: ${host}:${port} ${why}; give another port, or 0 for any that is free`;
    throw new HoldpointError("configuration_invalid", message, { cause });
  }
}

function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  return promise;
}

async function answer(api: ModelApi, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  try {
    const response = await responseTo(api, incoming, gone.signal);
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    for await (const chunk of response.body ?? []) await written(outgoing, chunk, gone.signal);
    outgoing.end();
  } catch {
    // Scripted, or the client has gone. A client forgets what it has received and not read when its connection breaks.
    if (outgoing.headersSent && !gone.signal.aborted) await delay(READING_MS);
    outgoing.destroy();
  }
}

async function responseTo(api: ModelApi, incoming: IncomingMessage, signal: AbortSignal): Promise<Response> {
  const { method = "GET", headers } = incoming;
  const address = `http://localhost${incoming.url ?? "/"}`;
  if (!URL.canParse(address)) return errorResponse(400, "the address of the request cannot be read");
  const body = await readBody(incoming);
  if (body === undefined) return errorResponse(413, `a request may have ${LARGEST_BODY} bytes`);
  const authorization = headers.authorization;
  const request = new Request(address, {
    method,
    headers: authorization === undefined ? {} : { authorization },
    signal,
    ...(method === "GET" || method === "HEAD" ? {} : { body }),
  });
  return await api.fetch(request);
}

async function readBody(incoming: IncomingMessage): Promise<Buffer<ArrayBuffer> | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Read to its end all the same, so that the answer is heard.
    if (size <= LARGEST_BODY) chunks.push(chunk);
  }
  return size > LARGEST_BODY ? undefined : Buffer.concat(chunks);
}

/** Resolves when the chunk has left the process, so that what is cut off afterwards is cut off behind it. */
async function written(outgoing: ServerResponse, chunk: Uint8Array, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onGone = () => reject(signal.reason);
  signal.addEventListener("abort", onGone, { once: true });
  outgoing.write(chunk, () => resolve());
  await promise.finally(() => signal.removeEventListener("abort", onGone));
}
