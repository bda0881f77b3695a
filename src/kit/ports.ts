import { AsyncLocalStorage } from "node:async_hooks";
import type pg from "pg";
import { HoldpointError } from "../protocol/errors.ts";
import type { Json } from "../protocol/json.ts";

/** `read` changes nothing; `idempotent` may be repeated until a receipt exists; `once` is never started twice. */
export type EffectKind = "read" | "idempotent" | "once";

/** One call that changes the world outside. `key` is unique within the task that makes it. */
export interface EffectRequest {
  key: string;
  name: string;
  kind: EffectKind;
  args: Json;
  timeoutMs: number;
}

/** What the executing function is given: the id that travels as idempotency key, and when to give up. */
export interface EffectCall {
  effect_id: string;
  signal: AbortSignal;
}

/** Keeps intents and receipts. */
export interface EffectPort {
  /** Returns the recorded receipt if there is one, else writes the intent, executes, and records the receipt. */
  perform(request: EffectRequest, execute: (call: EffectCall) => Promise<Json>): Promise<Json>;
}

/** Gives the pool of a named database, under the login role that belongs to it. */
export type DatabasePort = (name: string) => pg.Pool;

/** What a running graph reaches the world through. */
export interface Ports {
  effects: EffectPort;
  database: DatabasePort;
  /** Aborted when the run is cancelled, timed out or has lost its lease. */
  signal: AbortSignal;
}

const storage = new AsyncLocalStorage<Ports>();

/** Runs `body`, and everything it awaits, with these ports. */
export function withPorts<Result>(ports: Ports, body: () => Result): Result {
  return storage.run(ports, body);
}

/** The ports of the run this code is part of. */
export function currentPorts(): Ports {
  const ports = storage.getStore();
  if (ports !== undefined) return ports;
  throw new HoldpointError(
    "outside_run",
    "effect() and database() work inside a graph that Holdpoint runs; " +
      "to call a graph or a node by itself, wrap the call in withTestPorts() from holdpoint/testing",
  );
}

/** The signal of the surrounding run; undefined where a function is called by itself. */
export function runSignal(): AbortSignal | undefined {
  return storage.getStore()?.signal;
}
