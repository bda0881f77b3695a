import { useMutation, useQuery } from "@tanstack/react-query";
import type { ReviewTask } from "../../../src/protocol/review.ts";
import { queries } from "../app/query.ts";
import { get, messageOf, post } from "../data/api.ts";
import { useLiveness } from "../data/stream.ts";
import { say } from "../ui/toast.tsx";
import { visibleLine } from "../ui/visible-text.ts";

const POLL_MS = 5_000;
// Behind the stream stands a look now and then, for what nobody told.
const LIVE_POLL_MS = 30_000;
const OVER = new Set(["closed", "cancelled", "superseded", "failed"]);

/** A review as it is now. */
export function useReview(id: string) {
  const isLive = useLiveness() === "live";
  return useQuery({
    queryKey: ["review", id],
    queryFn: ({ signal }) => get<ReviewTask>(`/reviews/${encodeURIComponent(id)}`, signal),
    refetchInterval: ({ state }) =>
      state.data !== undefined && OVER.has(state.data.status) ? false : isLive ? LIVE_POLL_MS : POLL_MS,
  });
}

/** One entry of a review's record. */
export interface HistoryEvent {
  seq: number;
  at: string;
  kind: string;
  principal_id: string;
  body: unknown;
}

/** The record of a review. */
export interface ReviewHistory {
  events: HistoryEvent[];
  ran: {
    run_id: string;
    status: string | null;
    effects: { effect_id: string; name: string; status: string; error: string | null }[];
  }[];
  chain: { state: string; entries: number; head: string | null };
}

/** The record of a review, read again whenever the review changes. */
export function useHistory(review: ReviewTask) {
  const isLive = useLiveness() === "live";
  return useQuery({
    queryKey: ["review", review.id, "history", review.version],
    queryFn: ({ signal }) => get<ReviewHistory>(`/reviews/${review.id}/history`, signal),
    refetchInterval: isLive ? LIVE_POLL_MS : POLL_MS,
  });
}

/** What somebody does beside deciding. */
export type Attend = "claim" | "release" | "assign" | "snooze" | "comment" | "ask" | "answer" | "retry" | "reask";

/** Does something about a review that decides nothing, and says what came of it. */
export function useAttend(review: Pick<ReviewTask, "id" | "version" | "request_digest">) {
  return useMutation({
    mutationFn: ({ act, body = {} }: { act: Attend; body?: object; done: string }) =>
      post<ReviewTask | { review: ReviewTask }>(`/reviews/${review.id}/${act}`, body, {
        "if-match": `"${review.version}"`,
      }),
    onSuccess: (answer, { done }) => {
      const after = "review" in answer ? answer.review : answer;
      if (after?.id === review.id) queries.setQueryData(["review", review.id], after);
      say(done, "ok");
    },
    onError: (error) => say(visibleLine(messageOf(error)).slice(0, 300), "bad"),
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: ["review", review.id] });
      void queries.invalidateQueries({ queryKey: ["reviews"] });
    },
  });
}
