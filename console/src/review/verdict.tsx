import { Link } from "wouter";
import type { Json } from "../../../src/protocol/json.ts";
import type { ReviewTask } from "../../../src/protocol/review.ts";
import { Ago } from "../ui/clock.tsx";
import { formatMoment, shortId, words } from "../ui/format.ts";
import { Line, Text } from "../ui/text.tsx";
import { Changes } from "./action-card.tsx";
import { changesBetween, isObject, plain } from "./args-model.ts";
import { type Draft, isTouched } from "./decision.ts";
import { useHistory } from "./queries.ts";

const DONE: Record<string, string> = {
  approved: "approved",
  edited: "approved with changes",
  rejected: "rejected",
  responded: "answered",
  mixed: "decided",
};

/** What was decided, by whom and when, and what became of it. What somebody else had typed meanwhile stands beside it. */
export function Verdict({ review, me, draft }: { review: ReviewTask; me: string; draft: Draft }) {
  const { decision, outcome } = review;
  // What moved on is explained by the warnings.
  if (review.status === "superseded" || (review.status === "stale" && decision === null)) return <Kept draft={draft} />;
  if (decision === null) {
    return (
      <div className="notice bad" role="alert">
        <strong>{words(review.status)}: nobody can decide this any more.</strong>{" "}
        {review.status_reason !== null && <Line text={review.status_reason} />}
        <Kept draft={draft} />
      </div>
    );
  }
  const isMine = decision.principal_id === me;
  return (
    <div className={`notice verdict ${outcome === "rejected" ? "bad" : "ok"}`} role="status">
      <p className="verdict-head">
        <strong>
          {isMine ? "You" : <Line text={decision.display_name} />} {DONE[outcome ?? "mixed"]}
        </strong>{" "}
        <Ago at={decision.at} />
        {!isMine && isTouched(draft) ? ", before you did." : "."}
      </p>
      <Said review={review} decision={decision} />
      <Progress review={review} />
      {!isMine && <Kept draft={draft} />}
    </div>
  );
}

function Said({ review, decision }: { review: ReviewTask; decision: NonNullable<ReviewTask["decision"]> }) {
  const all = Array.isArray(decision.decisions) ? decision.decisions.filter(isObject) : [];
  const edits = all.flatMap((one) => {
    const action = review.actions.find(({ index }) => index === one["action"]);
    return one["type"] === "edit" && action !== undefined ? changesBetween(action.args, one["args"] as Json) : [];
  });
  const told = all.flatMap((one) =>
    typeof one["message"] === "string" ? [one["message"]] : "value" in one ? [plain(one["value"] as Json)] : [],
  );
  return (
    <>
      {edits.length > 0 && <Changes changes={edits} />}
      {decision.reason_code !== null && (
        <p>
          Reason: <Line text={decision.reason_code} />
        </p>
      )}
      {told.map((message) => (
        <p key={message} className="quote">
          <Text text={message} />
        </p>
      ))}
      {decision.comment !== null && (
        <p className="quote">
          <Text text={decision.comment} />
        </p>
      )}
    </>
  );
}

const STANDS: Partial<Record<ReviewTask["status"], string>> = {
  decided: "The answer is queued.",
  resuming: "The run is carrying the answer out.",
  closed: "The graph has taken the answer.",
  resume_failed: "The run that carried the answer failed.",
};

/** From the answer to what it did outside. */
function Progress({ review }: { review: ReviewTask }) {
  const { data } = useHistory(review);
  const effects = data?.ran.flatMap((run) => run.effects) ?? [];
  return (
    <p>
      {review.status === "decided" && review.resume_run_id === null
        ? "The run goes on when the other open questions of its thread are answered."
        : STANDS[review.status]}{" "}
      {review.resume_run_id !== null && (
        <>
          Run{" "}
          <Link href={`/runs/${review.run_id}`}>
            <code>{shortId(review.resume_run_id)}</code>
          </Link>{" "}
        </>
      )}
      {effects.map(({ effect_id, name, status, error }) => (
        <span key={effect_id} className={`badge ${status === "receipt" ? "ok" : "warn"}`}>
          {status === "receipt" ? "✓ " : ""}
          <Line
            text={`${name}: ${status === "receipt" ? "done" : words(status)}${error === null ? "" : `, ${error}`}`}
          />
        </span>
      ))}
    </p>
  );
}

/** What was typed and not sent. */
function Kept({ draft }: { draft: Draft }) {
  if (!isTouched(draft)) return null;
  const messages = Object.values(draft.actions).map(({ message }) => message);
  const texts = [draft.comment, ...messages].filter((text) => text !== "");
  return (
    <details className="kept" open>
      <summary>What you had typed is kept here; it was not sent.</summary>
      {texts.map((text) => (
        <p key={text} className="quote">
          <Text text={text} />
        </p>
      ))}
    </details>
  );
}

/** Who holds it and until when, in a few words. */
export function Custody({ review, me }: { review: ReviewTask; me: string }) {
  const { claim, assignee } = review;
  if (claim !== null) {
    return (
      <span className="badge accent" title={`until ${formatMoment(claim.until)}`}>
        {claim.by === me ? "in your hands" : <Line text={`in the hands of ${claim.by}`} />}
      </span>
    );
  }
  if (assignee === null) return null;
  return (
    <span className="badge">{assignee === me ? "assigned to you" : <Line text={`assigned to ${assignee}`} />}</span>
  );
}
