import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Where the answers of a reader break off. */
export interface Break {
  /** Behind this many events; what announces the run is the first. */
  events: number;
  /** In the middle of the next one. */
  isInside: boolean;
}

/** What stands between readers of streams and servers, and cuts them off. */
export interface EventProxy {
  url: string;
  /** The servers that are asked, by turns. */
  targets: string[];
  /** Holds back what comes behind the break in the reader's next answer, until it is cut. */
  breakAt(reader: string, at: Break): void;
  /** Cuts what the reader is being sent. */
  cut(reader: string): void;
  /** What the reader's requests named as the last event it has, one for each request. */
  asked(reader: string): (string | undefined)[];
  close(): Promise<void>;
}

/** The header by which a reader says who it is. */
export const READER = "x-reader";

/** Puts a proxy before servers. */
export async function openEventProxy(...targets: string[]): Promise<EventProxy> {
  const breaks = new Map<string, Break>();
  const open = new Map<string, ServerResponse>();
  const asked = new Map<string, (string | undefined)[]>();
  let turn = 0;
  const server = createServer((incoming, outgoing) => {
    const reader = String(incoming.headers[READER]);
    const lastEventId = incoming.headers["last-event-id"];
    asked.set(reader, [...(asked.get(reader) ?? []), lastEventId === undefined ? undefined : String(lastEventId)]);
    const at = breaks.get(reader);
    breaks.delete(reader);
    open.set(reader, outgoing);
    turn += 1;
    pass(incoming, outgoing, proxy.targets[turn % proxy.targets.length] as string, at);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: EventProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    targets,
    breakAt: (reader, at) => void breaks.set(reader, at),
    cut: (reader) => void open.get(reader)?.socket?.resetAndDestroy(),
    asked: (reader) => asked.get(reader) ?? [],
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}

function pass(incoming: IncomingMessage, outgoing: ServerResponse, target: string, at: Break | undefined): void {
  const { method, headers, url = "/" } = incoming;
  const far = request(new URL(url, target), { method: method ?? "GET", headers: { ...headers, connection: "close" } });
  outgoing.on("close", () => far.destroy());
  far.on("error", () => outgoing.socket?.resetAndDestroy());
  far.on("response", (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    const until = at === undefined ? (chunk: Buffer) => chunk : holdingBackFrom(at);
    response.on("data", (chunk: Buffer) => outgoing.write(until(chunk)));
    response.on("error", () => outgoing.socket?.resetAndDestroy());
    // What is held back is not at its end.
    response.on("end", () => at === undefined && outgoing.end());
  });
  incoming.pipe(far);
}

/** Lets pass what comes before the break. */
function holdingBackFrom({ events, isInside }: Break): (chunk: Buffer) => Buffer {
  let sent = 0;
  let text = "";
  return (chunk) => {
    // Byte for byte: a chunk may end inside a character.
    text += chunk.toString("latin1");
    let end = 0;
    for (let event = 0; event < events; event += 1) {
      const close = text.indexOf("\n\n", end);
      if (close === -1) return take(text.length);
      end = close + 2;
    }
    const next = text.indexOf("\n\n", end);
    if (isInside) end = next === -1 ? end : end + Math.ceil((next - end) / 2);
    return take(end);
  };

  function take(end: number): Buffer {
    const piece = text.slice(sent, Math.max(sent, end));
    sent = Math.max(sent, end);
    return Buffer.from(piece, "latin1");
  }
}
