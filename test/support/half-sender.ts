import { createInterface } from "node:readline";
import type pg from "pg";
import { createWriteBatcher } from "../../src/postgres/batch.ts";
import { createSaver } from "../../src/postgres/checkpointer/saver.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { checkpointOf, METADATA } from "../checkpointer/support.ts";

// A process that is stopped (SIGSTOP) in the middle of sending a batch, after so many messages of it. It tells how
// each write of the batch ended once it goes on, and then tries each of them again.
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const [, , url, leases = "[]"] = process.argv;
if (url === undefined) throw new Error("usage: half-sender.ts <url> <leases and thread ids as JSON>");

/** Locks, the verdict on the leases, and the first two inserts: Bind and Execute for each. */
const MESSAGES = 2 * 4;

interface Stream {
  write(data: Uint8Array, done?: () => void): boolean;
}

let isArmed = false;
const pool = openPool({ connectionString: url, max: 1 });
pool.on("connect", (client) => stopInTheMiddle((client as unknown as { connection: { stream: Stream } }).connection));

/** The rest is held back until the process goes on, as the kernel holds back what a stopped process has not written. */
function stopInTheMiddle({ stream }: { stream: Stream }): void {
  const write = stream.write.bind(stream);
  stream.write = (data, done) => {
    if (!isArmed) return write(data, done);
    isArmed = false;
    const half = endOf(data, MESSAGES);
    return write(data.subarray(0, half), () => {
      process.kill(process.pid, "SIGSTOP");
      setImmediate(() => write(data.subarray(half)));
    });
  };
}

/** Where the n-th message ends: each is a letter, its length without the letter in four bytes, and what it says. */
function endOf(data: Uint8Array, messages: number): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let end = 0;
  for (let message = 0; message < messages; message += 1) end += 1 + view.getUint32(end + 1);
  return end;
}

const saver = createSaver({ pool: pool as pg.Pool, batcher: createWriteBatcher(pool as pg.Pool) });
const savers = (JSON.parse(leases) as ({ thread_id: string; lease_epoch: number; run_id: string } | string)[]).map(
  (lease) =>
    typeof lease === "string"
      ? { thread_id: lease, saver }
      : { thread_id: lease.thread_id, saver: saver.withLease(lease) },
);
const putAll = async () => {
  const puts = savers.map(({ thread_id, saver }) => {
    const { checkpoint, versions } = checkpointOf({ x: 1 });
    return saver.put({ configurable: { thread_id } }, checkpoint, METADATA, versions);
  });
  return (await Promise.allSettled(puts)).map((put) =>
    put.status === "fulfilled" ? "stored" : { code: put.reason.code, retryable: put.reason.retryable },
  );
};

say({ event: "warm", results: await putAll() });
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "send half") isArmed = true;
  say({ event: line, results: await putAll() });
}
await pool.end();
