import { Agent, type IncomingMessage, request } from "node:http";

/** A client that costs little, so that what is measured is the server. */
export interface HttpClient {
  /** Sends JSON and gives the JSON of the answer. Throws what a server refuses. */
  post<Body = Record<string, unknown>>(path: string, body: unknown): Promise<Body>;
  /** Sends a request and gives its answer as soon as it begins. */
  open(method: string, path: string, body?: unknown): Promise<IncomingMessage>;
  close(): void;
}

/** Makes a client of one server that keeps its connections. */
export function createHttpClient(url: string): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const open = async (method: string, path: string, body?: unknown) => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const text = body === undefined ? "" : JSON.stringify(body);
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
    const sent = request(url + path, { agent, method, headers: body === undefined ? {} : headers }, resolve);
    sent.on("error", reject);
    sent.end(text);
    return await promise;
  };
  return {
    open,
    async post(path, body) {
      const response = await open("POST", path, body);
      const text = await textOf(response);
      if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${text}`);
      return JSON.parse(text) as never;
    },
    close: () => agent.destroy(),
  };
}

async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += chunk;
  return text;
}
