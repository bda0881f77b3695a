import type { lookup } from "node:dns";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll } from "vitest";
import { type HttpOptions, httpRequest } from "../../src/kit/tools/http/request.ts";
import { type AllowList, parseAllowList } from "../../src/policy/private-address.ts";
import { withTestPorts } from "../../src/testing.ts";

/** A server that counts who connects to it. */
export interface Site {
  /** Without a page. */
  origin: string;
  port: number;
  connections(): number;
  requests: IncomingMessage[];
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
  close(): Promise<void>;
}

async function openSite(address: string, port = 0): Promise<Site> {
  let connections = 0;
  const server: Server = createServer(async (request, response) => {
    site.requests.push(request);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    site.answer(request, response, Buffer.concat(chunks).toString());
  });
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(port, address);
  await once(server, "listening");
  const taken = (server.address() as AddressInfo).port;
  const site: Site = {
    origin: `http://${address}:${taken}`,
    port: taken,
    connections: () => connections,
    requests: [],
    answer: (_request, response) => void response.writeHead(200, { "content-type": "text/plain" }).end("here"),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return site;
}

// The one is allowed by the operator; nobody may ever reach the other.
export let site: Site;
export let inside: Site;

/** Two servers for the tests of a file. */
export function openSites(): void {
  beforeAll(async () => {
    site = await openSite("127.0.0.1");
    inside = await openSite("127.0.0.2", site.port);
  });
  afterAll(async () => {
    await site.close();
    await inside.close();
  });
}

/** A network of which the operator has allowed these. */
export const network = (...entries: string[]) => ({ allow: parseAllowList(entries) as AllowList });
export const OPERATOR = network("127.0.0.1");

interface Asked extends Partial<HttpOptions<"fetch_page">> {
  url: string;
  input?: object;
}

/** Calls a tool that allows the origin of its URL, on the network given. */
export async function ask(
  { url, input, ...options }: Asked,
  at: { allow: AllowList; resolve?: typeof lookup } = OPERATOR,
) {
  const parsed = URL.parse(url);
  const host = parsed === null || parsed.host === "" ? "http://api.example.com" : `${parsed.protocol}//${parsed.host}`;
  const tool = httpRequest({ name: "fetch_page", allow: [host], attempts: 1, ...options });
  return await withTestPorts({ network: at }, () => tool.call({ url, ...input }));
}

/** Lets the site answer so from now on. */
export const answering = (status: number, headers: Record<string, string>, body: string | Buffer = "") => {
  site.answer = (_request, response) => void response.writeHead(status, headers).end(body);
};
/** A call that was refused for where it leads. */
export const refused = { code: "tool_failed", facts: { class: "permission", tool: "fetch_page" } };

/** Answers each question for a name with the next of these lists, and goes on with the last. */
export const resolving = (...answers: string[][]) => {
  let asked = 0;
  return ((_name: string, _options: object, callback: (error: null, found: object[]) => void) => {
    const found = answers[Math.min(asked, answers.length - 1)] ?? [];
    asked += 1;
    callback(
      null,
      found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  }) as unknown as typeof lookup;
};
