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
const RESTART_MS = 500;

// The compiled package has .js files where the sources have .ts.
const THREAD = new URL(
  import.meta.url.endsWith(".ts") ? "./heartbeat-thread.ts" : "./heartbeat-thread.js",
  import.meta.url,
);

/** Starts the thread that renews the leases, and starts it again when it dies; `onBeat` hears of every round. */
export function startHeartbeat(
  data: HeartbeatData,
  onBeat: (message: HeartbeatMessage) => void,
  onError: (error: Error) => void,
  file = THREAD,
): Heartbeat {
  let isStopping = false;
  let restart: NodeJS.Timeout | undefined;
  let thread: Worker;
  let ended: Promise<void>;
  const start = () => {
    thread = new Worker(file, { workerData: data });
    thread.on("message", onBeat);
    thread.on("error", onError);
    ended = new Promise((resolve) => {
      thread.once("exit", () => {
        if (!isStopping) restart = setTimeout(start, RESTART_MS);
        resolve();
      });
    });
  };
  start();
  const turn = setInterval(() => thread.postMessage("turn"), TURN_MS);
  turn.unref();
  return {
    async stop() {
      isStopping = true;
      clearTimeout(restart);
      clearInterval(turn);
      thread.postMessage("stop");
      const patience = setTimeout(() => void thread.terminate(), data.leaseMs);
      await ended;
      clearTimeout(patience);
    },
  };
}
