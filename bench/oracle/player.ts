import { Client } from "@langchain/langgraph-sdk";
import { type Frame, framesOf } from "./frames.ts";

/** One request and its answer, as they went over the wire. */
export interface Exchange {
  request: string;
  status: number;
  headers: Record<string, string>;
  /** JSON, frames of a stream, or text. */
  body: unknown;
}

/** What a step of the script showed. */
export interface Step {
  name: string;
  exchanges: Exchange[];
  /** What the client gave its caller, or the message of what it threw. */
  result: unknown;
}

/** One client of one server; everything it is answered is kept. */
export interface Player {
  client: Client;
  /** Asks without a client; the body of the answer. A text is sent as it stands. */
  http<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Body>;
  /** Does something and keeps what came of it; what is thrown is kept too. */
  step<Result>(name: string, body: () => Promise<Result>): Promise<Result>;
  /** Does something that is not compared. */
  aside<Result>(body: () => Promise<Result>): Promise<Result>;
  steps: Step[];
}

/** A part of the script. */
export interface Scenario {
  name: string;
  play(player: Player): Promise<void>;
}

const NOT_COMPARED = new Set(["connection", "content-length", "date", "keep-alive", "transfer-encoding"]);

/** Makes a client that keeps what it is answered. */
export function createPlayer(url: string): Player {
  const steps: Step[] = [];
  let exchanges: Exchange[] = [];
  const reading: Promise<unknown>[] = [];
  const recording: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const copy = response.clone();
    const exchange: Exchange = {
      request: `${init?.method ?? "GET"} ${new URL(String(input)).pathname}`,
      status: response.status,
      headers: Object.fromEntries([...response.headers].filter(([name]) => !NOT_COMPARED.has(name))),
      body: undefined,
    };
    exchanges.push(exchange);
    const read = copy
      .text()
      .then((text) => bodyOf(text, response.headers.get("content-type") ?? ""))
      .catch(() => "(cut)")
      .then((body) => {
        exchange.body = body;
      });
    reading.push(read);
    return response;
  };
  const client = new Client({
    apiUrl: url,
    apiKey: null as never,
    callerOptions: { fetch: recording as never, maxRetries: 0 },
  });
  return {
    client,
    steps,
    async http(method, path, body, headers = {}) {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const type = body === undefined ? {} : { "content-type": "application/json" };
      const init = { method, headers: { ...type, ...headers } };
      const response = await recording(url + path, body === undefined ? init : { ...init, body: text });
      return bodyOf(await response.text(), response.headers.get("content-type") ?? "") as never;
    },
    async step(name, body) {
      exchanges = [];
      reading.length = 0;
      const step: Step = { name, exchanges, result: undefined };
      steps.push(step);
      const result = await body().catch((error: unknown) => {
        step.result = { thrown: error instanceof Error ? error.message : String(error) };
        return undefined;
      });
      await Promise.all(reading);
      step.result ??= result;
      return result as never;
    },
    async aside(body) {
      exchanges = [];
      reading.length = 0;
      return await body();
    },
  };
}

function bodyOf(text: string, type: string): string | Frame[] | unknown {
  if (type.startsWith("text/event-stream")) return framesOf(text);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Everything an asynchronous iterable gives. */
export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}
