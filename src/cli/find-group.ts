import type { Api } from "./api.ts";
import { CommandError } from "./command-error.ts";
import { listReviews, noSuchReview, readReview, reviewCandidates } from "./find-review.ts";
import { matchPrefix, parseId } from "./id-prefix.ts";
import { isOpenReview } from "./review-view.ts";
import type { Review } from "./wire.ts";

/** What an id names that is to be decided: a review, or the reviews of one pause, which are answered together. */
type Subject = { review: Review } | { group_id: string; reviews: Review[] };

/** The review that an id, or the beginning of one, names, or the group of reviews. */
export async function findSubject(api: Api, text: string): Promise<Subject> {
  const id = parseId(text, "review or group");
  const whole = id.isWhole ? await readWhole(api, id.prefix) : undefined;
  if (whole !== undefined) return { review: whole };
  const { reviews, isAll } = await reviewCandidates(api);
  const groups = Map.groupBy(
    reviews.filter(({ group_id }) => group_id !== undefined),
    ({ group_id }) => group_id as string,
  );
  const named = [
    ...(id.isWhole ? [] : reviews).map((review) => ({ id: review.id, of: [review], isGroup: false })),
    ...[...groups].map(([group_id, of]) => ({ id: group_id, of, isGroup: true })),
  ];
  const words = ({ of, isGroup }: (typeof named)[number]) =>
    `${isGroup ? "a group: " : ""}${of.map(titleOf).join(", ")}`;
  const match = matchPrefix(id, named, (one) => one.id, words, "review or group");
  const [first] = match?.of ?? [];
  if (match === undefined || first === undefined) throw noSuchReview(id.prefix, isAll);
  if (!match.isGroup) return { review: first };
  // All of them, as they stand now: the lists may have shown some.
  const asked = (await listReviews(api, { thread_id: first.thread_id })).filter(
    ({ group_id }) => group_id === match.id,
  );
  const open = asked.filter(isOpenReview);
  return { group_id: match.id, reviews: open.length > 0 ? open : asked };
}

const titleOf = ({ status, title }: Review) => `${status}  ${title}`;

async function readWhole(api: Api, id: string): Promise<Review | undefined> {
  try {
    return await readReview(api, id);
  } catch (error) {
    if (error instanceof CommandError && error.code === "not_found") return undefined;
    throw error;
  }
}
