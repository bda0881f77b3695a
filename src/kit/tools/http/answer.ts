import type { IncomingHttpHeaders } from "node:http";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import type { Json } from "../../../protocol/json.ts";
import { plainJson, plainText } from "../../plain-json.ts";

/** What an answer says, or why that cannot be used. */
export type Content = { ok: true; body: Json } | { ok: false; problem: string };

// A server that is asked for plain bytes may send others all the same; however small they are, they unfold no further than asked.
const UNPACK: Readonly<Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify(gunzip),
  "x-gzip": promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/** Content types that are read unless others are named. */
export const READABLE_TYPES = [
  "application/json",
  "application/*+json",
  "text/*",
  "application/xml",
  "application/*+xml",
];

/** Reads an answer's bytes: JSON as a value, everything else that may be read as text. */
export async function readContent(
  bytes: Buffer,
  headers: IncomingHttpHeaders,
  { maxBytes, types }: { maxBytes: number; types: readonly string[] },
): Promise<Content> {
  if (bytes.length === 0) return { ok: true, body: null };
  const stated = headers["content-type"] ?? "";
  const type = contentType(headers);
  if (!types.some((pattern) => isOfType(type, pattern))) {
    return {
      ok: false,
      problem: `it answered with ${type === "" ? "no content type" : type}, which this tool does not read`,
    };
  }
  const unpacked = await unpack(bytes, headers["content-encoding"], maxBytes);
  if (!unpacked.ok) return unpacked;
  const text = decoder(/charset="?([\w.:-]+)/i.exec(stated)?.[1]).decode(unpacked.bytes);
  if (!/[/+]json$/.test(type)) return { ok: true, body: plainText(text) };
  try {
    const body = plainJson(JSON.parse(text) as Json);
    return body === undefined ? { ok: false, problem: "its JSON is nested too deep" } : { ok: true, body };
  } catch {
    return { ok: false, problem: "it says that it answers JSON, and does not" };
  }
}

/** The type of an answer without its parameters. */
export function contentType(headers: IncomingHttpHeaders): string {
  return (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

async function unpack(
  bytes: Buffer,
  encoding: string | undefined,
  maxBytes: number,
): Promise<{ ok: true; bytes: Buffer } | { ok: false; problem: string }> {
  const name = (encoding ?? "identity").trim().toLowerCase();
  if (name === "identity" || name === "") return { ok: true, bytes };
  const unfold = Object.hasOwn(UNPACK, name) ? UNPACK[name] : undefined;
  if (unfold === undefined)
    return { ok: false, problem: `it answered in an encoding that is not read: ${name.slice(0, 40)}` };
  try {
    return { ok: true, bytes: await unfold(bytes, { maxOutputLength: maxBytes }) };
  } catch (error) {
    const isTooMuch = (error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE";
    return { ok: false, problem: isTooMuch ? tooLarge(maxBytes) : `what it answered is no ${name}` };
  }
}

/** What is told of an answer that is longer than what is read. */
export function tooLarge(maxBytes: number): string {
  return `its answer is larger than the ${maxBytes} bytes that are read`;
}

function isOfType(type: string, pattern: string): boolean {
  const [before = "", after] = pattern.toLowerCase().split("*");
  return after === undefined
    ? type === before
    : type.startsWith(before) && type.endsWith(after) && type.length > before.length;
}

function decoder(charset: string | undefined): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(charset ?? "utf-8");
  } catch {
    return new TextDecoder();
  }
}
