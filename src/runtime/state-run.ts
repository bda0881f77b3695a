import { Command } from "@langchain/langgraph";
import { libraryMethods } from "../graphs/compiled.ts";
import type { CompiledGraph, LoadedGraph } from "../graphs/graph-set.ts";
import { wireJson } from "../graphs/wire-json.ts";
import { reviewRequest } from "../policy/review/open.ts";
import { copyThread } from "../postgres/copy-thread.ts";
import type { Lease } from "../postgres/fence.ts";
import { unansweredBreakpoint } from "../postgres/reviews.sql.ts";
import type { RunRow } from "../postgres/runs.sql.ts";
import type { RunKwargs } from "../protocol/run.ts";
import type { Superstep } from "../protocol/thread.ts";
import { readHead } from "./head.ts";
import { shapeToCome } from "./redeploy.ts";
import { runnableConfig } from "./run-config.ts";
import type { RunnerParts } from "./runner.ts";

/**
 * True for the command by which Agent Chat UI closes a thread: go to the end and nothing else. To LangGraph it says nothing
 * while a node waits for an answer; the node would ask again.
 */
export function closesThread({ kind }: RunRow, { command }: RunKwargs): boolean {
  if (kind !== "run" || command == null || command.update != null) return false;
  const targets = Array.isArray(command.goto) ? command.goto : [command.goto];
  return targets.length > 0 && targets.every((target) => target === "__end__");
}

/** Edits a thread's state, as any node. */
export async function updateState(
  graph: CompiledGraph,
  run: RunRow,
  kwargs: RunKwargs,
  graph_fingerprint: string,
): Promise<void> {
  const config = runnableConfig(run, kwargs, graph_fingerprint);
  if (kwargs.supersteps !== undefined) return await takeSupersteps(graph, config, kwargs.supersteps);
  const { values, as_node, checkpoint_id, checkpoint_ns } = kwargs.update ?? { values: null };
  const configurable = {
    ...config.configurable,
    ...(checkpoint_id == null ? {} : { checkpoint_id }),
    ...(checkpoint_ns == null ? {} : { checkpoint_ns }),
  };
  const asked = run.kind === "state_update" ? graph : libraryMethods(graph);
  await asked.updateState({ ...config, configurable }, values as never, as_node ?? undefined);
}

/** Gives a new thread a history: each superstep is a checkpoint, and those that an earlier attempt has made are there. */
async function takeSupersteps(
  graph: CompiledGraph,
  config: ReturnType<typeof runnableConfig>,
  supersteps: readonly Superstep[],
): Promise<void> {
  let made = 0;
  for await (const _state of libraryMethods(graph).getStateHistory(config)) made += 1;
  const steps = supersteps.slice(made).map(({ updates }) => ({
    updates: updates.map(({ values, command, as_node }) => ({
      values: command == null ? (values ?? null) : asCommand(command),
      ...(as_node == null ? {} : { asNode: as_node }),
    })),
  }));
  if (steps.length > 0) await graph.bulkUpdateState(config, steps);
}

function asCommand({ update, goto }: NonNullable<Superstep["updates"][number]["command"]>): Command {
  return new Command({
    ...(update == null ? {} : { update: update as Record<string, unknown> }),
    ...(goto == null ? {} : { goto }),
  });
}

/**
 * Copies a thread. Answers that were given do not go along, so the copy asks its own questions: those that stand are
 * opened here as reviews of the copy, and where an answer was left out the copy runs up to its question again.
 */
export async function copyTo(
  parts: RunnerParts,
  execution: { run: RunRow; lease: Lease; graph: CompiledGraph; loaded: LoadedGraph },
  target: string,
): Promise<void> {
  const { run, lease, loaded } = execution;
  await copyThread(parts.database, lease, run, target, async () => {
    const config = runnableConfig({ ...run, thread_id: target }, {}, loaded.fingerprint);
    const graph = await loaded.build(config, { accessContext: "threads.update" });
    graph.checkpointer = parts.saver;
    const { tenant_id, graph_id } = run;
    const { database, saver } = parts;
    const head = await readHead(graph, { tenant_id, graph_id, thread_id: target, database, saver });
    const { checkpoint_id } = head;
    // Also one whose time is over: nobody has let the thread go on from there, and nobody else would be asked.
    const atBreakpoint = await database.maybeOne(unansweredBreakpoint(tenant_id, run.thread_id, null));
    const pauses = atBreakpoint === undefined ? head.questions : head.breakpoints;
    const context = {
      graph_id,
      graph_fingerprint: loaded.fingerprint,
      guarded: loaded.guarded,
      checkpoint_id: checkpoint_id ?? "",
      values: head.values,
      policyOf: parts.policyOf,
    };
    const questions = pauses.map((pause) => reviewRequest(pause, context));
    return {
      questions,
      unfinished: [...head.next_tasks].filter((task_id) => !head.finished_tasks.has(task_id)),
      interrupts: wireJson(head.interrupts),
      context: {
        graph_fingerprint: loaded.fingerprint,
        graph_shape: shapeToCome(graph, loaded, head, questions),
        guarded: loaded.guarded,
        checkpoint_id,
        forked_from: run.thread_id,
      },
    };
  });
}
