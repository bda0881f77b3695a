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

/** A road past a review. */
export interface SideDoor {
  why: string;
  /** True where somebody may open it who is allowed to and says why; the others would break more than a review. */
  opens: boolean;
}

/**
 * Refuses every road that would move a guarded graph past a review without its answer (409 `guarded`), unless it is opened
 * on purpose: then it says which. Resumes do not come here: they are decisions.
 */
export function refuseSideDoors(request: GuardedRequest, isBypassed = false): SideDoor | null {
  const door = sideDoor(request);
  if (door === null || (isBypassed && door.opens)) return door;
  throw new HoldpointError("guarded", `this graph is guarded: ${door.why}`, { facts: { kind: request.kind } });
}

/**
 * The same for what no graph takes from outside, guarded or not: LangChain's middleware for reviews lets the context of a run
 * win over the options that its author has written, so whoever starts a run could switch its questions off.
 */
export function refuseSwitches(kind: RunKind, kwargs: RunKwargs, isBypassed = false): SideDoor | null {
  const door = switches(kwargs);
  if (door === null || isBypassed) return door;
  const message = `${door.why}: it switches off what an agent asks people; leave it out, or hold review:bypass and give a bypass_reason`;
  throw new HoldpointError("guarded", message, { facts: { kind } });
}

const opens = (why: string): SideDoor => ({ why, opens: true });
const closed = (why: string): SideDoor => ({ why, opens: false });

function sideDoor({ kind, kwargs, head_checkpoint_id, live_reviews, thread_status }: GuardedRequest): SideDoor | null {
  if (kind === "state_update") {
    return opens("its state is changed by its nodes only; start a run or decide the open review");
  }
  if (kind === "copy") {
    if (thread_status === "idle") return null;
    if (thread_status === "interrupted" && live_reviews > 0) return null;
    return closed(
      `a thread that is ${thread_status} may have an approved step under way, which the copy would take again`,
    );
  }
  return neverOpen(kwargs) ?? openedOnPurpose(kwargs, head_checkpoint_id, live_reviews);
}

/** What is not about a person's decision, but about where a run stands, and what nothing binds to what was shown. */
function neverOpen(kwargs: RunKwargs): SideDoor | null {
  const internal = Object.keys(kwargs.config?.configurable ?? {}).find((key) => key.startsWith("__"));
  if (internal !== undefined) return closed(`config.configurable.${internal} is internal`);
  const address = ADDRESS_KEYS.find((key) => hasKey(kwargs.config?.configurable, key));
  if (address !== undefined) return closed(`config.configurable.${address} would take the run to another place`);
  if (kwargs.interrupt_before != null || kwargs.interrupt_after != null)
    return closed("breakpoints cannot be set from outside");
  if (kwargs.checkpoint?.checkpoint_ns) return closed("a run starts at the root of the graph");
  return null;
}

function openedOnPurpose(kwargs: RunKwargs, head_checkpoint_id: string | null, live_reviews: number): SideDoor | null {
  const switched = switches(kwargs);
  if (switched !== null) return switched;
  if (kwargs.command?.goto != null) return opens("command.goto cannot jump over a review");
  if (kwargs.command?.update != null) return opens("command.update cannot change what a review decided about");
  const from = kwargs.checkpoint?.checkpoint_id;
  if (from != null && from !== head_checkpoint_id)
    return opens("a fork would take an approved step again; start a new thread");
  if (live_reviews > 0) return opens("it waits for a person: decide the open review, or cancel the run that asks");
  return null;
}

/** The options of LangChain's middleware for reviews that a run would bring along: what is asked about, and with which words. */
function switches({ context, config }: RunKwargs): SideDoor | null {
  for (const [place, value] of Object.entries({ context, "config.configurable": config?.configurable })) {
    const key = MIDDLEWARE_KEYS.find((name) => hasKey(value, name));
    if (key !== undefined) return opens(`${place}.${key} cannot be set from outside`);
  }
  return null;
}

const MIDDLEWARE_KEYS = ["interruptOn", "descriptionPrefix"];

// Where a run stands is the server's to say.
const ADDRESS_KEYS = ["thread_id", "checkpoint_id", "checkpoint_ns", "checkpoint_map"];

function hasKey(value: unknown, key: string): boolean {
  return typeof value === "object" && value !== null && key in value;
}
