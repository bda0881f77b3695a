import { HoldpointError } from "../protocol/errors.ts";
import type { RunKind, RunKwargs } from "../protocol/run.ts";

/** What a client asks a guarded graph to do. */
export interface GuardedRequest {
  kind: RunKind;
  kwargs: RunKwargs;
  /** The graph's newest root checkpoint on this thread. */
  head_checkpoint_id: string | null;
  /** How many reviews of the thread wait for a person, or for their answer to be applied. */
  live_reviews: number;
  thread_status: "idle" | "busy" | "interrupted" | "error";
}

/**
 * Refuses every road that would move a guarded graph past a review without its answer (409 `guarded`).
 * Resumes do not come here: they are decisions.
 */
export function refuseSideDoors(request: GuardedRequest): void {
  const door = sideDoor(request);
  if (door === null) return;
  throw new HoldpointError("guarded", `this graph is guarded: ${door}`, { facts: { kind: request.kind } });
}

function sideDoor({ kind, kwargs, head_checkpoint_id, live_reviews, thread_status }: GuardedRequest): string | null {
  if (kind === "state_update") return "its state is changed by its nodes only; start a run or decide the open review";
  if (kind === "copy") {
    if (thread_status === "idle") return null;
    if (thread_status === "interrupted" && live_reviews > 0) return null;
    return `a thread that is ${thread_status} may have an approved step under way, which the copy would take again`;
  }
  const internal = Object.keys(kwargs.config?.configurable ?? {}).find((key) => key.startsWith("__"));
  if (internal !== undefined) return `config.configurable.${internal} is internal`;
  const address = ADDRESS_KEYS.find((key) => hasKey(kwargs.config?.configurable, key));
  if (address !== undefined) return `config.configurable.${address} would take the run to another place`;
  if (hasKey(kwargs.context, "interruptOn") || hasKey(kwargs.config?.configurable, "interruptOn"))
    return "context.interruptOn cannot be set from outside";
  if (kwargs.command?.goto != null) return "command.goto cannot jump over a review";
  if (kwargs.command?.update != null) return "command.update cannot change what a review decided about";
  if (kwargs.interrupt_before != null || kwargs.interrupt_after != null)
    return "breakpoints cannot be set from outside";
  const from = kwargs.checkpoint?.checkpoint_id;
  if (from != null && from !== head_checkpoint_id)
    return "a fork would take an approved step again; start a new thread";
  if (kwargs.checkpoint?.checkpoint_ns) return "a run starts at the root of the graph";
  if (live_reviews > 0) return "it waits for a person: decide the open review, or cancel the run that asks";
  return null;
}

// Where a run stands is the server's to say.
const ADDRESS_KEYS = ["thread_id", "checkpoint_id", "checkpoint_ns", "checkpoint_map"];

function hasKey(value: unknown, key: string): boolean {
  return typeof value === "object" && value !== null && key in value;
}
