import { isInvalidResume } from "@langchain/langgraph";
import { failpoint } from "../failpoint.ts";
import { giveStore, limitNodes, watchNodes } from "../graphs/compiled.ts";
import type { GraphAccess } from "../graphs/graph-set.ts";
import { wireJson } from "../graphs/wire-json.ts";
import { SYSTEM_CLOCK } from "../kit/clock.ts";
import { type EffectPort, withPorts } from "../kit/ports.ts";
import { withServer } from "../kit/this-server.ts";
import { appendEvents } from "../postgres/events.ts";
import { finishRun } from "../postgres/finish.ts";
import { insertNodeExecution } from "../postgres/node-executions.sql.ts";
import { HoldpointStore } from "../postgres/store/base-store.ts";
import { HoldpointError, isHoldpointError } from "../protocol/errors.ts";
import type { StreamEvent } from "../protocol/events.ts";
import type { RunKwargs } from "../protocol/run.ts";
import { type Beginning, beginRun } from "./begin.ts";
import { hasBreakpoints } from "./breakpoints.ts";
import { callEvents } from "./call-events.ts";
import { shownEvent } from "./checkpoint-event.ts";
import { currentTaskId } from "./current-task.ts";
import { describe } from "./describe-error.ts";
import { createEffectPort } from "./effect-port.ts";
import { type Ended, failed, type Seen, settled } from "./ending.ts";
import { createEventWriter } from "./events.ts";
import { underPolicies } from "./graph-policies.ts";
import { createGuardPorts } from "./guard-ports.ts";
import { createMessageEvents } from "./message-events.ts";
import { noteNodeEnd } from "./node-end.ts";
import { nodeEvents } from "./node-events.ts";
import { createObserver } from "./observer.ts";
import { outsideOf } from "./outside.ts";
import { createQuestionPort } from "./question-port.ts";
import { isAsking } from "./redeploy.ts";
import { refusedAnswer } from "./refused-answer.ts";
import { runnableConfig, shownModes, showsMessages, streamOptions } from "./run-config.ts";
import type { RunnerParts } from "./runner.ts";
import type { Execution, Scene, Setting } from "./scene.ts";
import { closesThread, copyTo, updateState } from "./state-run.ts";
import { asExecution, isLeaseLost, startClock, stopReason, UncaughtException } from "./stopping.ts";

/** Executes a claimed run to its end. Whatever happens in the graph ends the run; only a lost lease or a drain leave it to others. */
export async function executeRun(parts: RunnerParts, execution: Execution): Promise<void> {
  const stopClock = startClock(execution);
  try {
    await asExecution(execution, () => execute(parts, execution));
  } catch (error) {
    if (!isLeaseLost(error)) throw error;
    noticeLoss(parts, execution, error);
  } finally {
    stopClock();
  }
}

async function execute(parts: RunnerParts, execution: Execution): Promise<void> {
  const { run, lease } = execution;
  failpoint("run.claimed");
  const loaded = parts.graphs().graphs.get(run.graph_id);
  if (loaded === undefined) throw new Error(`graph ${run.graph_id} was unloaded while run ${run.run_id} was claimed`);
  const kwargs = underPolicies(JSON.parse(run.kwargs) as RunKwargs, loaded);
  const observer = createObserver(parts.modelPrices);
  const owner = { ...lease, attempt: run.attempt, graph_id: run.graph_id };
  const saver = parts.saver.withLease({
    ...lease,
    writeBehind: kwargs.durability === "async",
    inputIsStored: true,
    besideTask(end) {
      const node = observer.ended(end);
      if (node === undefined) return undefined;
      noteNodeEnd(parts, run, node);
      return insertNodeExecution(owner, node);
    },
  });
  const events = createEventWriter(async (batch) => {
    // Nobody is shown what a crash could take back.
    try {
      await saver.flush();
      await appendEvents(parts.batcher, lease, run.attempt, batch);
    } catch (error) {
      noticeLoss(parts, execution, error);
      throw error;
    }
    parts.metrics.events_stored.inc(batch.length);
    parts.wakeups.wake("events", run.thread_id);
  });
  const setting = { ...execution, parts, loaded, kwargs, saver, observer, events };
  // Whatever the run executes may ask this server, in the name of who started it.
  const server = parts.serverFor?.({ tenant_id: run.tenant_id, run_id: run.run_id, ...kwargs });
  const ended = await (server === undefined ? outcomeOf(setting) : withServer(server, () => outcomeOf(setting)));
  if (ended === "stopped") return;
  const rest = await events.rest();
  failpoint("run.before_finish");
  const context = {
    graph_fingerprint: loaded.fingerprint,
    graph_shape: ended.graph_shape,
    guarded: loaded.guarded,
    checkpoint_id: ended.checkpoint_id,
    forked_from: null,
  };
  const stopped = observer.unfinished((checkpoint_ns) => saver.newest(checkpoint_ns));
  for (const node of stopped) noteNodeEnd(parts, run, node);
  const beside = stopped.map((node) => insertNodeExecution(owner, node));
  const ending = await finishRun(parts.database, lease, run, ended.finish, context, { events: rest, beside });
  failpoint("run.finished");
  parts.metrics.events_stored.inc(rest.length);
  parts.metrics.runs_ended.inc({ status: ending });
  parts.log.info({ ending }, "run ended");
}

/** What a factory is told its graph is for. */
function accessOf({ kind }: Execution["run"], { context }: RunKwargs): GraphAccess {
  const isEdit = kind === "state_update" || kind === "copy";
  return isEdit ? { accessContext: "threads.update" } : { accessContext: "threads.create_run", context };
}

const NO_BREAKPOINTS =
  "this graph is guarded and was compiled with interruptBefore or interruptAfter, which nothing binds to what was shown; ask with review() instead";

async function outcomeOf(setting: Setting): Promise<Ended | "stopped"> {
  const { run, parts, saver } = setting;
  const { tenant_id, thread_id, graph_id } = run;
  let scene: Scene | undefined;
  setting.events.announce({ event: "metadata", data: { run_id: run.run_id, attempt: run.attempt } });
  try {
    const config = runnableConfig(run, setting.kwargs, setting.loaded.fingerprint);
    const graph = await setting.loaded.build(config, accessOf(run, setting.kwargs));
    graph.checkpointer = saver;
    giveStore(graph, new HoldpointStore(parts.database, tenant_id, setting.lease, parts));
    watchNodes(graph, setting.observer.begins);
    if (parts.nodeTimeoutMs != null) limitNodes(graph, parts.nodeTimeoutMs);
    if (setting.loaded.guarded && hasBreakpoints(graph)) throw new HoldpointError("guarded", NO_BREAKPOINTS);
    scene = { ...setting, graph, source: { tenant_id, thread_id, graph_id, database: parts.database, saver } };
    const beginning = await beginRun(scene);
    setting.controller.signal.throwIfAborted();
    if (beginning.kind === "stale") {
      // A run that carries no answer leaves the thread waiting only where a question is open.
      const ending = run.group_id !== null || (await isAsking(scene.source)) ? "stale" : "failed";
      return await failed(setting, scene, ending, { error: "stale", message: beginning.reason });
    }
    return await settled(scene, await perform(scene, beginning));
  } catch (error) {
    return await endedBy(setting, scene, error);
  }
}

/** What an error makes of the run: an end, or nothing where others go on with it. */
async function endedBy(setting: Setting, scene: Scene | undefined, error: unknown): Promise<Ended | "stopped"> {
  const { run, parts, controller } = setting;
  const { timeout_seconds } = run;
  const reason = stopReason(controller, error);
  if (reason === "cancelled") {
    return await failed(setting, scene, "cancelled", { error: "cancelled", message: "the run was cancelled" });
  }
  if (reason === "timed_out") {
    const message = `the run has executed for longer than the ${timeout_seconds} s it was given`;
    return await failed(setting, scene, "timed_out", { error: "timeout", message });
  }
  if (reason === "lease_lost" || reason === "drain") {
    noticeLoss(parts, setting, error);
    return "stopped";
  }
  const thrown = reason instanceof UncaughtException ? reason.cause : error;
  // Nothing that the graph did: the run is given up, and goes on from its last checkpoint when Postgres is back.
  if (isHoldpointError(thrown) && thrown.code === "database_unreachable") throw thrown;
  parts.log.warn({ err: thrown }, "run failed");
  if (run.group_id === null || !isInvalidResume(thrown))
    return await failed(setting, scene, "failed", describe(thrown));
  // The graph refused the answer because it no longer shows what was approved: the question stands, the answer does not.
  const { error: refusal, why } = await refusedAnswer(parts.database, run, thrown);
  return await failed(setting, scene, "stale", refusal, why);
}

/** A refused write finds out before the heartbeat does that the lease is lost; nobody else will tell. */
function noticeLoss(parts: RunnerParts, { controller }: Execution, error: unknown): void {
  if (!isLeaseLost(error) || controller.signal.aborted) return;
  parts.metrics.leases_lost.inc();
  parts.log.warn({ reason: "lease_lost" }, "run stopped");
  controller.abort("lease_lost");
}

const NOTHING_SEEN: Seen = { values: null, endState: null };
const CLOSING = { values: null, as_node: "__end__" };

/** Does what the run is for. */
async function perform(scene: Scene, beginning: Beginning): Promise<Seen> {
  const { run, kwargs } = scene;
  if (beginning.kind !== "send") return NOTHING_SEEN;
  switch (run.kind) {
    case "state_update":
      await updateState(scene.graph, run, kwargs, scene.loaded.fingerprint);
      return NOTHING_SEEN;
    case "copy":
      await copyTo(scene.parts, scene, kwargs.copy_to as string);
      return NOTHING_SEEN;
    case "run":
    case "resume":
      if (!closesThread(run, kwargs)) return await stream(scene, beginning);
      await updateState(scene.graph, run, { ...kwargs, update: CLOSING }, scene.loaded.fingerprint);
      return NOTHING_SEEN;
  }
}

async function stream(scene: Scene, { input, fromHead }: Beginning & { kind: "send" }): Promise<Seen> {
  const { parts, run, lease, loaded, graph, saver, observer, events } = scene;
  const { signal } = scene.controller;
  const kwargs = fromHead ? { ...scene.kwargs, checkpoint: null } : scene.kwargs;
  const showSubgraphs = kwargs.stream_subgraphs === true;
  const told =
    kwargs.stream_mode?.includes("events") === true
      ? { callbacks: [nodeEvents(events.push), callEvents(events.push)] }
      : {};
  const options = { ...streamOptions(run, kwargs, loaded.fingerprint, signal), ...told };
  const { durability } = options;
  const port = createEffectPort({ database: parts.database, lease, signal, saver, observer, durability });
  const effects: EffectPort = {
    perform: (request, execute) =>
      port.perform(request, execute).catch((error: unknown) => {
        // A node that catches it would go on.
        noticeLoss(parts, scene, error);
        throw error;
      }),
  };
  const shown = shownModes(kwargs);
  const messages = showsMessages(kwargs) ? createMessageEvents() : undefined;
  let values: string | null = null;
  let last: { next?: unknown[]; values?: unknown } | undefined;
  const { tenant_id, graph_id, thread_id, run_id } = run;
  const budget = loaded.policies?.budget;
  const ports = {
    effects,
    questions: createQuestionPort(parts.database, lease),
    database: parts.databasePort,
    guards: createGuardPorts(parts.guards, { ...lease, graph_id }),
    run: { tenant_id, graph_id, thread_id, run_id, ...(budget === undefined ? {} : { budget }) },
    clock: SYSTEM_CLOCK,
    may: (permission: string) => parts.mayUse({ tenant_id, run_id, ...scene.kwargs }, permission),
    toolTook: (ms: number) => observer.toolTook(currentTaskId() ?? "", ms),
    ...outsideOf(parts, { tenant_id, graph_id, thread_id, run_id }),
    signal,
  };
  await withPorts(ports, async () => {
    const chunks = await graph.stream(input as never, options as never);
    for await (const chunk of chunks as unknown as AsyncIterable<[string[], string, unknown]>) {
      const [namespace, mode, payload] = chunk;
      if (mode === "checkpoints" && namespace.length === 0) last = payload as typeof last;
      if (namespace.length > 0 && !showSubgraphs) continue;
      if (shown.has(mode)) {
        const text = wireJson(shownEvent(mode, payload));
        if (namespace.length === 0 && mode === "values" && !isInterruptChunk(payload)) values = text;
        const event = streamEvent(namespace, mode, text);
        // A question is shown when it can be answered: with the end of the run, which opens its review.
        if (isInterruptChunk(payload)) events.announce(event);
        else events.push(event);
      }
      // The whole message comes behind the state that it is part of.
      messages?.see(namespace, mode, payload).forEach(events.push);
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
