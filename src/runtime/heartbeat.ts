import { Worker } from "node:worker_threads";

/** What the heartbeat thread is started with. */
export interface HeartbeatData {
  url: string;
  prepare: boolean;
  leaseMs: number;
  worker: { tenant_id: string; worker_id: string; hostname: string; process_id: number; slots: number };
}

/** What it tells: which leases the database still gives this worker, or why it could not ask. */
export type HeartbeatMessage =
  | { askedAt: number; held: { thread_id: string; lease_epoch: number }[] }
  | { askedAt: number; error: string };

/** A running heartbeat. */
export interface Heartbeat {
  stop(): Promise<void>;
}

const TURN_MS = 1_000;

/** Starts the thread that renews the leases; `onBeat` hears of every round. */
export function startHeartbeat(
  data: HeartbeatData,
  onBeat: (message: HeartbeatMessage) => void,
  onError: (error: Error) => void,
): Heartbeat {
  // The compiled package has .js files where the sources have .ts.
  const file = import.meta.url.endsWith(".ts") ? "./heartbeat-thread.ts" : "./heartbeat-thread.js";
  const thread = new Worker(new URL(file, import.meta.url), { workerData: data });
  thread.on("message", onBeat);
  thread.on("error", onError);
  // From the start: a thread that has died already says so only once.
  const ended = new Promise<void>((resolve) => thread.once("exit", () => resolve()));
  const turn = setInterval(() => thread.postMessage("turn"), TURN_MS);
  turn.unref();
  return {
    async stop() {
      clearInterval(turn);
      thread.postMessage("stop");
      const patience = setTimeout(() => void thread.terminate(), data.leaseMs);
      await ended;
      clearTimeout(patience);
    },
  };
}
