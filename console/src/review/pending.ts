// Decisions on their way: for a few seconds each can be taken back, wherever on the page its maker has gone meanwhile.
import { useSyncExternalStore } from "react";
import type { ReviewTask } from "../../../src/protocol/review.ts";
import { queries } from "../app/query.ts";
import { ApiError, ask, messageOf } from "../data/api.ts";
import { say } from "../ui/toast.tsx";
import { visibleLine } from "../ui/visible-text.ts";
import type { DecisionRequest } from "./decision.ts";
import { emptyDraft } from "./decision.ts";
import { writeDraft } from "./draft-store.ts";

/** How long a decision waits before it is sent. */
export const UNDO_MS = 5_000;

/** A decision that is on its way, or did not arrive. */
export interface Pending {
  review: ReviewTask;
  body: DecisionRequest;
  verb: string;
  /** When it is sent; null: it is being sent. */
  sends_at: number | null;
}

const pending = new Map<string, Pending>();
const failures = new Map<string, ApiError>();
const timers = new Map<string, ReturnType<typeof setTimeout>>();
const listeners = new Set<() => void>();
let snapshot: readonly Pending[] = [];

/** Sends a decision after `delayMs`; 0: at once. */
export function decide(review: ReviewTask, body: DecisionRequest, verb: string, delayMs: number): void {
  if (pending.has(review.id)) return;
  failures.delete(review.id);
  pending.set(review.id, { review, body, verb, sends_at: delayMs === 0 ? null : Date.now() + delayMs });
  if (delayMs === 0) void send(review.id);
  else
    timers.set(
      review.id,
      setTimeout(() => void send(review.id), delayMs),
    );
  changed();
}

/** Takes a decision back that was not sent yet. */
export function undo(review_id: string): void {
  if (pending.get(review_id)?.sends_at == null) return;
  clearTimeout(timers.get(review_id));
  timers.delete(review_id);
  pending.delete(review_id);
  changed();
  say("Taken back. Nothing was sent.");
}

/** Sends at once what waits. */
export function sendNow(review_id: string): void {
  if (pending.get(review_id)?.sends_at == null) return;
  clearTimeout(timers.get(review_id));
  void send(review_id);
}

async function send(review_id: string): Promise<void> {
  const one = pending.get(review_id);
  if (one === undefined) return;
  pending.set(review_id, { ...one, sends_at: null });
  changed();
  const { review, body } = one;
  try {
    const answer = await ask<{ review: ReviewTask }>("POST", pathOf(review), {
      body,
      headers: { "if-match": `"${review.version}"` },
    });
    writeDraft(review, emptyDraft);
    queries.setQueryData(["review", review_id], answer.body.review);
    say(`${one.verb}: sent. ${visibleLine(review.title)}`, "ok");
  } catch (error) {
    const failure = error instanceof ApiError ? error : new ApiError(0, "unexpected", messageOf(error));
    failures.set(review_id, failure);
    say(`Not taken: ${visibleLine(failure.message).slice(0, 300)}`, "bad");
    void queries.invalidateQueries({ queryKey: ["review", review_id] });
  } finally {
    pending.delete(review_id);
    timers.delete(review_id);
    changed();
    void queries.invalidateQueries({ queryKey: ["reviews"] });
  }
}

/** Where a decision goes. */
export function pathOf({ id }: Pick<ReviewTask, "id">): string {
  return `/reviews/${id}/decision`;
}

/** Everything that is on its way. */
export function usePending(): readonly Pending[] {
  return useSyncExternalStore(subscribe, () => snapshot);
}

/** Why the last decision on a review was not taken. */
export function useFailure(review_id: string): ApiError | undefined {
  return useSyncExternalStore(subscribe, () => failures.get(review_id));
}

/** Forgets why it was not taken. */
export function forgetFailure(review_id: string): void {
  if (failures.delete(review_id)) changed();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function changed(): void {
  snapshot = [...pending.values()];
  for (const listener of listeners) listener();
}

// Whoever leaves now would believe it was sent.
window.addEventListener("beforeunload", (event) => {
  if (pending.size > 0) event.preventDefault();
});
