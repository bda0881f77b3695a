import { libraryMethods } from "../graphs/compiled.ts";
import type { CompiledGraph } from "../graphs/graph-set.ts";
import { isOpen } from "../policy/review/lifecycle.ts";
import { unansweredBreakpoint } from "../postgres/reviews.sql.ts";
import type { RunRow } from "../postgres/runs.sql.ts";
import type { RunKwargs } from "../protocol/run.ts";
import type { Head, HeadSource } from "./head.ts";

type Names = "*" | readonly string[];

/** True when the graph itself stops somewhere without asking anything. */
export function hasBreakpoints(graph: CompiledGraph): boolean {
  return (graph.interruptBefore ?? []).length > 0 || (graph.interruptAfter ?? []).length > 0;
}

/**
 * True when a run that is begun again stands where its earlier attempt reached a static breakpoint. LangGraph keeps no
 * trace of it: what comes next and what was done last are compared with the names, as LangGraph itself does.
 */
export async function standsAtBreakpoint(graph: CompiledGraph, head: Head, kwargs: RunKwargs): Promise<boolean> {
  const before = (kwargs.interrupt_before ?? graph.interruptBefore ?? []) as Names;
  const after = (kwargs.interrupt_after ?? graph.interruptAfter ?? []) as Names;
  if (head.breakpoints.length === 0) return false;
  if (anyOf(head.next, before)) return true;
  if (after.length === 0 || head.parent === undefined) return false;
  const { tasks } = await libraryMethods(graph).getState(head.parent);
  return anyOf(
    tasks.map(({ name }) => name),
    after,
  );
}

function anyOf(nodes: readonly string[], names: Names): boolean {
  return names === "*" ? nodes.length > 0 : nodes.some((node) => names.includes(node));
}

/**
 * Why a run without new input must not go on from a static breakpoint that it came to in the queue: to go on from one is to
 * approve it, and whoever queued the run was not asked. Null: it may. Who comes when the question is open is asked as a
 * decider, and who comes when its time was over was asked whether they may decide.
 */
export async function askedMeanwhile(
  run: Pick<RunRow, "kind" | "created_at">,
  { input, command, checkpoint }: RunKwargs,
  { database, tenant_id, thread_id }: HeadSource,
): Promise<string | null> {
  if (run.kind !== "run" || (input != null && command == null)) return null;
  const asked = await database.maybeOne(unansweredBreakpoint(tenant_id, thread_id, checkpoint?.checkpoint_id ?? null));
  if (asked === undefined || asked.status === "stale") return null;
  // A jump takes the question back, with a reason, when its turn comes.
  if (command != null && asked.status === "superseded") return null;
  if (!isOpen(asked.status) && asked.closed_at !== null && asked.closed_at <= run.created_at) return null;
  return `the thread has come to a breakpoint since this run was queued, and nobody has let it go on (review ${asked.id} is ${asked.status}): decide the review, or start the run again as somebody who may`;
}
