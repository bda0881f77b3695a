import { type RefObject, useId, useState } from "react";
import type { DecisionType } from "../../../src/protocol/interrupt.ts";
import type { ReviewTask } from "../../../src/protocol/review.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Line, Text } from "../ui/text.tsx";
import { visibleLine } from "../ui/visible-text.ts";
import { Message } from "./action-card.tsx";
import { actionDraft, type DecisionRequest, type Draft, outcomeOf, verbOf } from "./decision.ts";
import { type Pending, pathOf } from "./pending.ts";
import { PendingLine } from "./pending-bar.tsx";
import "./decide-bar.css";

interface Props {
  review: ReviewTask;
  draft: Draft;
  pending: Pending | undefined;
  isCommenting: boolean;
  comment: RefObject<HTMLTextAreaElement | null>;
  onChange: (draft: Draft) => void;
  onComment: () => void;
  onDecide: (chosen?: DecisionType) => void;
}

const CHOOSE = { edit: "Edit", reject: "Reject…", respond: "Answer…" } as const;
const KEYS = { approve: "a", edit: "e", reject: "r", respond: "w" } as const;

/** What can be decided, what belongs to it, and what would be sent. */
export function DecideBar(props: Props) {
  const { review, draft, pending } = props;
  if (pending !== undefined) {
    return (
      <footer className="decide-bar">
        <PendingLine pending={pending} />
        <WhatIsSent review={review} body={pending.body} />
      </footer>
    );
  }
  const [only, ...others] = review.actions;
  const type = only === undefined || others.length > 0 ? undefined : actionDraft(draft, only.index).type;
  const standIn =
    type === undefined && others.length === 0 && only?.allowed.includes("approve") ? "approve" : undefined;
  const outcome = outcomeOf(review, draft, standIn);
  return (
    <footer className="decide-bar">
      <Words {...props} type={type} />
      {others.length > 0 ? <SeveralButtons {...props} /> : <SingleButtons {...props} type={type} />}
      <WhatIsSent review={review} body={outcome.body} missing={outcome.missing} />
    </footer>
  );
}

/** Reason, message and comment, where they are wanted. */
function Words({ review, draft, isCommenting, comment, onChange, type }: Props & { type: DecisionType | undefined }) {
  const id = useId();
  const [only] = review.actions;
  const isRejected = review.actions.some(({ index }) => actionDraft(draft, index).type === "reject");
  const wants = review.policy.require_comment.length > 0 || isCommenting || draft.comment !== "";
  const isWorded = only !== undefined && (type === "reject" || type === "respond");
  return (
    <div className="decide-words">
      {isRejected && review.policy.reject_options.length > 0 && (
        <div className="field">
          <label htmlFor={`${id}-reason`}>Reason</label>
          <select
            id={`${id}-reason`}
            className="input"
            value={draft.reason_code ?? ""}
            onChange={(event) =>
              onChange({ ...draft, reason_code: event.target.value === "" ? null : event.target.value })
            }
          >
            <option value="">none of these</option>
            {review.policy.reject_options.map(({ code, title }) => (
              <option key={code} value={code}>
                {visibleLine(title)}
              </option>
            ))}
          </select>
        </div>
      )}
      {isWorded && (
        <Message
          review={review}
          action={only}
          draft={actionDraft(draft, only.index)}
          isFrozen={false}
          onChange={(next) => onChange({ ...draft, actions: { ...draft.actions, [only.index]: next } })}
        />
      )}
      {(wants || isRejected) && (
        <div className="field">
          <label htmlFor={`${id}-comment`}>Comment, for the record</label>
          <textarea
            id={`${id}-comment`}
            ref={comment}
            className="input"
            rows={2}
            maxLength={10_000}
            value={draft.comment}
            onChange={(event) => onChange({ ...draft, comment: event.target.value })}
          />
        </div>
      )}
    </div>
  );
}

function SingleButtons({
  review,
  draft,
  type,
  onChange,
  onComment,
  onDecide,
}: Props & { type: DecisionType | undefined }) {
  const action = review.actions[0];
  if (action === undefined) return null;
  const choose = (next: DecisionType | undefined) => {
    const { type: _before, ...rest } = actionDraft(draft, action.index);
    onChange({
      ...draft,
      actions: { ...draft.actions, [action.index]: next === undefined ? rest : { ...rest, type: next } },
    });
  };
  if (type !== undefined && type !== "approve") {
    const { body } = outcomeOf(review, draft);
    const verb = type === "edit" ? "Approve with changes" : type === "reject" ? "Reject" : "Send the answer";
    return (
      <div className="decide-buttons">
        <button
          type="button"
          className={`button ${type === "reject" ? "danger" : "approve"}`}
          disabled={body === null}
          onClick={() => onDecide()}
        >
          {verb}
          <kbd>Ctrl ⏎</kbd>
        </button>
        <button type="button" className="button" onClick={() => choose(undefined)}>
          Back
        </button>
        <CommentButton onComment={onComment} />
      </div>
    );
  }
  return (
    <div className="decide-buttons">
      {action.allowed.includes("approve") && (
        <button type="button" className="button approve" onClick={() => onDecide("approve")}>
          Approve <kbd>{KEYS.approve}</kbd>
        </button>
      )}
      {(["edit", "respond", "reject"] as const)
        .filter((name) => action.allowed.includes(name))
        .map((name) => (
          <button
            key={name}
            type="button"
            className={`button ${name === "reject" ? "danger" : ""}`}
            onClick={() => choose(name)}
          >
            {CHOOSE[name]} <kbd>{KEYS[name]}</kbd>
          </button>
        ))}
      <CommentButton onComment={onComment} />
    </div>
  );
}

function SeveralButtons({ review, draft, onComment, onDecide }: Props) {
  const { body, missing } = outcomeOf(review, draft);
  const mayApproveAll = review.actions.every(({ allowed }) => allowed.includes("approve"));
  const isUndecided = review.actions.every(({ index }) => actionDraft(draft, index).type === undefined);
  return (
    <div className="decide-buttons">
      {isUndecided && mayApproveAll ? (
        <button type="button" className="button approve" onClick={() => onDecide("approve")}>
          Approve all {review.actions.length} <kbd>a</kbd>
        </button>
      ) : (
        <button type="button" className="button approve" disabled={body === null} onClick={() => onDecide()}>
          {body === null ? `Send ${review.actions.length} decisions` : verbOf(body.decisions)} <kbd>Ctrl ⏎</kbd>
        </button>
      )}
      {!isUndecided && body === null && <span className="muted">{missing[0]}</span>}
      <CommentButton onComment={onComment} />
    </div>
  );
}

function CommentButton({ onComment }: { onComment: () => void }) {
  return (
    <button type="button" className="button quiet" onClick={onComment}>
      Comment <kbd>c</kbd>
    </button>
  );
}

/** The request as it leaves. */
function WhatIsSent({
  review,
  body,
  missing = [],
}: {
  review: ReviewTask;
  body: DecisionRequest | null;
  missing?: readonly string[];
}) {
  return (
    <details className="sent">
      <summary>What is sent</summary>
      {body === null ? (
        <p className="muted">Nothing yet: {missing.join("; ")}.</p>
      ) : (
        <pre>
          <Text
            text={`POST ${pathOf(review)}\nIf-Match: "${review.version}"\n\n${JSON.stringify(body, null, 2)}`}
            first={4_000}
          />
        </pre>
      )}
    </details>
  );
}

const SHORT = 1_500;

interface ConfirmProps {
  review: ReviewTask;
  body: DecisionRequest;
  onConfirm: () => void;
  onClose: () => void;
}

/** The step more before what can do much harm. */
export function ConfirmDialog({ review, body, onConfirm, onClose }: ConfirmProps) {
  const [hasRead, setRead] = useState(false);
  const verb = verbOf(body.decisions);
  return (
    <Dialog title={`${verb}?`} onClose={onClose}>
      <div className="confirm">
        {review.actions.map(({ index, preview, name }) => (
          <p key={index} className="effect">
            <Line text={preview ?? `${name} runs with these arguments.`} />
          </p>
        ))}
        <details open>
          <summary>What is sent</summary>
          <pre>
            <Text text={JSON.stringify(body, null, 2)} />
          </pre>
        </details>
        <details open={JSON.stringify(review.actions).length < SHORT}>
          <summary>Arguments</summary>
          <pre>
            <Text
              text={JSON.stringify(
                review.actions.map(({ args }) => args),
                null,
                2,
              )}
            />
          </pre>
        </details>
        <label className="check">
          <input type="checkbox" checked={hasRead} onChange={(event) => setRead(event.target.checked)} /> I have read
          what will happen. It is sent at once and cannot be taken back.
        </label>
        <p className="buttons">
          <button type="button" className="button" onClick={onClose}>
            Back
          </button>
          <button type="button" className="button approve" disabled={!hasRead} onClick={onConfirm}>
            {verb}
          </button>
        </p>
      </div>
    </Dialog>
  );
}
