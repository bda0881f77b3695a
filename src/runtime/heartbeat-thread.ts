// Renews a worker's leases from a thread of its own, so that a node that blocks the event loop does not lose its run.
import { parentPort, workerData } from "node:worker_threads";
import { renewLeases } from "../postgres/claim.sql.ts";
import { openDatabase } from "../postgres/database.ts";
import { upsertWorker } from "../postgres/runs.sql.ts";
import type { HeartbeatData, HeartbeatMessage } from "./heartbeat.ts";

const data = workerData as HeartbeatData;
const database = openDatabase({ url: data.url, prepare: data.prepare, max: 1 });
const port = parentPort;
if (port === null) throw new Error("heartbeat-thread.ts is started by heartbeat.ts");

// A main thread that has not turned for this long is stuck for good: its leases go to somebody who can use them.
const STUCK_MS = 60_000;
let lastTurn = Date.now();
let stopped = false;
let wake = () => {};
port.on("message", (message: "turn" | "stop") => {
  lastTurn = Date.now();
  if (message === "stop") stopped = true;
  if (stopped) wake();
});
const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    wake = () => {
      // A timer that is left would keep this thread alive, and whoever stops the worker waiting.
      clearTimeout(timer);
      resolve();
    };
  });

// Ends when the main thread says so.
while (!stopped) {
  const askedAt = Date.now();
  if (askedAt - lastTurn < STUCK_MS) {
    try {
      await database.run(upsertWorker(data.worker));
      const held = await database.many(renewLeases(data.worker.worker_id, data.leaseMs));
      port.postMessage({ askedAt, held } satisfies HeartbeatMessage);
    } catch (error) {
      port.postMessage({ askedAt, error: (error as Error).message } satisfies HeartbeatMessage);
    }
  }
  // Told to stop in the middle of a beat, there is nothing to wake from.
  if (!stopped) await pause(data.leaseMs / 3);
}
await database.close();
port.close();
