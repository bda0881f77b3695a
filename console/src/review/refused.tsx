import { Link } from "wouter";
import type { ReviewTask } from "../../../src/protocol/review.ts";
import type { ApiError } from "../data/api.ts";
import { Line } from "../ui/text.tsx";
import { isOpen } from "./badges.tsx";
import { useAttend } from "./queries.ts";

/** Why a decision was not taken, what changed, and what to do now. What was typed stays. */
export function Refused({ failure, review }: { failure: ApiError; review: ReviewTask }) {
  const attend = useAttend(review);
  const { superseded_by } = failure.facts;
  // The verdict above says who was faster.
  if (!isOpen(review) && review.decision !== null) return null;
  return (
    <div className="notice bad" role="alert">
      <p>
        <strong>⚠ Your decision was not taken.</strong> <Line text={failure.message} />
      </p>
      {failure.code === "precondition_failed" && (
        <p>The review has changed meanwhile and is shown as it is now. Read it, and decide again.</p>
      )}
      {failure.code === "unreachable" && (
        <p>Whether it arrived is not known. Sent again it is the same decision, never a second one.</p>
      )}
      {typeof superseded_by === "string" && (
        <p>
          <Link href={`/reviews/${superseded_by}`}>Open the question that is asked instead</Link>
        </p>
      )}
      {failure.code === "stale" && isOpen(review) && (
        <p>
          <button
            type="button"
            className="button"
            onClick={() => attend.mutate({ act: "reask", done: "The graph is asked to ask again." })}
          >
            Have the graph ask again
          </button>
        </p>
      )}
    </div>
  );
}
