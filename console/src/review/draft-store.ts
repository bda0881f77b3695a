import type { ReviewTask } from "../../../src/protocol/review.ts";
import { readStored, store } from "../app/stored.ts";
import { type Draft, emptyDraft, isTouched } from "./decision.ts";

// By what was shown: a version that shows the same takes the same draft, another one begins anew and keeps the old.
const nameOf = ({ id, request_digest }: Pick<ReviewTask, "id" | "request_digest">) =>
  `draft.${id}.${request_digest.slice(-16)}`;
const INDEX = "drafts";
const MOST_KEPT = 100;

/** What was typed into this review before, also before a restart of the server or the browser. */
export function readDraft(review: Pick<ReviewTask, "id" | "request_digest">): Draft {
  const text = readStored(nameOf(review));
  if (text === null) return emptyDraft;
  try {
    return { ...emptyDraft, ...(JSON.parse(text) as Draft) };
  } catch {
    return emptyDraft;
  }
}

/** Keeps it; a draft into which nothing was typed is forgotten. The oldest make room. */
export function writeDraft(review: Pick<ReviewTask, "id" | "request_digest">, draft: Draft): void {
  const name = nameOf(review);
  const others = (readStored(INDEX) ?? "").split(" ").filter((other) => other !== "" && other !== name);
  const kept = isTouched(draft) ? [...others, name] : others;
  store(name, isTouched(draft) ? JSON.stringify(draft) : null);
  for (const old of kept.slice(0, -MOST_KEPT)) store(old, null);
  store(INDEX, kept.slice(-MOST_KEPT).join(" "));
}
