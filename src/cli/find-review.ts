import { z } from "zod";
import type { Api } from "./api.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import { matchPrefix, parseId } from "./id-prefix.ts";
import { type Review, reviewWire } from "./wire.ts";

const PAGE = 500;
const PAGES_AT_MOST = 20;

/** Which reviews to list, as the server is asked. */
export interface ReviewFilter {
  /** One, or several with commas between. */
  status?: string | undefined;
  graph_id?: string | undefined;
  thread_id?: string | undefined;
  risk?: string | undefined;
  group?: string | undefined;
  assignee?: string | undefined;
  mine?: "true" | undefined;
  my_groups?: "true" | undefined;
  unclaimed?: "true" | undefined;
  overdue?: "true" | undefined;
  snoozed?: "true" | "false" | undefined;
  due_before?: string | undefined;
  q?: string | undefined;
  sort?: string | undefined;
}

/** All reviews of a filter, oldest first unless it says otherwise; `limit` of them at most. */
export async function listReviews(api: Api, filter: ReviewFilter, limit = PAGE * PAGES_AT_MOST): Promise<Review[]> {
  const reviews: Review[] = [];
  for (let page = 0; page < PAGES_AT_MOST && reviews.length < limit; page += 1) {
    const query = { ...filter, limit: Math.min(PAGE, limit - reviews.length), offset: reviews.length };
    const { body } = await api.request("GET", "/reviews", z.array(reviewWire), { query });
    reviews.push(...body);
    if (body.length < query.limit) break;
  }
  return reviews;
}

/** The review that an id, or the beginning of one, names. */
export async function findReview(api: Api, text: string): Promise<Review> {
  const id = parseId(text, "review");
  if (id.isWhole) return await readReview(api, id.prefix);
  const { reviews, isAll } = await reviewCandidates(api);
  const match = matchPrefix(
    id,
    reviews,
    (review) => review.id,
    (review) => `${review.status}  ${review.title}`,
    "review",
  );
  if (match !== undefined) return match;
  throw noSuchReview(id.prefix, isAll);
}

/** Every review that the beginning of an id may name; `isAll`: there are no others. */
export async function reviewCandidates(api: Api): Promise<{ reviews: Review[]; isAll: boolean }> {
  // Of every status: a beginning that was given for a decided review must not silently name another, open one.
  const [open, all] = await Promise.all([listReviews(api, { status: "open" }), listReviews(api, {})]);
  const reviews = [...new Map([...all, ...open].map((review) => [review.id, review])).values()];
  // Oldest first: of very many, the newest decided ones are not looked through.
  return { reviews, isAll: all.length < PAGE * PAGES_AT_MOST };
}

/** Nothing has such an id. */
export function noSuchReview(prefix: string, isAll: boolean): CommandError {
  const hint = isAll ? 'see "holdpoint reviews"' : "there are very many, give the whole id";
  return new CommandError(EXIT.failed, `there is no review whose id begins with ${prefix}: ${hint}`);
}

/** The review as it stands now. */
export async function readReview(api: Api, id: string): Promise<Review> {
  return (await api.request("GET", `/reviews/${encodeURIComponent(id)}`, reviewWire)).body;
}
