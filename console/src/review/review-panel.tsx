import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import type { DecisionType } from "../../../src/protocol/interrupt.ts";
import type { ReviewTask } from "../../../src/protocol/review.ts";
import { useWhoami } from "../app/query.ts";
import { useShortcuts } from "../app/shortcuts.ts";
import { post } from "../data/api.ts";
import { Failed, Loading } from "../ui/states.tsx";
import { say } from "../ui/toast.tsx";
import { ActionCard } from "./action-card.tsx";
import { type Asking, AttendDialogs } from "./attend-menu.tsx";
import { isOpen } from "./badges.tsx";
import { ConfirmDialog, DecideBar } from "./decide-bar.tsx";
import {
  type ActionDraft,
  actionDraft,
  type DecisionRequest,
  type Draft,
  emptyDraft,
  needsConfirmation,
  outcomeOf,
  verbOf,
} from "./decision.ts";
import { readDraft, writeDraft } from "./draft-store.ts";
import { Effects, Head } from "./head.tsx";
import { decide, forgetFailure, UNDO_MS, undo, useFailure, usePending } from "./pending.ts";
import { useAttend, useReview } from "./queries.ts";
import { Refused } from "./refused.tsx";
import { ReviewTabs } from "./tabs.tsx";
import { Verdict } from "./verdict.tsx";
import { Warnings } from "./warnings.tsx";
import "./review.css";

/** A review, and everything that can be done with it. */
export function ReviewPanel({ id, next }: { id: string; next: string | undefined }) {
  const { data, error, refetch } = useReview(id);
  if (data !== undefined) return <Open key={data.id} review={data} next={next} />;
  return error ? <Failed error={error} retry={() => void refetch()} /> : <Loading what="the review" />;
}

function Open({ review, next }: { review: ReviewTask; next: string | undefined }) {
  const who = useWhoami().data;
  const me = who?.principal_id ?? "";
  const mayDecide = who?.permissions.includes("review:decide") === true;
  const [draft, setDraft] = useState(() => readDraft(review));
  const [isCommenting, setCommenting] = useState(false);
  const [confirming, setConfirming] = useState<DecisionRequest | null>(null);
  const [asking, setAsking] = useState<Asking>(null);
  const comment = useRef<HTMLTextAreaElement>(null);
  const pending = usePending().find((one) => one.review.id === review.id);
  const failure = useFailure(review.id);
  const isFrozen = !isOpen(review) || !mayDecide || pending !== undefined;
  useSeen(review);
  const change = (to: Draft) => {
    forgetFailure(review.id);
    setDraft(to);
    writeDraft(review, to);
  };
  const changeAction = (index: number, to: ActionDraft) =>
    change({ ...draft, actions: { ...draft.actions, [index]: to } });
  const startDeciding = (chosen?: DecisionType) => {
    const { body, missing } = outcomeOf(review, draft, chosen);
    if (body === null) {
      if (missing.some((what) => what.includes("comment"))) openComment();
      say(`Not sent yet: ${missing.join("; ")}.`);
    } else if (needsConfirmation(review, body.decisions)) setConfirming(body);
    else decide(review, body, verbOf(body.decisions), UNDO_MS);
  };
  const openComment = () => {
    setCommenting(true);
    requestAnimationFrame(() => comment.current?.focus());
  };
  useReviewKeys({
    review,
    draft,
    isFrozen,
    isPending: pending !== undefined,
    changeAction,
    startDeciding,
    openComment,
    setAsking,
  });
  const errors = outcomeOf(review, draft).errors;
  // What its maker sent is in the verdict; what somebody else had typed stays where it was typed.
  const shown = review.decision?.principal_id === me ? emptyDraft : draft;
  return (
    <div className="review">
      <div className="review-scroll">
        <Head review={review} me={me} mayDecide={mayDecide} setAsking={setAsking} />
        <Effects review={review} draft={shown} />
        {!isOpen(review) && <Verdict review={review} me={me} draft={draft} />}
        {failure !== undefined && <Refused failure={failure} review={review} />}
        {!isOpen(review) && next !== undefined && (
          <p>
            <Link href={`/reviews/${next}`} className="button">
              Next <kbd>n</kbd>
            </Link>
          </p>
        )}
        {review.actions.map((action) => (
          <ActionCard
            key={action.index}
            review={review}
            action={action}
            draft={actionDraft(shown, action.index)}
            errors={{ ...errors[action.index], ...refusedFields(failure, action.index) }}
            isFrozen={isFrozen}
            onChange={(to) => changeAction(action.index, to)}
          />
        ))}
        <Warnings review={review} mayDecide={mayDecide} />
        <ReviewTabs review={review} />
      </div>
      {isOpen(review) && mayDecide && (
        <DecideBar
          {...{ review, draft, pending, isCommenting, comment }}
          onChange={change}
          onComment={openComment}
          onDecide={startDeciding}
        />
      )}
      {isOpen(review) && !mayDecide && (
        <footer className="decide-bar muted">You may read this, and not decide it.</footer>
      )}
      {confirming !== null && (
        <ConfirmDialog
          review={review}
          body={confirming}
          onClose={() => setConfirming(null)}
          onConfirm={() => {
            decide(review, confirming, verbOf(confirming.decisions), 0);
            setConfirming(null);
          }}
        />
      )}
      <AttendDialogs review={review} asking={asking} setAsking={setAsking} />
    </div>
  );
}

/** That it was looked at belongs to its record. */
function useSeen({ id, status }: ReviewTask): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each review that is opened
  useEffect(() => {
    if (isOpen({ status })) post(`/reviews/${id}/view`, {}).catch(() => {});
  }, [id]);
}

/** What the server says is wrong, at its fields. */
function refusedFields(failure: ReturnType<typeof useFailure>, index: number): Record<string, string> {
  const here = new RegExp(`^/decisions/${index}/args`);
  const faults = failure?.faults.filter(({ pointer }) => here.test(pointer)) ?? [];
  return Object.fromEntries(faults.map(({ pointer, message }) => [pointer.replace(here, ""), message]));
}

interface Keys {
  review: ReviewTask;
  draft: Draft;
  isFrozen: boolean;
  isPending: boolean;
  changeAction: (index: number, to: ActionDraft) => void;
  startDeciding: (chosen?: DecisionType) => void;
  openComment: () => void;
  setAsking: (asking: Asking) => void;
}

function useReviewKeys({
  review,
  draft,
  isFrozen,
  isPending,
  changeAction,
  startDeciding,
  openComment,
  setAsking,
}: Keys): void {
  const attend = useAttend(review);
  const group = "Review";
  const [first] = review.actions;
  const single = review.actions.length === 1 ? first : undefined;
  const offers = (type: DecisionType) => !isFrozen && review.actions.every(({ allowed }) => allowed.includes(type));
  const choose = (type: DecisionType) => {
    if (single === undefined) return;
    changeAction(single.index, { ...actionDraft(draft, single.index), type });
    requestAnimationFrame(() => document.querySelector<HTMLElement>(FIRST_FIELD[type] ?? "")?.focus());
  };
  const isClean = single === undefined || actionDraft(draft, single.index).type === undefined;
  useShortcuts([
    { keys: "a", label: "Approve", group, isOff: !offers("approve") || !isClean, run: () => startDeciding("approve") },
    { keys: "e", label: "Edit", group, isOff: single === undefined || !offers("edit"), run: () => choose("edit") },
    {
      keys: "r",
      label: "Reject…",
      group,
      isOff: single === undefined || !offers("reject"),
      run: () => choose("reject"),
    },
    {
      keys: "w",
      label: "Answer…",
      group,
      isOff: single === undefined || !offers("respond"),
      run: () => choose("respond"),
    },
    { keys: "c", label: "Comment", group, isOff: isFrozen, run: openComment },
    { keys: "mod+Enter", label: "Send what was chosen", group, isOff: isFrozen, run: () => startDeciding() },
    { keys: "u", label: "Undo, before it is sent", group, isOff: !isPending, run: () => undo(review.id) },
    {
      keys: "i",
      label: "Take in hand, or give back",
      group,
      isOff: isFrozen,
      run: () =>
        attend.mutate(
          review.claim === null ? { act: "claim", done: "In your hands." } : { act: "release", done: "Given back." },
        ),
    },
    { keys: "q", label: "Ask…", group, isOff: isFrozen, run: () => setAsking("ask") },
    { keys: "s", label: "Snooze…", group, isOff: isFrozen, run: () => setAsking("snooze") },
  ]);
}

const FIRST_FIELD: Partial<Record<DecisionType, string>> = {
  edit: ".editor .input:not(:disabled)",
  reject: ".decide-words .input",
  respond: ".decide-words textarea",
};
