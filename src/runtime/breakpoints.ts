import type { CompiledGraph } from "../graphs/graph-set.ts";
import type { RunKwargs } from "../protocol/run.ts";
import type { Head } from "./head.ts";

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
  const { tasks } = await graph.getState(head.parent);
  return anyOf(
    tasks.map(({ name }) => name),
    after,
  );
}

function anyOf(nodes: readonly string[], names: Names): boolean {
  return names === "*" ? nodes.length > 0 : nodes.some((node) => names.includes(node));
}
