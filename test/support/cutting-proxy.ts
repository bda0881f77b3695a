import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What stands between a client and a server, and can lose answers. */
export interface CuttingProxy {
  url: string;
  /** What clients have sent that makes something, one text for each POST, as the bytes came. */
  posts(): string[];
  /** The next answers are lost: the server has begun to give each, and its connection is cut before a byte arrives. */
  cut(answers: number): void;
  close(): Promise<void>;
}

/** Puts a proxy before a server. */
export async function openCuttingProxy(url: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const sent: { text: string }[] = [];
  let toCut = 0;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
    near.on("data", (chunk: Buffer) => {
      const text = chunk.toString("latin1");
      if (text.startsWith("POST ")) sent.push({ text });
      else if (sent.length > 0) (sent.at(-1) as { text: string }).text += text;
      far.write(chunk);
    });
    far.on("data", (chunk) => {
      if (toCut === 0) return near.write(chunk);
      toCut -= 1;
      near.resetAndDestroy();
      return far.destroy();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posts: () => sent.map(({ text }) => text),
    cut(answers) {
      toCut = answers;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
