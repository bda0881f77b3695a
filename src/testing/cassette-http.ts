import type { IncomingHttpHeaders } from "node:http";
import { type GuardedAnswer, type GuardedRequest, guardedRequest } from "../kit/guarded-request.ts";
import type { NetworkPort } from "../kit/outside.ts";
import { ALLOW_NONE } from "../policy/private-address.ts";
import type { Json, JsonObject } from "../protocol/json.ts";
import { longestFirst, secretsOf, shownUrl, withoutSecrets, withoutTexts } from "./cassette-secrets.ts";
import type { Tape } from "./cassette-tape.ts";

// What a reader of answers goes by. Cookies and the like are none of it.
const HEADERS = ["content-type", "content-encoding", "location", "retry-after", "etag", "last-modified", "link"];

/** A network whose answers are on a tape. */
export function tapedNetwork(tape: Tape, network: NetworkPort | undefined, more: readonly string[]): NetworkPort {
  const real = network?.send ?? guardedRequest;
  return {
    allow: ALLOW_NONE,
    ...network,
    async send(wanted) {
      const secrets = longestFirst([...secretsOf(wanted.headers, wanted.url), ...more]);
      const response = await tape.answer("http", requestOf(wanted, secrets), async () =>
        written(await real(wanted), secrets),
      );
      return readBack(response, wanted.maxBytes);
    },
  };
}

/** Headers are left out: what they ask for follows from the rest, and some of them open doors. */
function requestOf({ method, url, body }: GuardedRequest, secrets: readonly string[]): JsonObject {
  const shown = { method, url: shownUrl(url, secrets) };
  if (body === undefined) return shown;
  const json = asJson(body);
  return { ...shown, body: json === undefined ? withoutTexts(body, secrets) : withoutSecrets(json, secrets) };
}

function written(answer: GuardedAnswer, secrets: readonly string[]): JsonObject {
  if (answer.kind === "failure") {
    const { error, isSent } = answer;
    const { code } = error as { code?: unknown };
    const failed: JsonObject = { name: error.name, message: withoutTexts(error.message, secrets), is_sent: isSent };
    return { failed: typeof code === "string" ? { ...failed, code } : failed };
  }
  const { status, headers, body, missing } = answer;
  const told: JsonObject = { status, headers: headersOf(headers, secrets), ...bodyOf(body, headers, secrets) };
  if (missing === null) return told;
  return { ...told, missing: missing === "too_large" ? missing : withoutTexts(missing.message, secrets) };
}

function headersOf(headers: IncomingHttpHeaders, secrets: readonly string[]): JsonObject {
  return Object.fromEntries(
    HEADERS.flatMap((name) => {
      const value = headers[name];
      if (typeof value !== "string") return [];
      const isAddress = name === "location" && URL.canParse(value);
      return [[name, isAddress ? shownUrl(new URL(value), secrets) : withoutTexts(value, secrets)]];
    }),
  );
}

function bodyOf(body: Buffer, headers: IncomingHttpHeaders, secrets: readonly string[]): JsonObject {
  if (body.length === 0) return {};
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(body);
  // A body that is packed, or in another alphabet, is kept as it is.
  if (headers["content-encoding"] !== undefined || !Buffer.from(text).equals(body)) {
    return { bytes: body.toString("base64") };
  }
  const json = asJson(text);
  return json === undefined ? { text: withoutTexts(text, secrets) } : { json: withoutSecrets(json, secrets) };
}

/** As a value, where nothing of it is lost in that form: a number of many digits would be. */
function asJson(text: string): Json | undefined {
  if (!/^\s*[[{]/.test(text) || /\d{16}/.test(text)) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

interface Written {
  status: number;
  headers: Record<string, string>;
  json?: Json;
  text?: string;
  bytes?: string;
  missing?: string;
  failed?: { name: string; message: string; code?: string; is_sent: boolean };
}

function readBack(response: JsonObject, maxBytes: number): GuardedAnswer {
  const { status, headers, json, text, bytes, missing, failed } = response as unknown as Written;
  if (failed !== undefined) {
    const { name, message, code, is_sent: isSent } = failed;
    return { kind: "failure", error: Object.assign(new Error(message), { name, ...(code && { code }) }), isSent };
  }
  const body =
    bytes === undefined
      ? Buffer.from(json === undefined ? (text ?? "") : JSON.stringify(json))
      : Buffer.from(bytes, "base64");
  const cut = missing === undefined ? null : missing === "too_large" ? missing : new Error(missing);
  const isTooLarge = body.length > maxBytes;
  return { kind: "answer", status, headers, body: body.subarray(0, maxBytes), missing: isTooLarge ? "too_large" : cut };
}
