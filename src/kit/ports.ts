import { AsyncLocalStorage } from "node:async_hooks";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type pg from "pg";
import type { z } from "zod";
import type { EffectKind } from "../protocol/effect.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Json } from "../protocol/json.ts";
import type { Clock } from "./clock.ts";
import type { Budget, Guards } from "./guards.ts";
import type { OutsidePorts } from "./outside.ts";

/** One call that changes the world outside. `key` is unique within the task that makes it. */
export interface EffectRequest {
  key: string;
  name: string;
  kind: EffectKind;
  args: Json;
  timeoutMs: number;
  /** How long it is held back before it happens, so that somebody can recall it; not at all unless given. */
  holdBackMs?: number;
  /** JSON pointers into the arguments that no record shows. */
  redact?: readonly string[];
  /** What its result has to be, where a person says that it happened. */
  resultSchema?: z.ZodType;
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

/** A question that a task has asked beside the graph's own, and its answer. */
export interface RecordedQuestion {
  value: Json;
  answer: Json;
}

/** Keeps what was asked in the middle of a task, by a position that is the same each time the task is executed. */
export interface QuestionPort {
  /** What was asked and answered at this position so far, in order. */
  recorded(position: string): Promise<readonly RecordedQuestion[]>;
  record(position: string, question: RecordedQuestion): Promise<void>;
}

/**
 * Gives the chat model that stands where the configured provider's would, under all that the kit does about models: time-outs,
 * retries, fallbacks, accounts. Undefined says that no model is configured.
 */
export type ModelPort = (asked: { model?: string }) => BaseChatModel | undefined;

/** What is called in the place of a tool's own function, with its checked arguments. */
export type StandIn = (args: unknown, call: EffectCall) => unknown;

/** Which run this is. */
export interface RunFacts {
  tenant_id: string;
  graph_id: string;
  thread_id: string;
  run_id: string;
  /** What its graph's author lets a run spend. */
  budget?: Budget;
}

/** What a running graph reaches the world through. */
export interface Ports extends OutsidePorts {
  effects: EffectPort;
  questions: QuestionPort;
  database: DatabasePort;
  /** What all processes share about calls to others: breakers, limits, the cache, budgets. */
  guards: Guards;
  run: RunFacts;
  clock: Clock;
  /** In the place of the configured provider: tests bring scripted models. */
  models?: ModelPort;
  /** In the place of what tools do themselves, by the tool's name: tests bring scripted results. */
  standIns?: ReadonlyMap<string, StandIn>;
  /** Whether whoever started the run may use what asks for this permission. */
  may(permission: string): Promise<boolean>;
  /** Hears how long a call of a tool took that is no effect; effects tell it themselves. */
  toolTook?(ms: number): void;
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

/** The same, or undefined where a function is called by itself: for what changes nothing outside. */
export function portsIfAny(): Ports | undefined {
  return storage.getStore();
}

/** The signal of the surrounding run; undefined where a function is called by itself. */
export function runSignal(): AbortSignal | undefined {
  return storage.getStore()?.signal;
}
