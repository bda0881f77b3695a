import { seenThreads } from "../../postgres/access.sql.ts";
import { streams } from "../answers.ts";
import { followReviews } from "../follow-reviews.ts";
import { defineRoute, type Route } from "../route.ts";
import { SSE_HEADERS } from "../sse.ts";
import { streamBody } from "../stream-body.ts";

/** Reviews that are followed while they happen. */
export const reviewStreamRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/reviews/stream",
    permission: "review:read",
    event: "threads:search",
    summary: "Follow reviews while they happen",
    answers: { 200: streams("What happens to reviews, from now on or behind Last-Event-ID.") },
    handle({ deps, request, access, principal: { tenant_id }, draining }) {
      const since = request.headers.get("last-event-id") ?? undefined;
      const seen = access.of("threads");
      const isSeen =
        Object.keys(seen).length === 0
          ? undefined
          : async (thread_ids: readonly string[]) => {
              const rows = await deps.database.many(seenThreads(tenant_id, thread_ids, seen));
              return new Set(rows.map(({ thread_id }) => thread_id));
            };
      const source = (signal: AbortSignal) => followReviews(deps.reviewFeeds, { tenant_id, since, isSeen }, signal);
      return new Response(streamBody(source, draining), { headers: SSE_HEADERS });
    },
  }),
];
