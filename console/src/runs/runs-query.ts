import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { get, post } from "../data/api.ts";
import type { ListedRun } from "../run/model.ts";
import { queryParameters, type RunQuery } from "./query-text.ts";

const LOOK_AGAIN_MS = 3_000;
const LIVE_PAGES = 3;
const FOUND_BY_ID = 5;

interface Page {
  runs: ListedRun[];
  next: string | null;
  looked: number;
}

/** The runs that fit, newest first; those that are shown are looked at again and again. */
export function useRuns(query: RunQuery) {
  const parameters = queryParameters(query).toString();
  const isById = query.id !== undefined;
  return useInfiniteQuery({
    queryKey: ["runs", parameters, query.id ?? null],
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam, signal }): Promise<Page> => {
      if (isById) return await byId(query.id as string, signal);
      const after = pageParam === null ? "" : `&after=${pageParam}`;
      return await get<Page>(`/insights/runs?limit=50&${parameters}${after}`, signal);
    },
    getNextPageParam: ({ next }) => next ?? undefined,
    // Far down nothing new comes, and reading it all anew would be work for nothing.
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) > LIVE_PAGES ? false : LOOK_AGAIN_MS),
    placeholderData: (before) => before,
  });
}

async function byId(prefix: string, signal: AbortSignal): Promise<Page> {
  const found = await get<{ run_id: string }[]>(
    `/runs?id_prefix=${encodeURIComponent(prefix)}&limit=${FOUND_BY_ID}`,
    signal,
  );
  const runs = await Promise.all(found.map(({ run_id }) => get<ListedRun>(`/runs/${run_id}`, signal)));
  return { runs: [...new Map(runs.map((run) => [run.run_id, run])).values()], next: null, looked: found.length };
}

/** The graphs that are loaded. */
export function useGraphNames(): string[] {
  const { data } = useGraphs();
  return (data ?? []).map(({ graph_id }) => graph_id).sort();
}

/** A graph that can be started. */
export interface GraphChoice {
  assistant_id: string;
  graph_id: string;
  name: string;
  description: string | null;
}

/** The graphs that are loaded, with what they say about themselves. */
export function useGraphs() {
  return useQuery({
    queryKey: ["graphs"],
    queryFn: () => post<GraphChoice[]>("/assistants/search", { limit: 1000 }),
    staleTime: 30_000,
  });
}
