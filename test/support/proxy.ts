import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What stands between a client and Postgres, and can stop passing things on without closing anything. */
export interface HoldingProxy {
  /** The same database by way of the proxy. */
  url: string;
  /** Connections taken since it started. */
  taken(): number;
  /** Passes nothing on any more, in either direction: of the connections there are, or of new ones too. */
  hold(which: "open" | "all"): void;
  /** New connections work again; what was held stays held, as after a firewall has forgotten it. */
  heal(): void;
  close(): Promise<void>;
}

/** Puts a proxy before the database of this address, which is reached by a socket file. */
export async function openProxy(url: string): Promise<HoldingProxy> {
  const folder = new URL(url).searchParams.get("host");
  const pairs = new Set<readonly [Socket, Socket]>();
  let taken = 0;
  let isHeld = false;
  const pause = (pair: readonly [Socket, Socket]) => {
    for (const socket of pair) {
      socket.removeAllListeners("data");
      socket.pause();
    }
  };
  const server = createServer((near) => {
    taken += 1;
    const far = connect(`${folder}/.s.PGSQL.5432`);
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on("data", (chunk) => to.write(chunk));
      from.on("error", () => {});
      from.on("close", () => to.destroy());
    }
    if (isHeld) pause(pair);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = new URL(url);
  address.hostname = "127.0.0.1";
  address.searchParams.delete("host");
  address.searchParams.set("port", String((server.address() as AddressInfo).port));
  return {
    url: address.href,
    taken: () => taken,
    hold(which) {
      isHeld = which === "all";
      for (const pair of pairs) pause(pair);
    },
    heal() {
      isHeld = false;
    },
    async close() {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
