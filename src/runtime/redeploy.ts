import type { CheckpointTuple } from "@langchain/langgraph-checkpoint";
import type { CompiledGraph, LoadedGraph } from "../graphs/graph-set.ts";
import { stateFit } from "../graphs/state-fit.ts";
import { topologyOf } from "../graphs/topology.ts";
import { isOpen } from "../policy/review/lifecycle.ts";
import type { ReviewRequest } from "../policy/review/open.ts";
import { redeployRefusal, shapeFrom } from "../policy/review/redeploy.ts";
import { type AskedUnderRow, askedUnderOtherCode } from "../postgres/graph-shapes.sql.ts";
import { newestReviewsOfThread } from "../postgres/reviews.sql.ts";
import { type GraphShape, parseGraphShape } from "../protocol/graph-shape.ts";
import { answersRead, type Head, type HeadSource } from "./head.ts";

/** What is kept of a graph with the questions that are opened now. */
export function shapeToCome(
  graph: CompiledGraph,
  loaded: LoadedGraph,
  head: Head,
  questions: readonly ReviewRequest[],
): GraphShape {
  // What review() shows is compared when it is answered; for anything else the code has to be the same.
  const needsCode = questions.some(({ flavour }) => flavour !== "review");
  return shapeFrom(topologyOf(graph), head.entered, needsCode ? loaded.code().digest : null);
}

/** An execution that goes on with what other code may have left. */
export interface Redeployed {
  loaded: LoadedGraph;
  graph: CompiledGraph;
  source: HeadSource;
}

/** Why the answers at the head of a thread must not be given to the graph as it is now; null where they fit. */
export async function refusalUnderOtherCode(scene: Redeployed, head: Head): Promise<string | null> {
  const asked = await askedHere(scene, head.checkpoint_id);
  return await firstRefusal(scene, asked, head.stored, head.finished_tasks);
}

// What LangGraph calls the channels by which one node starts the next.
const WAY = /^(?:branch:to:|join:.*:)([^:]+)$/;

/**
 * Why this code must not go on without input from where other code has left the thread: a step that it does not have,
 * which LangGraph takes for the end, or a recorded answer that its first question would be given. Null: it may.
 */
export async function leftByOtherCode(scene: Redeployed, checkpoint_id?: string): Promise<string | null> {
  const { graph, source, loaded } = scene;
  const address = { thread_id: source.thread_id, checkpoint_ns: "", ...(checkpoint_id && { checkpoint_id }) };
  const tuple = await source.saver.getTuple({ configurable: address });
  if (tuple === undefined) return null;
  const lost = lostStep(graph, tuple);
  if (lost !== undefined) {
    return `node "${lost}" comes next and is gone: restore it, or move the thread by a state edit as another node`;
  }
  const { graph_fingerprint } = (tuple.metadata ?? {}) as { graph_fingerprint?: string };
  if (graph_fingerprint === loaded.fingerprint) return null;
  const recorded: AskedUnderRow[] = [];
  for (const row of await askedHere(scene, tuple.checkpoint.id)) {
    if ((await answersRead(source, askingOf(row))) > row.ordinal) recorded.push(row);
  }
  const reason = await firstRefusal(scene, recorded, tuple.checkpoint.channel_values, new Set());
  if (reason === null) return null;
  return `the answer that was recorded does not fit the graph any more: ${reason}. Have it asked again: edit the state without values, then go on`;
}

/** Why a run cannot go back to where a question was asked; null: it can. */
export async function wayBack({ graph, source }: Redeployed, checkpoint_id: string): Promise<string | null> {
  const address = { thread_id: source.thread_id, checkpoint_ns: "", checkpoint_id };
  const tuple = await source.saver.getTuple({ configurable: address });
  if (tuple === undefined) return `checkpoint ${checkpoint_id}, at which it was asked, is gone`;
  const lost = lostStep(graph, tuple);
  return lost === undefined ? null : `node "${lost}" is gone: restore it, and retry the run`;
}

/** True while a person can answer a question of the thread. */
export async function isAsking({ database, tenant_id, thread_id }: HeadSource): Promise<boolean> {
  return (await database.many(newestReviewsOfThread(tenant_id, thread_id))).some(({ status }) => isOpen(status));
}

/** A node that the checkpoint, or what its finished tasks have written, leads to and that the graph does not have. */
function lostStep(graph: CompiledGraph, { checkpoint, pendingWrites = [] }: CheckpointTuple): string | undefined {
  const channels = [...Object.keys(checkpoint.channel_values), ...pendingWrites.map(([, channel]) => channel)];
  const lost = channels.find((channel) => WAY.test(channel) && !Object.hasOwn(graph.channels, channel));
  return lost === undefined ? undefined : WAY.exec(lost)?.[1];
}

async function askedHere({ loaded, source }: Redeployed, checkpoint_id: string | null): Promise<AskedUnderRow[]> {
  const { database, tenant_id, thread_id } = source;
  const asked = await database.many(askedUnderOtherCode(tenant_id, thread_id, loaded.fingerprint));
  return asked.filter((row) => row.checkpoint_id === checkpoint_id);
}

async function firstRefusal(
  { loaded, graph }: Redeployed,
  asked: readonly AskedUnderRow[],
  stored: Readonly<Record<string, unknown>>,
  finished_tasks: ReadonlySet<string>,
): Promise<string | null> {
  if (asked.length === 0) return null;
  const now = {
    fingerprint: loaded.fingerprint,
    topology: topologyOf(graph),
    codeDigest: () => loaded.code().digest,
    state: await stateFit(graph, stored),
  };
  const reasons = asked.map((row) => {
    const finished = finished_tasks.has(row.task_id);
    return redeployRefusal({ ...row, graph_shape: parseGraphShape(row.graph_shape), finished }, now);
  });
  return reasons.find((reason) => reason !== null) ?? null;
}

function askingOf({ asking_ns, asking_checkpoint_id, asking_task_id }: AskedUnderRow) {
  if (asking_ns === null || asking_checkpoint_id === null || asking_task_id === null) return null;
  return { asking_ns, asking_checkpoint_id, asking_task_id };
}
