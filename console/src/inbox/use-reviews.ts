import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { ReviewCounts, ReviewTask } from "../../../src/protocol/review.ts";
import { queries } from "../app/query.ts";
import { ask, get } from "../data/api.ts";
import type { Liveness } from "../data/stream.ts";
import { comparePages, type PageOfIds } from "./compare-pages.ts";

const POLL_MS = 5_000;
// Behind the stream stands a look now and then, for what nobody told.
const LIVE_POLL_MS = 30_000;

interface Page {
  reviews: ReviewTask[];
  /** In words: "12", "more than 1000". */
  total: string;
  left: boolean;
}

/** A row of the list: as it is now, or as it was when it was still in the list. */
export interface Row {
  review: ReviewTask;
  /** It no longer belongs to what is shown, and goes when the list is refreshed. */
  isGone: boolean;
}

/** The list as it was opened: nothing moves under the pointer. What is new waits behind `fresh`. */
export interface ReviewList {
  rows: Row[] | undefined;
  total: string;
  /** There are more than are shown. */
  left: boolean;
  fresh: number;
  error: unknown;
  refresh: () => void;
}

/** Follows a list without moving it. */
export function useReviewList(path: string, liveness: Liveness): ReviewList {
  const query = useQuery({
    queryKey: ["reviews", "list", path],
    queryFn: async ({ signal }): Promise<Page> => {
      const { body, total, moreThan, next } = await ask<ReviewTask[]>("GET", path, { signal });
      return {
        reviews: body,
        total: total === null && moreThan !== null ? `more than ${moreThan}` : String(total ?? body.length),
        left: next !== null,
      };
    },
    refetchInterval: liveness === "live" ? LIVE_POLL_MS : POLL_MS,
    placeholderData: keepPreviousData,
  });
  const { error, refetch } = query;
  // While another list is on its way the one before it stays, and is not taken for it.
  const data = query.isPlaceholderData ? undefined : query.data;
  const [shown, setShown] = useState<{ path: string; page: Page } | null>(null);
  const isOther = data !== undefined && shown?.path !== path;
  // An empty list has nothing that could move.
  const isEmpty = shown !== null && shown.page.reviews.length === 0 && data !== undefined && data.reviews.length > 0;
  if (data !== undefined && (isOther || isEmpty) && shown?.page !== data) setShown({ path, page: data });
  const { rows, fresh } = useMemo(() => {
    if (shown === null) return { rows: undefined, fresh: 0 };
    if (data === undefined) return { rows: shown.page.reviews.map((review) => ({ review, isGone: false })), fresh: 0 };
    const { gone, fresh } = comparePages(idsOf(shown.page), idsOf(data));
    const now = new Map(data.reviews.map((review) => [review.id, review]));
    const rows = shown.page.reviews.map((review): Row => {
      // Of what was opened it is known where it stands now.
      const known = now.get(review.id) ?? queries.getQueryData<ReviewTask>(["review", review.id]);
      return { review: known ?? review, isGone: gone.has(review.id) };
    });
    return { rows, fresh };
  }, [shown, data]);
  return {
    rows,
    total: data?.total ?? "",
    left: data?.left === true,
    fresh,
    error,
    refresh: () => {
      if (data !== undefined) setShown({ path, page: data });
      void refetch();
    },
  };
}

const idsOf = ({ reviews, left }: Page): PageOfIds => ({ ids: reviews.map(({ id }) => id), left });

/** How many wait, of each kind. */
export function useReviewCounts(liveness: Liveness): ReviewCounts | undefined {
  return useQuery({
    queryKey: ["reviews", "counts"],
    queryFn: ({ signal }) => get<ReviewCounts>("/reviews/counts", signal),
    refetchInterval: liveness === "live" ? LIVE_POLL_MS : POLL_MS,
  }).data;
}
