import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

/** A file that is answered out of memory. */
export interface StoredFile {
  body: Uint8Array<ArrayBuffer>;
  gzipped: Uint8Array<ArrayBuffer>;
  type: string;
  etag: string;
}

/** Makes a file of what it holds. */
export function storeFile(content: string | Uint8Array, type: string): StoredFile {
  const body = Uint8Array.from(Buffer.from(content as Uint8Array));
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  return { body, gzipped: Uint8Array.from(gzipSync(body)), type, etag };
}

/** Answers with a file, or that it has not changed. */
export function answerFile(request: Request, file: StoredFile, headers: Record<string, string>): Response {
  const all = new Headers({
    vary: "Accept-Encoding",
    "content-type": file.type,
    etag: file.etag,
    "x-content-type-options": "nosniff",
    ...headers,
  });
  if (request.headers.get("if-none-match") === file.etag) return new Response(null, { status: 304, headers: all });
  const isZipped = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
  if (isZipped) all.set("content-encoding", "gzip");
  const body = isZipped ? file.gzipped : file.body;
  all.set("content-length", String(body.byteLength));
  return new Response(request.method === "HEAD" ? null : body, { headers: all });
}
