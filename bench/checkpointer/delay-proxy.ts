import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { ProxyWork } from "./delay-proxy-thread.ts";

/** A TCP port in front of Postgres that delays what passes and counts round trips. */
export interface DelayProxy {
  readonly port: number;
  /** Round trips that all its clients have asked for so far. */
  trips(): number;
  stop(): Promise<void>;
}

/** Starts a proxy in a thread of its own, so that it takes no time from the program that is measured. */
export async function startProxy(upstream: string, roundTripMs: number): Promise<DelayProxy> {
  const trips = new Int32Array(new SharedArrayBuffer(4));
  const workerData: ProxyWork = { upstream, delayMs: roundTripMs / 2, trips };
  const worker = new Worker(new URL("./delay-proxy-thread.ts", import.meta.url), { workerData });
  const [port] = (await once(worker, "message")) as [number];
  return {
    port,
    trips: () => Atomics.load(trips, 0),
    stop: async () => void (await worker.terminate()),
  };
}
