import { createConnection, createServer, type Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

/** What the thread is started with. */
export interface ProxyWork {
  upstream: string;
  /** In each direction. */
  delayMs: number;
  /** Its first element counts the round trips that clients have asked for. */
  trips: Int32Array;
}

const { upstream, delayMs, trips } = workerData as ProxyWork;
const LONGEST_NAP_MS = 0.1;
const nap = new Int32Array(new SharedArrayBuffer(4));
const held: { at: number; to: Socket; data: Buffer }[] = [];
let releasing = false;

/** Timers count in whole milliseconds, so the thread naps and looks; first in is first out, the delay being the same. */
function release(): void {
  while (held.length > 0) {
    const first = held[0]!;
    if (first.at > performance.now()) break;
    held.shift();
    first.to.write(first.data);
  }
  releasing = held.length > 0;
  if (!releasing) return;
  Atomics.wait(nap, 0, 0, Math.min(LONGEST_NAP_MS, Math.max(0.01, held[0]!.at - performance.now())));
  setImmediate(release);
}

function pass(to: Socket, data: Buffer): void {
  if (delayMs === 0) {
    to.write(data);
    return;
  }
  held.push({ at: performance.now() + delayMs, to, data });
  if (releasing) return;
  releasing = true;
  setImmediate(release);
}

const SYNC = "S".charCodeAt(0);
const QUERY = "Q".charCodeAt(0);

/** Counts the messages that Postgres answers with ReadyForQuery: each is a round trip somebody waits for. */
function createCounter(): (data: Buffer) => void {
  let left = 0;
  let head = Buffer.alloc(0);
  let started = false;
  return (data) => {
    let at = 0;
    while (at < data.length) {
      if (left > 0) {
        const skipped = Math.min(left, data.length - at);
        left -= skipped;
        at += skipped;
        continue;
      }
      // The first message of a connection has no type; after it each has a type and a length.
      const size = started ? 5 : 4;
      const piece = data.subarray(at, at + size - head.length);
      head = Buffer.concat([head, piece]);
      at += piece.length;
      if (head.length < size) return;
      if (started && (head[0] === SYNC || head[0] === QUERY)) Atomics.add(trips, 0, 1);
      left = head.readInt32BE(size - 4) - 4;
      head = Buffer.alloc(0);
      started = true;
    }
  };
}

const server = createServer({ noDelay: true }, (client) => {
  const postgres = createConnection({ path: upstream });
  const count = createCounter();
  client.on("data", (data: Buffer) => {
    count(data);
    pass(postgres, data);
  });
  postgres.on("data", (data: Buffer) => pass(client, data));
  for (const [one, other] of [
    [client, postgres],
    [postgres, client],
  ] as const) {
    one.on("error", () => other.destroy());
    one.on("close", () => other.destroy());
  }
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) parentPort!.postMessage(address.port);
});
