import type { ReviewFeeds, ReviewNews } from "./review-feed.ts";
import { comment, frame } from "./sse.ts";

const HEARTBEAT_MS = 5_000;
// A page stays open for days: whoever has lost the right to read meanwhile is asked again when it comes back.
const MAX_AGE_MS = 5 * 60_000;

/** Whose reviews to follow, and from where on. */
export interface FollowReviews {
  tenant_id: string;
  since: string | undefined;
  /** Of some threads those whose reviews may be seen; all of them unless given. */
  isSeen?: ((thread_ids: readonly string[]) => Promise<ReadonlySet<string>>) | undefined;
}

/**
 * What happens to reviews as SSE text: `review` for each that changed, `reset` where everything has to be read again,
 * heartbeats between them. It ends after a while, and when the signal aborts; a client comes back with the last id.
 */
export async function* followReviews(
  feeds: ReviewFeeds,
  { tenant_id, since, isSeen }: FollowReviews,
  signal: AbortSignal,
  maxAgeMs = MAX_AGE_MS,
): AsyncGenerator<string> {
  const endsAt = performance.now() + maxAgeMs;
  const follower = await feeds.open(tenant_id, since);
  try {
    // Nobody on the way keeps an answer back until it has begun.
    let text = textOf(await told(follower.take(), isSeen)) ?? comment("following");
    for (;;) {
      yield text;
      await follower.changed(HEARTBEAT_MS, signal);
      if (signal.aborted || performance.now() >= endsAt) return;
      text = textOf(await told(follower.take(), isSeen)) ?? comment("heartbeat");
    }
  } finally {
    follower.close();
  }
}

/** Of the news what may be told; that anything else has happened is not told either. */
async function told(news: ReviewNews | undefined, isSeen: FollowReviews["isSeen"]): Promise<ReviewNews | undefined> {
  if (news?.changes === undefined || isSeen === undefined) return news;
  const seen = await isSeen([...new Set(news.changes.map(({ thread_id }) => thread_id))]);
  const changes = news.changes.filter(({ thread_id }) => seen.has(thread_id));
  return changes.length === 0 ? undefined : { ...news, changes };
}

function textOf(news: ReviewNews | undefined): string | undefined {
  if (news === undefined) return undefined;
  const { changes, snapshot } = news;
  if (changes === undefined) return frame("reset", null, snapshot);
  const last = changes.length - 1;
  // The id says that everything was told, so only the last one has it: cut off before, a client is told all again.
  return changes.map((change, place) => frame("review", change, place === last ? snapshot : undefined)).join("");
}
