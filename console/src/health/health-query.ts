import { useQuery } from "@tanstack/react-query";
import type { ReviewCounts } from "../../../src/protocol/review.ts";
import { get } from "../data/api.ts";

/** What waits and what executes. */
interface QueueView {
  pending: number;
  running: number;
  /** How long the longest has been due; null where none is. */
  oldest_wait_seconds: number | null;
  graphs: {
    graph_id: string;
    pending: number;
    running: number;
    limit: number | null;
    loaded_by: number;
    oldest_wait_seconds: number | null;
  }[];
}

/** A process that executes runs. */
export interface WorkerView {
  worker_id: string;
  hostname: string;
  process_id: number;
  slots: number;
  graph_ids: string[];
  running: number;
  state: "live" | "stopped" | "lost";
  started_at: string;
  heartbeat_at: string;
}

const LOOK_AGAIN_MS = 5_000;

/** The queue, the workers and the reviews; what is not there yet, or may not be read, is undefined. */
export function useHealth() {
  const options = { refetchInterval: LOOK_AGAIN_MS };
  const queue = useQuery({
    queryKey: ["queue"],
    queryFn: ({ signal }) => get<QueueView>("/queue", signal),
    ...options,
  });
  const workers = useQuery({
    queryKey: ["workers"],
    queryFn: ({ signal }) => get<WorkerView[]>("/workers", signal),
    ...options,
  });
  const reviews = useQuery({
    queryKey: ["reviews", "counts"],
    queryFn: ({ signal }) => get<ReviewCounts>("/reviews/counts", signal),
    ...options,
  });
  const error = queue.error ?? workers.error;
  return { queue: queue.data, workers: workers.data, reviews: reviews.data, error };
}
