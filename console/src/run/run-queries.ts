import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { ApiError, get } from "../data/api.ts";
import { type Effect, isMoving, isOver, type RunDetail } from "./model.ts";

// A run that waits for a person is looked at now and then; one that moves is told of by its stream.
const LOOK_AGAIN_MS = 5_000;
const NUDGE_MS = 250;

/** The process of a run. */
export function useRun(run_id: string) {
  return useQuery({
    queryKey: ["run", run_id],
    queryFn: ({ signal }) => get<RunDetail>(`/runs/${encodeURIComponent(run_id)}`, signal),
    refetchInterval: ({ state }) => {
      const isGone = state.error instanceof ApiError && state.error.status === 404;
      return isGone || (state.data !== undefined && isOver(state.data.status)) ? false : LOOK_AGAIN_MS;
    },
  });
}

/** What a process did outside. */
export function useEffects(run_id: string, isLive: boolean) {
  return useQuery({
    queryKey: ["run", run_id, "effects"],
    queryFn: ({ signal }) => get<Effect[]>(`/runs/${encodeURIComponent(run_id)}/effects`, signal),
    refetchInterval: isLive ? LOOK_AGAIN_MS : false,
  });
}

/** Whether the stream of a run is open. */
export type LiveState = "off" | "connecting" | "live" | "again";

const MODES = ["values", "updates", "messages-tuple", "custom", "tasks", "checkpoints", "debug", "events"];
const SHOWN = new URLSearchParams(MODES.map((mode) => ["stream_mode", mode]));
const EVENTS = ["metadata", "messages", ...MODES];

/** What is known of a run while it moves. */
export interface Live {
  state: LiveState;
  /** The nodes that execute now, as far as the stream tells. */
  active: ReadonlySet<string>;
}

/**
 * Follows the stream of the newest run of a process while it moves. An event says that there is something new, and the
 * server is asked what: so a page that was cut off is right again as soon as it is connected.
 */
export function useLive({ run_id, last_run_id, thread_id, status }: RunDetail): Live {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>("off");
  const tasks = useRef(new Map<string, string>());
  const [active, setActive] = useState<ReadonlySet<string>>(new Set());
  const moves = isMoving(status);
  useEffect(() => {
    if (!moves) return;
    tasks.current.clear();
    setActive(new Set());
    setState("connecting");
    const source = new EventSource(`/threads/${thread_id}/runs/${last_run_id}/stream?${SHOWN}`);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      timer = undefined;
      void client.invalidateQueries({ queryKey: ["run", run_id] });
      void client.invalidateQueries({ queryKey: ["thread", thread_id] });
    };
    const nudge = () => {
      timer ??= setTimeout(look, NUDGE_MS);
    };
    const onTask = (event: MessageEvent<string>) => {
      note(tasks.current, event.data);
      setActive(new Set(tasks.current.values()));
    };
    source.onopen = () => setState("live");
    // The browser connects again by itself, behind the last event it has.
    source.onerror = (event) => {
      // The same name is given to what went wrong in the run.
      if (event instanceof MessageEvent) nudge();
      else setState("again");
    };
    for (const name of EVENTS) source.addEventListener(name, nudge);
    source.addEventListener("tasks", onTask);
    source.addEventListener("end", () => {
      source.close();
      setState("off");
      nudge();
    });
    return () => {
      source.close();
      if (timer !== undefined) {
        clearTimeout(timer);
        look();
      }
    };
  }, [client, moves, run_id, last_run_id, thread_id]);
  return { state: moves ? state : "off", active: moves ? active : EMPTY };
}

const EMPTY: ReadonlySet<string> = new Set();

/** A task is told of when it begins, with its input, and when it ends, with its result. */
function note(tasks: Map<string, string>, text: string): void {
  try {
    const task = JSON.parse(text) as { id?: unknown; name?: unknown; input?: unknown };
    if (typeof task.id !== "string" || typeof task.name !== "string") return;
    if ("input" in task) tasks.set(task.id, task.name);
    else tasks.delete(task.id);
  } catch {
    // What cannot be read says nothing about tasks.
  }
}
