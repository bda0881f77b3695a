import { Command, Send } from "@langchain/langgraph";
import type { CompiledGraph, LoadedGraph } from "../graphs/graph-set.ts";
import { applyDecisions, type DecidedReview } from "../policy/review/apply.ts";
import { beginApply } from "../postgres/apply.ts";
import type { FencedSaver } from "../postgres/checkpointer/fenced-saver.ts";
import type { Lease } from "../postgres/fence.ts";
import { type RunRow, selectLastCheckpointOfRun } from "../postgres/runs.sql.ts";
import type { RunKwargs } from "../protocol/run.ts";
import { askedMeanwhile, standsAtBreakpoint } from "./breakpoints.ts";
import { answersRead, type HeadSource, readHead } from "./head.ts";
import { leftByOtherCode, refusalUnderOtherCode, wayBack } from "./redeploy.ts";
import { updateState } from "./state-run.ts";

/** How an execution begins. */
export type Beginning =
  /** Send this into the graph; `fromHead` when it goes on from the head whatever checkpoint was asked for. */
  | { kind: "send"; input: unknown; fromHead: boolean }
  /** Everything has happened already but the end of the run. */
  | { kind: "settled" }
  /** What was decided cannot be applied any more. */
  | { kind: "stale"; reason: string };

/** What choosing needs to know. */
export interface BeginScene {
  run: RunRow;
  kwargs: RunKwargs;
  lease: Lease;
  loaded: LoadedGraph;
  graph: CompiledGraph;
  source: HeadSource;
  saver: Pick<FencedSaver, "flush">;
}

/**
 * T-start and T-apply: chooses what to send, so that no attempt repeats what an earlier one has committed.
 * The first attempt sends the input. A later one goes on from the checkpoint that an earlier one left, if there is one.
 */
export async function beginRun(scene: BeginScene): Promise<Beginning> {
  const { run, kwargs, source } = scene;
  if (run.attempt > 1) {
    const left = await source.database.maybeOne(selectLastCheckpointOfRun(run.tenant_id, run.thread_id, run.run_id));
    if (left !== undefined) return await goOn(scene);
  }
  if (run.group_id !== null) return await beginResume(scene);
  if (kwargs.reask !== undefined) return await goBack(scene, kwargs.reask);
  const waits = await askedMeanwhile(run, kwargs, source);
  if (waits !== null) return { kind: "stale", reason: waits };
  const input = inputOf(kwargs);
  if (input === null && run.kind === "run") {
    const reason = await leftByOtherCode(scene, kwargs.checkpoint?.checkpoint_id ?? undefined);
    if (reason !== null) return { kind: "stale", reason };
  }
  return { kind: "send", input, fromHead: false };
}

/**
 * Takes the step of a question again without the answers that were given in it: a new checkpoint beside everything that was
 * written at the old one. An attempt that comes after it finds it, as the first checkpoint of its run.
 */
async function goBack(scene: BeginScene, { checkpoint_id, at_breakpoint }: Reask): Promise<Beginning> {
  const { run, kwargs, loaded, graph, saver } = scene;
  if (checkpoint_id !== null) {
    const reason = await wayBack(scene, checkpoint_id);
    if (reason !== null) return { kind: "stale", reason };
    await updateState(graph, run, { ...kwargs, update: { values: null, checkpoint_id } }, loaded.fingerprint);
    await saver.flush();
  }
  return at_breakpoint ? { kind: "settled" } : { kind: "send", input: null, fromHead: true };
}

type Reask = NonNullable<RunKwargs["reask"]>;

async function goOn(scene: BeginScene): Promise<Beginning> {
  const { run, kwargs, lease, loaded, graph, source } = scene;
  if (kwargs.reask?.at_breakpoint) return { kind: "settled" };
  if (run.group_id !== null) await beginApply(source.database, lease, run, loaded.fingerprint);
  // An edit is one checkpoint; making it again would apply it twice.
  if (run.kind === "state_update" && kwargs.supersteps === undefined) return { kind: "settled" };
  if (run.kind === "state_update") return { kind: "send", input: null, fromHead: true };
  const head = await readHead(graph, source);
  const asking = new Set(head.questions.map(({ task_id }) => task_id));
  const waits = asking.size > 0 && asking.size === head.next_tasks.size - head.finished_tasks.size;
  if (head.next_tasks.size === 0 || waits || (await standsAtBreakpoint(graph, head, kwargs)))
    return { kind: "settled" };
  const reason = await leftByOtherCode(scene);
  return reason === null ? { kind: "send", input: null, fromHead: true } : { kind: "stale", reason };
}

async function beginResume({ run, kwargs, lease, loaded, graph, source }: BeginScene): Promise<Beginning> {
  const answered = await beginApply(source.database, lease, run, loaded.fingerprint);
  const head = await readHead(graph, source);
  const isOtherCode = answered.some(({ graph_fingerprint }) => graph_fingerprint !== loaded.fingerprint);
  const moved = isOtherCode ? await refusalUnderOtherCode({ loaded, graph, source }, head) : null;
  if (moved !== null) return { kind: "stale", reason: moved };
  const reviews: DecidedReview[] = [];
  for (const review of answered) reviews.push({ ...review, answers_read: await answersRead(source, review.asking) });
  const application = applyDecisions(reviews, head);
  switch (application.kind) {
    case "stale":
      return application;
    case "continue":
      return { kind: "send", input: null, fromHead: true };
    case "answer":
      return { kind: "send", input: new Command({ ...besides(kwargs), resume: application.resume }), fromHead: true };
  }
}

function inputOf({ input, command }: RunKwargs): unknown {
  return command == null ? (input ?? null) : new Command(besides({ command }));
}

/** What a command says beside its resume. */
function besides({ command }: RunKwargs): { update?: Record<string, unknown>; goto?: (string | Send)[] } {
  const { update, goto } = command ?? {};
  return {
    ...(update == null ? {} : { update: update as Record<string, unknown> }),
    ...(goto == null ? {} : { goto: (Array.isArray(goto) ? goto : [goto]).map(target) }),
  };
}

function target(goto: unknown): string | Send {
  if (typeof goto === "string") return goto;
  const { node, input } = goto as { node: string; input: unknown };
  return new Send(node, input);
}
