import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request that a webhook has got. */
export interface Received {
  path: string;
  method: string;
  headers: IncomingHttpHeaders;
  text: string;
  body: Record<string, unknown>;
}

/** Does something with a request, instead of answering 204. */
export type Answer = (response: ServerResponse, received: Received) => void;

/** A server that webhooks are sent to. */
export interface Receiver {
  /** Where one path of it is. */
  url(path: string): string;
  /** What a path has got, in order. */
  at(path: string): Received[];
  /** How a path answers from now on. */
  answer(path: string, answer: Answer): void;
  close(): Promise<void>;
}

/** Starts one on the loopback address. */
export async function openReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const answers = new Map<string, Answer>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const text = Buffer.concat(chunks).toString("utf8");
    const path = request.url ?? "";
    const { method = "", headers } = request;
    const one: Received = { path, method, headers, text, body: text === "" ? {} : JSON.parse(text) };
    received.push(one);
    const answer = answers.get(path) ?? ((res: ServerResponse) => res.writeHead(204).end());
    answer(response, one);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: (path) => `http://127.0.0.1:${port}${path}`,
    at: (path) => received.filter((one) => one.path === path),
    answer: (path, answer) => void answers.set(path, answer),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Verifies a webhook the way a receiver would: by the secret it knows, over the bytes that came. */
export function isSignedWith(secret: string, { headers, text }: Received): boolean {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${text}`;
  const expected = createHmac("sha256", key).update(signed).digest();
  return String(headers["webhook-signature"] ?? "")
    .split(" ")
    .map((entry) => entry.split(","))
    .some(([version, given = ""]) => {
      const bytes = Buffer.from(given, "base64");
      return version === "v1" && bytes.length === expected.length && timingSafeEqual(bytes, expected);
    });
}
