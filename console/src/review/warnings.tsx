import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useMemo } from "react";
import { Link } from "wouter";
import type { ReviewAction } from "../../../src/protocol/interrupt.ts";
import type { ReviewTask } from "../../../src/protocol/review.ts";
import { get } from "../data/api.ts";
import { formatMoment, shortId } from "../ui/format.ts";
import { Line } from "../ui/text.tsx";
import { hasHiddenCharacters } from "../ui/visible-text.ts";
import { Changes } from "./action-card.tsx";
import { changesBetween } from "./args-model.ts";
import { isOpen } from "./badges.tsx";
import { useAttend } from "./queries.ts";

const ENDS = {
  fail: "it ends and its run fails",
  reject: "it is rejected",
  approve: "it is approved without a person",
};

/** Everything about a review that should make its reader look twice, and what changed. */
export function Warnings({ review, mayDecide }: { review: ReviewTask; mayDecide: boolean }) {
  // Its texts may have megabytes.
  const isSuspicious = useMemo(() => isMisleading(review), [review]);
  const end = review.deadlines.find((deadline) => deadline.step === "end");
  return (
    <>
      <Moved review={review} mayDecide={mayDecide} />
      {review.revises !== null && <Revision review={review} />}
      {review.forked_from !== null && (
        <Warning>
          This thread is a copy of thread <code>{shortId(review.forked_from)}</code>, which may ask the same. An
          approval there does not count here, and one here does not count there: approving both does it twice.
        </Warning>
      )}
      {isOpen(review) && end?.step === "end" && end.action === "approve" && (
        <Warning tone="bad">
          If nobody decides by {formatMoment(end.at)}, {ENDS.approve}.
        </Warning>
      )}
      {review.actions.length > 1 && isOpen(review) && cancelsBatch(review) && (
        <Warning>Any rejection cancels the whole batch: none of the {review.actions.length} actions runs then.</Warning>
      )}
      {isSuspicious && (
        <Warning tone="bad">
          Its texts hold hidden or control characters, shown here as codes such as{" "}
          <span className="escape">\u202e</span>: somebody may want to mislead you.
        </Warning>
      )}
    </>
  );
}

function Warning({ tone = "warn", children }: { tone?: "warn" | "bad"; children: ReactNode }) {
  return (
    <div className={`notice ${tone}`}>
      <strong>{tone === "bad" ? "⚠ Warning: " : "Note: "}</strong>
      {children}
    </div>
  );
}

/** LangChain's middleware drops every action of a batch when one is rejected. */
function cancelsBatch({ flavour }: ReviewTask): boolean {
  return flavour === "hitl" || flavour === "hitl_py";
}

function Moved({ review, mayDecide }: { review: ReviewTask; mayDecide: boolean }) {
  const attend = useAttend(review);
  const { status, status_reason, superseded_by } = review;
  if (status !== "stale" && status !== "resume_failed" && status !== "superseded") return null;
  const act = (name: "retry" | "reask", done: string) => attend.mutate({ act: name, done });
  return (
    <div className="notice bad" role="alert">
      <p>
        <strong>⚠ {HEADS[status]}</strong>{" "}
        {status_reason !== null && (
          <>
            What changed: <Line text={status_reason} />
          </>
        )}
      </p>
      {superseded_by !== null && (
        <p>
          <Link href={`/reviews/${superseded_by}`}>Open the question that is asked instead</Link>
        </p>
      )}
      {mayDecide && status !== "superseded" && (
        <p className="buttons">
          {status === "resume_failed" && (
            <button
              type="button"
              className="button"
              disabled={attend.isPending}
              onClick={() => act("retry", "It is tried again with the same answer.")}
            >
              Try again with the same answer
            </button>
          )}
          <button
            type="button"
            className="button"
            disabled={attend.isPending}
            onClick={() => act("reask", "The graph is asked to ask again.")}
          >
            Have the graph ask again
          </button>
        </p>
      )}
    </div>
  );
}

const HEADS = {
  stale: "What was shown here can no longer be applied.",
  resume_failed: "The answer was recorded, and the run that carried it failed.",
  superseded: "This question no longer stands: the thread has moved on.",
};

function Revision({ review }: { review: ReviewTask }) {
  const { data: before } = useQuery({
    queryKey: ["review", review.revises],
    queryFn: ({ signal }) => get<ReviewTask>(`/reviews/${review.revises}`, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (before === undefined) return null;
  const changes = review.actions.flatMap((action) => {
    const old = before.actions.find(({ index }) => index === action.index);
    return old === undefined
      ? []
      : changesBetween(old.args, action.args, review.actions.length > 1 ? `/${action.index + 1}` : "");
  });
  return (
    <details className="notice warn" open>
      <summary>
        <strong>Asked again</strong> (turn {review.revision}),{" "}
        {changes.length === 0 ? "with the same arguments" : "with other arguments"}.{" "}
        <Link href={`/reviews/${before.id}`}>The one before</Link>
      </summary>
      {changes.length > 0 && <Changes changes={changes} />}
    </details>
  );
}

function isMisleading({ title, description, actions }: ReviewTask): boolean {
  const ofAction = ({ name, args, preview = "", description: words = "" }: ReviewAction) =>
    [name, preview, words, ...stringsOf(args)].some(hasHiddenCharacters);
  return hasHiddenCharacters(title) || hasHiddenCharacters(description) || actions.some(ofAction);
}

function stringsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...stringsOf(inner)]);
}
