import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the server does with one request. */
export type ModelStep =
  /** Answers with this JSON: as content, or as the arguments of the tool that was asked for. */
  | { json: unknown }
  /** Answers with this text as it stands. */
  | { text: string }
  /** Answers with an HTTP error in OpenAI's form. */
  | { status: number; headers?: Record<string, string>; message?: string }
  /** Never answers. */
  | { hang: true }
  /** Begins to answer and drops the connection. */
  | { cut: true };

/** The body of a chat completion request, as far as a script may look at it. */
export interface ChatRequest {
  model: string;
  messages: { role: string; content: unknown }[];
  stream?: boolean;
  stream_options?: { include_usage?: boolean };
  tools?: { function: { name: string; parameters: unknown } }[];
  tool_choice?: unknown;
  response_format?: { type: string; json_schema?: { name: string; strict?: boolean; schema: Record<string, unknown> } };
}

/** The body of an embeddings request. */
export interface EmbeddingsRequest {
  model: string;
  input: string[];
  dimensions?: number;
  encoding_format?: string;
}

/** What the server does with one embeddings request: makes its vectors, of another length if told so, or not. */
export type EmbeddingsStep =
  | { dims?: number }
  | Extract<ModelStep, { status: number } | { hang: true } | { json: unknown }>;
type EmbeddingsScript = (EmbeddingsStep | ((request: EmbeddingsRequest) => EmbeddingsStep))[];

/** A local endpoint that speaks OpenAI's chat completions and follows a script. */
export interface OpenAIServer {
  /** The base URL, ending in /v1. */
  url: string;
  /** Every request so far, with the authorization header it came with. */
  requests: { body: ChatRequest; authorization: string | undefined }[];
  /** What comes next, in order; the last step is repeated. A function decides by the request. */
  script(...steps: (ModelStep | ((request: ChatRequest) => ModelStep))[]): void;
  /** The same for embeddings: vectors are made of each text's words, unless the script says otherwise. */
  embeddings: { requests: EmbeddingsRequest[]; script(...steps: EmbeddingsScript): void };
  close(): Promise<void>;
}

/** Starts the server on a free port of the loopback interface. */
export async function startOpenAIServer(): Promise<OpenAIServer> {
  const requests: OpenAIServer["requests"] = [];
  let steps: (ModelStep | ((request: ChatRequest) => ModelStep))[] = [];
  const embeddings = scriptedEmbeddings();
  const server = createServer(async (request, response) => {
    if (request.method === "POST" && request.url === "/v1/embeddings") {
      embeddings.answer(JSON.parse(await read(request)) as EmbeddingsRequest, response);
      return;
    }
    if (request.method !== "POST" || request.url !== "/v1/chat/completions") {
      fail(response, { status: 404, message: `no route ${request.method} ${request.url}` });
      return;
    }
    const body = JSON.parse(await read(request)) as ChatRequest;
    requests.push({ body, authorization: request.headers.authorization });
    const next = steps.length > 1 ? steps.shift() : steps[0];
    const step = typeof next === "function" ? next(body) : (next ?? { status: 500, message: "nothing is scripted" });
    perform(step, body, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    embeddings,
    script(...next) {
      steps = next;
      requests.length = 0;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function scriptedEmbeddings() {
  const requests: EmbeddingsRequest[] = [];
  let steps: EmbeddingsScript = [];
  return {
    requests,
    script(...next: EmbeddingsScript) {
      steps = next;
      requests.length = 0;
    },
    answer(body: EmbeddingsRequest, response: ServerResponse) {
      requests.push(body);
      const next = steps.length > 1 ? steps.shift() : steps[0];
      const step = typeof next === "function" ? next(body) : (next ?? {});
      if ("hang" in step) return;
      if ("status" in step) {
        fail(response, step);
        return;
      }
      response.writeHead(200, { "content-type": "application/json" });
      const dims = ("dims" in step ? step.dims : undefined) ?? body.dimensions ?? 64;
      const data = body.input.map((text, index) => ({ object: "embedding", index, embedding: vectorOf(text, dims) }));
      const usage = { prompt_tokens: 1, total_tokens: 1 };
      response.end(JSON.stringify("json" in step ? step.json : { object: "list", model: body.model, data, usage }));
    },
  };
}

/** The vector that the server makes of a text: every word points somewhere, so that equal words bring texts together. */
export function vectorOf(text: string, dims: number): number[] {
  const vector = Array<number>(dims).fill(0);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    let state = 2_166_136_261;
    for (const character of word) state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 16_777_619);
    for (let place = 0; place < dims; place += 1) {
      state = Math.imul(state ^ (state >>> 15), 2_246_822_519) + place;
      vector[place] = (vector[place] ?? 0) + (state % 1_000) / 1_000;
    }
  }
  return vector;
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function perform(step: ModelStep, body: ChatRequest, response: ServerResponse): void {
  if ("hang" in step) return;
  if ("status" in step) fail(response, step);
  else if ("cut" in step) cut(body, response);
  else answer("json" in step ? JSON.stringify(step.json) : step.text, body, response);
}

function answer(content: string, body: ChatRequest, response: ServerResponse): void {
  if (body.stream === true) {
    stream(content, body, response);
    return;
  }
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(completion(content, body)));
}

function fail(
  response: ServerResponse,
  step: { status: number; headers?: Record<string, string>; message?: string },
): void {
  response.writeHead(step.status, { "content-type": "application/json", ...step.headers });
  response.end(
    JSON.stringify({ error: { message: step.message ?? "scripted", type: "scripted", code: null, param: null } }),
  );
}

function cut(body: ChatRequest, response: ServerResponse): void {
  if (body.stream === true) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(
      event({
        ...chunkHead(body),
        choices: [{ index: 0, delta: { role: "assistant", content: '{"inv' }, finish_reason: null }],
      }),
    );
  } else {
    response.writeHead(200, { "content-type": "application/json", "content-length": "10000" });
    response.write('{"id":"cut","choices":[{"message":{"content":"{\\"inv');
  }
  // After the head has left, so that the client has begun to read an answer.
  setImmediate(() => response.destroy());
}

const USAGE = { prompt_tokens: 20, completion_tokens: 10, total_tokens: 30 };

function chunkHead(body: ChatRequest) {
  return { id: "chatcmpl-test", object: "chat.completion.chunk", created: 1, model: body.model };
}

function message(content: string, body: ChatRequest) {
  const tool = body.tools?.[0]?.function.name;
  if (tool === undefined) return { role: "assistant", content, refusal: null };
  const call = { id: "call_test", type: "function", function: { name: tool, arguments: content } };
  return { role: "assistant", content: null, refusal: null, tool_calls: [call] };
}

function completion(content: string, body: ChatRequest) {
  const finish_reason = body.tools === undefined ? "stop" : "tool_calls";
  return {
    ...chunkHead(body),
    object: "chat.completion",
    choices: [{ index: 0, message: message(content, body), logprobs: null, finish_reason }],
    usage: USAGE,
  };
}

function stream(content: string, body: ChatRequest, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const half = Math.ceil(content.length / 2);
  const tool = body.tools?.[0]?.function.name;
  const deltas = [content.slice(0, half), content.slice(half)].map((part, index) => {
    if (tool === undefined) return { ...(index === 0 ? { role: "assistant" } : {}), content: part };
    const opening = index === 0 ? { id: "call_test", type: "function" } : {};
    const call = { index: 0, ...opening, function: { ...(index === 0 ? { name: tool } : {}), arguments: part } };
    return { ...(index === 0 ? { role: "assistant", content: null } : {}), tool_calls: [call] };
  });
  for (const delta of deltas) {
    response.write(event({ ...chunkHead(body), choices: [{ index: 0, delta, finish_reason: null }] }));
  }
  const finish_reason = tool === undefined ? "stop" : "tool_calls";
  response.write(event({ ...chunkHead(body), choices: [{ index: 0, delta: {}, finish_reason }] }));
  if (body.stream_options?.include_usage === true)
    response.write(event({ ...chunkHead(body), choices: [], usage: USAGE }));
  response.end("data: [DONE]\n\n");
}

function event(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
