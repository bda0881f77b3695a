import type { CompiledGraph, LoadedGraph } from "../graphs/graph-set.ts";
import type { FencedSaver } from "../postgres/checkpointer/fenced-saver.ts";
import type { ClaimedRun } from "../postgres/claim.ts";
import type { Lease } from "../postgres/fence.ts";
import type { RunKwargs } from "../protocol/run.ts";
import type { EventWriter } from "./events.ts";
import type { HeadSource } from "./head.ts";
import type { NodeObserver } from "./observer.ts";
import type { RunnerParts } from "./runner.ts";

/** One execution of one claimed run. */
export interface Execution {
  run: ClaimedRun;
  lease: Lease;
  /** Aborted, with a `StopReason`, by whoever stops the run: the worker from outside, the execution itself from inside. */
  controller: AbortController;
}

/** What the pieces of one execution share. */
export interface Setting extends Execution {
  parts: RunnerParts;
  loaded: LoadedGraph;
  kwargs: RunKwargs;
  saver: FencedSaver;
  observer: NodeObserver;
  events: EventWriter;
}

/** The same with the graph that runs. */
export interface Scene extends Setting {
  graph: CompiledGraph;
  source: HeadSource;
}
