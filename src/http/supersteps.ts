import type { ThreadRow } from "../postgres/threads.sql.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Superstep } from "../protocol/thread.ts";
import { authorise } from "./authenticate.ts";
import { bypassOf } from "./bypass.ts";
import { invalid } from "./failure.ts";
import { factsOf, graphForRun } from "./find-graph.ts";
import type { Call } from "./route.ts";
import { awaitWrite, queueWrite, RESERVED_NODES } from "./write-thread.ts";

/** Refuses a history that cannot be, before there is a thread for it. Throws `bad_request`, `not_found`, `invalid`, `guarded`. */
export async function refuseSupersteps(
  call: Call,
  { graph_id }: Record<string, unknown>,
  supersteps: readonly Superstep[],
): Promise<void> {
  authorise(call.principal, "threads:write_state");
  if (typeof graph_id !== "string") {
    throw new HoldpointError("bad_request", "supersteps need metadata.graph_id, whose nodes they are said to be of");
  }
  const graph = graphForRun(call, graph_id);
  if (graph.guarded && bypassOf(call) === undefined) {
    throw new HoldpointError("guarded", "this graph is guarded: its state is changed by its nodes only; start a run");
  }
  const facts = await factsOf(call, graph_id);
  const nodes = supersteps.flatMap(({ updates }) => updates.map(({ as_node }) => as_node));
  const unknown = nodes.find((name) => name != null && facts?.nodes.has(name) === false && !RESERVED_NODES.has(name));
  if (unknown == null) return;
  const message = `${JSON.stringify(unknown)} is no node of "${graph_id}"; nodes: ${[...(facts?.nodes ?? [])].join(", ")}`;
  throw invalid([{ pointer: "/supersteps", message }]);
}

/** Gives a new thread its history. A worker writes it, as everything that is a checkpoint. */
export async function takeSupersteps(
  call: Call,
  { thread_id, graph_id }: ThreadRow,
  supersteps: readonly Superstep[],
): Promise<void> {
  const write = { kind: "state_update", kwargs: { supersteps }, bypass: bypassOf(call) } as const;
  await awaitWrite(call, await queueWrite(call, thread_id, graphForRun(call, graph_id as string), write, undefined));
}
