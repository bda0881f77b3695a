import type { Clock } from "../kit/clock.ts";
import type { AskedModel } from "./asked-model.ts";
import type { ModelReply, Wire, WireEvent } from "./model-reply.ts";
import type { CheckedStep } from "./model-step.ts";

const JSON_HEADERS = { "content-type": "application/json" };
const STREAM_HEADERS = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };

/** What an answer is made with. */
export interface AnswerOptions {
  wire: Wire;
  asked: AskedModel;
  reply: ModelReply;
  step: CheckedStep;
  clock: Clock;
  signal: AbortSignal;
}

/** An error in OpenAI's form. */
export function errorResponse(status: number, message: string, about: ErrorFacts = {}): Response {
  const { code = null, param = null, headers = {} } = about;
  const error = {
    message,
    type: TYPES[status] ?? (status < 500 ? "invalid_request_error" : "server_error"),
    param,
    code,
  };
  return Response.json({ error }, { status, headers });
}

/** What an error says beside its message. */
export interface ErrorFacts {
  code?: string | null;
  param?: string | null;
  headers?: Record<string, string>;
}

const TYPES: Partial<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  429: "rate_limit_error",
};

/** The answer as a body that comes in pieces, slow, broken or cut off as the step says. */
export async function answerResponse(options: AnswerOptions): Promise<Response> {
  const { asked, step, clock, signal } = options;
  const firstByteMs = step.slow?.first_byte_ms ?? 0;
  if (firstByteMs > 0) await clock.sleep(firstByteMs, signal);
  if (step.cut === 0) throw connectionCut();
  const headers = asked.streams ? STREAM_HEADERS : JSON_HEADERS;
  if (!asked.streams && step.cut === undefined) return new Response(bodyOf(options), { headers });
  const parts = asked.streams ? streamed(options) : halved(options);
  // Each part is made when the one before has been read: what is cut off afterwards takes nothing of it back.
  return new Response(ReadableStream.from(bytesOf(parts)), { headers });
}

/** How a client of HTTP sees a connection that was dropped. */
export function connectionCut(): TypeError {
  const cause = Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" });
  return new TypeError("terminated", { cause });
}

function bodyOf({ wire, asked, reply, step }: AnswerOptions): string {
  const text = JSON.stringify(wire.whole(reply, asked));
  return step.malformed === "body" ? text.slice(0, Math.ceil(text.length / 2)) : text;
}

async function* bytesOf(parts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for await (const part of parts) yield encoder.encode(part);
}

async function* halved(options: AnswerOptions): AsyncGenerator<string> {
  const text = bodyOf(options);
  yield text.slice(0, Math.ceil(text.length / 2));
  throw connectionCut();
}

async function* streamed({ wire, asked, reply, step, clock, signal }: AnswerOptions): AsyncGenerator<string> {
  const pieces = step.cut === true ? 1 : (step.cut ?? Number.POSITIVE_INFINITY);
  const betweenMs = step.slow?.between_ms ?? 0;
  let sent = 0;
  for (const event of wire.events(reply, asked)) {
    // A stream that has ended before is cut where it ends, before it says that it does.
    if (event.isPiece ? sent === pieces : isLast(event) && pieces < Number.POSITIVE_INFINITY) throw connectionCut();
    if (event.isPiece && sent > 0 && betweenMs > 0) await clock.sleep(betweenMs, signal);
    if (event.isPiece) sent += 1;
    if (event.isPiece && step.malformed === "body") {
      yield event.text.slice(0, Math.ceil(event.text.length / 2)).trimEnd();
      yield "\n\n";
    } else {
      yield event.text;
    }
  }
}

const isLast = ({ text }: WireEvent) => text.startsWith("data: [DONE]") || text.startsWith("event: response.completed");
