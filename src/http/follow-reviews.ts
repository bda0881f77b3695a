import type { ReviewFeeds, ReviewNews } from "./review-feed.ts";
import { comment, frame } from "./sse.ts";

const HEARTBEAT_MS = 5_000;
// A page stays open for days: whoever has lost the right to read meanwhile is asked again when it comes back.
const MAX_AGE_MS = 5 * 60_000;

/**
 * What happens to reviews as SSE text: `review` for each that changed, `reset` where everything has to be read again,
 * heartbeats between them. It ends after a while, and when the signal aborts; a client comes back with the last id.
 */
export async function* followReviews(
  feeds: ReviewFeeds,
  { tenant_id, since }: { tenant_id: string; since: string | undefined },
  signal: AbortSignal,
  maxAgeMs = MAX_AGE_MS,
): AsyncGenerator<string> {
  const endsAt = performance.now() + maxAgeMs;
  const follower = await feeds.open(tenant_id, since);
  try {
    // Nobody on the way keeps an answer back until it has begun.
    let text = textOf(follower.take()) ?? comment("following");
    for (;;) {
      yield text;
      await follower.changed(HEARTBEAT_MS, signal);
      if (signal.aborted || performance.now() >= endsAt) return;
      text = textOf(follower.take()) ?? comment("heartbeat");
    }
  } finally {
    follower.close();
  }
}

function textOf(news: ReviewNews | undefined): string | undefined {
  if (news === undefined) return undefined;
  const { changes, snapshot } = news;
  if (changes === undefined) return frame("reset", null, snapshot);
  const last = changes.length - 1;
  // The id says that everything was told, so only the last one has it: cut off before, a client is told all again.
  return changes.map((change, place) => frame("review", change, place === last ? snapshot : undefined)).join("");
}
