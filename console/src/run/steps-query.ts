import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { post } from "../data/api.ts";
import type { RunDetail, Snapshot } from "./model.ts";

const PAGE = 20;
const LOOK_AGAIN_MS = 5_000;

interface Place {
  /** Which run of the process, from the newest to the oldest. */
  part: number;
  before: string | null;
}

/** One state with the run that wrote it. */
export type Step = Snapshot & { run_id: string };

/** The states that a process has written, newest first, a page at a time. */
export function useSteps(run: RunDetail, isLive: boolean) {
  const ids = run.parts.map(({ run_id }) => run_id).reverse();
  return useInfiniteQuery({
    queryKey: ["run", run.run_id, "steps", ids.join(" ")],
    initialPageParam: { part: 0, before: null } as Place,
    queryFn: async ({ pageParam: { part, before }, signal }) => {
      const run_id = ids[part] as string;
      const body = { limit: PAGE, metadata: { run_id }, ...(before === null ? {} : { before }) };
      const states = await historyOf(run.thread_id, body, signal);
      return { part, states: states.map((state): Step => ({ ...state, run_id })) };
    },
    getNextPageParam: ({ part, states }): Place | undefined => {
      const last = states.at(-1)?.checkpoint.checkpoint_id;
      if (states.length === PAGE && last != null) return { part, before: last };
      return part + 1 < ids.length ? { part: part + 1, before: null } : undefined;
    },
    refetchInterval: isLive ? LOOK_AGAIN_MS : false,
  });
}

/** The newest state that a process has written; null when it has written none. */
export function useNewestState(run: RunDetail, isLive: boolean) {
  const ids = run.parts.map(({ run_id }) => run_id).reverse();
  return useQuery({
    queryKey: ["run", run.run_id, "newest", ids.join(" ")],
    queryFn: async ({ signal }) => {
      for (const run_id of ids) {
        const [state] = await historyOf(run.thread_id, { limit: 1, metadata: { run_id } }, signal);
        if (state !== undefined) return state;
      }
      return null;
    },
    refetchInterval: isLive ? LOOK_AGAIN_MS : false,
  });
}

/** One state by its checkpoint; only while it is wanted. */
export function useStateAt(thread_id: string, checkpoint_id: string | null, isWanted: boolean) {
  return useQuery({
    queryKey: ["thread", thread_id, "state", checkpoint_id],
    queryFn: () => post<Snapshot>(`/threads/${thread_id}/state/checkpoint`, { checkpoint: { checkpoint_id } }),
    enabled: isWanted && checkpoint_id !== null,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

async function historyOf(thread_id: string, body: object, signal: AbortSignal): Promise<Snapshot[]> {
  signal.throwIfAborted();
  return await post<Snapshot[]>(`/threads/${thread_id}/history`, body);
}
