import { isInvalidResume } from "@langchain/langgraph";
import { failpoint } from "../failpoint.ts";
import type { CompiledGraph, LoadedGraph } from "../graphs/graph-set.ts";
import { wireJson } from "../graphs/wire-json.ts";
import { withPorts } from "../kit/ports.ts";
import { reviewRequest } from "../policy/review/open.ts";
import type { FencedSaver } from "../postgres/checkpointer/fenced-saver.ts";
import type { ClaimedRun } from "../postgres/claim.ts";
import { appendEvents } from "../postgres/events.ts";
import type { Lease } from "../postgres/fence.ts";
import { type Finish, finishRun } from "../postgres/finish.ts";
import { insertNodeExecution } from "../postgres/node-executions.sql.ts";
import { HoldpointError, isHoldpointError } from "../protocol/errors.ts";
import type { StreamEvent } from "../protocol/events.ts";
import type { RunKwargs } from "../protocol/run.ts";
import { type Beginning, beginRun } from "./begin.ts";
import { hasBreakpoints } from "./breakpoints.ts";
import { createEffectPort } from "./effect-port.ts";
import { createEventWriter, type EventWriter } from "./events.ts";
import { type HeadSource, readHead } from "./head.ts";
import { createObserver, type NodeObserver } from "./observer.ts";
import { runnableConfig, shownModes, streamOptions } from "./run-config.ts";
import type { RunnerParts } from "./runner.ts";
import { copyTo, updateState } from "./state-run.ts";

/** One execution of one claimed run. */
export interface Execution {
  run: ClaimedRun;
  lease: Lease;
  /** Aborted when the run is cancelled, its lease is lost or the worker stops; the reason says which. */
  signal: AbortSignal;
}

/** Why an execution was stopped from outside. */
export type StopReason = "cancelled" | "lease_lost" | "drain";

/** Executes a claimed run to its end. Whatever happens in the graph ends the run; only a lost lease or a drain leave it to others. */
export async function executeRun(parts: RunnerParts, { run, lease, signal }: Execution): Promise<void> {
  failpoint("run.claimed");
  const loaded = parts.graphs().graphs.get(run.graph_id);
  if (loaded === undefined) throw new Error(`graph ${run.graph_id} was unloaded while run ${run.run_id} was claimed`);
  const kwargs = JSON.parse(run.kwargs) as RunKwargs;
  const observer = createObserver(parts.modelPrices);
  const owner = { ...lease, attempt: run.attempt, graph_id: run.graph_id };
  const saver = parts.saver.withLease({
    ...lease,
    writeBehind: kwargs.durability === "async",
    besideTask(end) {
      const node = observer.ended(end);
      return node === undefined ? undefined : insertNodeExecution(owner, node);
    },
  });
  const events = createEventWriter(async (batch) => {
    // Nobody is shown what a crash could take back.
    await saver.flush();
    await appendEvents(parts.batcher, lease, run.attempt, batch);
    parts.metrics.events_stored.inc(batch.length);
    parts.wakeups.wake("events", run.thread_id);
  });
  const ended = await outcomeOf({ parts, run, lease, signal, loaded, kwargs, saver, observer, events });
  if (ended === "stopped") return;
  const rest = await events.rest();
  failpoint("run.before_finish");
  const context = {
    graph_fingerprint: loaded.fingerprint,
    guarded: loaded.guarded,
    checkpoint_id: ended.checkpoint_id,
    dueAfterSeconds: parts.reviewDueHours * 3600,
    forked_from: null,
  };
  const stopped = observer.unfinished((checkpoint_ns) => saver.newest(checkpoint_ns));
  const beside = stopped.map((node) => insertNodeExecution(owner, node));
  await finishRun(parts.database, lease, run, ended.finish, context, { events: rest, beside });
  failpoint("run.finished");
  const { ending } = ended.finish;
  parts.metrics.events_stored.inc(rest.length);
  parts.metrics.runs_ended.inc({ status: ending });
  parts.log.info({ run_id: run.run_id, thread_id: run.thread_id, ending, attempt: run.attempt }, "run ended");
}

/** What the pieces of one execution share. */
interface Setting extends Execution {
  parts: RunnerParts;
  loaded: LoadedGraph;
  kwargs: RunKwargs;
  saver: FencedSaver;
  observer: NodeObserver;
  events: EventWriter;
}

/** The same with the graph that runs. */
interface Scene extends Setting {
  graph: CompiledGraph;
  source: HeadSource;
}

const NO_BREAKPOINTS =
  "this graph is guarded and was compiled with interruptBefore or interruptAfter, which nothing binds to what was shown; ask with review() instead";

interface Ended {
  finish: Finish;
  checkpoint_id: string | null;
}

async function outcomeOf(setting: Setting): Promise<Ended | "stopped"> {
  const { run, parts, saver } = setting;
  const { tenant_id, thread_id, graph_id } = run;
  let scene: Scene | undefined;
  setting.events.announce({ event: "metadata", data: { run_id: run.run_id, attempt: run.attempt } });
  try {
    const graph = await setting.loaded.build(runnableConfig(run, setting.kwargs));
    graph.checkpointer = saver;
    if (setting.loaded.guarded && hasBreakpoints(graph)) throw new HoldpointError("guarded", NO_BREAKPOINTS);
    scene = { ...setting, graph, source: { tenant_id, thread_id, graph_id, database: parts.database, saver } };
    const beginning = await beginRun(scene);
    if (beginning.kind === "stale") {
      return await failed(setting, scene, "stale", { error: "stale", message: beginning.reason });
    }
    return await settled(scene, await perform(scene, beginning));
  } catch (error) {
    const stopped = stopReason(setting.signal, error);
    if (stopped === "cancelled") {
      return await failed(setting, scene, "cancelled", { error: "cancelled", message: "the run was cancelled" });
    }
    if (stopped !== null) {
      // A refused write found it out before the heartbeat did; nobody else will tell.
      if (!setting.signal.aborted) {
        parts.metrics.leases_lost.inc();
        parts.log.warn({ run_id: run.run_id, thread_id, reason: stopped }, "run stopped");
      }
      return "stopped";
    }
    // Nothing that the graph did: the run is given up, and goes on from its last checkpoint when Postgres is back.
    if (isHoldpointError(error) && error.code === "database_unreachable") throw error;
    parts.log.warn({ run_id: run.run_id, thread_id, err: error }, "run failed");
    // The graph refused the answer because it no longer shows what was approved: the question stands, the answer does not.
    const ending = run.group_id !== null && isInvalidResume(error) ? "stale" : "failed";
    return await failed(setting, scene, ending, describe(error));
  }
}

function stopReason(signal: AbortSignal, error: unknown): StopReason | null {
  if (error instanceof HoldpointError && error.code === "lease_lost") return "lease_lost";
  return signal.aborted ? (signal.reason as StopReason) : null;
}

function describe(error: unknown): { error: string; message: string } {
  if (error instanceof HoldpointError) return { error: error.code, message: error.message };
  if (error instanceof Error) return { error: error.name, message: error.message };
  return { error: "Error", message: String(error) };
}

/** What an execution saw go by, as JSON: the last values, and the state after a step that nothing follows. */
interface Seen {
  values: string | null;
  endState: string | null;
}

const NOTHING_SEEN: Seen = { values: null, endState: null };

/** Does what the run is for. */
async function perform(scene: Scene, beginning: Beginning): Promise<Seen> {
  const { run, kwargs } = scene;
  if (beginning.kind !== "send") return NOTHING_SEEN;
  switch (run.kind) {
    case "state_update":
      await updateState(scene.graph, run, kwargs);
      return NOTHING_SEEN;
    case "copy":
      await copyTo(scene.parts, scene, kwargs.copy_to as string);
      return NOTHING_SEEN;
    case "run":
    case "resume":
      return await stream(scene, beginning);
  }
}

async function stream(scene: Scene, { input, fromHead }: Beginning & { kind: "send" }): Promise<Seen> {
  const { parts, run, lease, signal, graph, saver, observer, events } = scene;
  const kwargs = fromHead ? { ...scene.kwargs, checkpoint: null } : scene.kwargs;
  const showSubgraphs = kwargs.stream_subgraphs === true;
  const options = { ...streamOptions(run, kwargs, signal), callbacks: [observer.callbacks] };
  const { durability } = options;
  const effects = createEffectPort({ database: parts.database, lease, signal, saver, observer, durability });
  const shown = shownModes(kwargs);
  let values: string | null = null;
  let last: { next?: unknown[]; values?: unknown } | undefined;
  await withPorts({ effects, database: parts.databasePort, signal }, async () => {
    const chunks = await graph.stream(input as never, options as never);
    for await (const chunk of chunks as unknown as AsyncIterable<[string[], string, unknown]>) {
      const [namespace, mode, payload] = chunk;
      if (mode === "checkpoints" && namespace.length === 0) last = payload as typeof last;
      if (!shown.has(mode)) continue;
      const text = wireJson(payload);
      if (namespace.length === 0 && mode === "values" && !isInterruptChunk(payload)) values = text;
      if (namespace.length > 0 && !showSubgraphs) continue;
      events.push(streamEvent(namespace, mode, text));
    }
  });
  await saver.flush();
  // With durability "exit" what is streamed is not what is stored.
  const isOver = last?.next?.length === 0 && durability !== "exit";
  return { values, endState: isOver ? wireJson(last?.values) : null };
}

function isInterruptChunk(payload: unknown): boolean {
  return typeof payload === "object" && payload !== null && "__interrupt__" in payload;
}

function streamEvent(namespace: readonly string[], mode: string, text: string): StreamEvent {
  return { event: namespace.length === 0 ? mode : `${mode}|${namespace.join("|")}`, data: JSON.parse(text) };
}

/** Reads what the execution left: an end, or questions for a person. */
async function settled(scene: Scene, { values, endState }: Seen): Promise<Ended> {
  const { run, loaded } = scene;
  const group = run.group_id === null ? null : ({ event: "close", reason: null } as const);
  const continued = run.kind === "run" && scene.kwargs.input == null;
  const over = (state: string): Ended => ({
    finish: {
      ending: "finished",
      output: values ?? state,
      error: null,
      values: state,
      interrupts: "{}",
      questions: [],
      group,
      continued,
    },
    checkpoint_id: null,
  });
  if (endState !== null) return over(endState);
  const head = await readHead(scene.graph, scene.source);
  const state = wireJson(head.values);
  if (head.next_tasks.size === 0 || run.kind === "copy") return over(state);
  const context = {
    graph_id: run.graph_id,
    graph_fingerprint: loaded.fingerprint,
    checkpoint_id: head.checkpoint_id as string,
  };
  // An edited state has a next step, but nobody has asked anything yet.
  const pauses = run.kind === "state_update" ? head.questions : [...head.questions, ...head.breakpoints];
  const questions = pauses.map((pause) => reviewRequest(pause, context));
  const unsafe = loaded.guarded ? questions.find(({ flavour }) => flavour !== "review") : undefined;
  if (unsafe !== undefined) {
    const message = `this graph is guarded and node "${unsafe.node}" paused by a plain interrupt() or breakpoint; ask with review(), which binds the answer to what was shown`;
    return await failed(scene, scene, "failed", { error: "guarded", message });
  }
  const asked = head.questions.map(({ interrupt_id: id, value }) => ({ id, value }));
  const output = run.kind === "state_update" ? state : wireJson({ __interrupt__: asked });
  return {
    checkpoint_id: head.checkpoint_id,
    finish: {
      ending: "paused",
      output,
      error: null,
      values: state,
      interrupts: wireJson(head.interrupts),
      questions,
      group,
      continued,
    },
  };
}

/** Ends a run that did not come to its end; the thread keeps the values it has reached. */
async function failed(
  setting: Setting,
  scene: Scene | undefined,
  ending: "stale" | "failed" | "cancelled",
  error: { error: string; message: string },
): Promise<Ended> {
  const event = ending === "stale" ? "go_stale" : "fail_resume";
  const group = setting.run.group_id === null ? null : ({ event, reason: error.message } as const);
  if (ending !== "cancelled") setting.events.push({ event: "error", data: error });
  // What cannot be read must not hide what went wrong.
  const head = scene === undefined ? null : await readHead(scene.graph, scene.source).catch(() => null);
  const values = head === null || head.checkpoint_id === null ? null : wireJson(head.values);
  const interrupts = ending === "stale" && head !== null ? wireJson(head.interrupts) : "{}";
  return {
    finish: { ending, output: null, error, values, interrupts, questions: [], group, continued: false },
    checkpoint_id: null,
  };
}
