import { type FormEvent, useState } from "react";
import type { ReviewTask } from "../../../src/protocol/review.ts";
import { Dialog } from "../ui/dialog.tsx";
import { useAttend } from "./queries.ts";

/** What is open over the page. */
export type Asking = "snooze" | "ask" | "assign" | null;

const HOUR_MS = 3_600_000;

interface Props {
  review: ReviewTask;
  asking: Asking;
  setAsking: (asking: Asking) => void;
}

/** The dialogs of what people do about a review beside deciding it. */
export function AttendDialogs({ review, asking, setAsking }: Props) {
  const close = () => setAsking(null);
  if (asking === "snooze") return <Snooze review={review} onClose={close} />;
  if (asking === "ask") return <Ask review={review} onClose={close} />;
  if (asking === "assign") return <Assign review={review} onClose={close} />;
  return null;
}

interface DialogProps {
  review: ReviewTask;
  onClose: () => void;
}

function Snooze({ review, onClose }: DialogProps) {
  const attend = useAttend(review);
  const until = (at: Date | null) => {
    const body = { until: at === null ? null : at.toISOString() };
    attend.mutate({
      act: "snooze",
      body,
      done: at === null ? "Back in the inbox." : "Out of sight for a while; its due time stays.",
    });
    onClose();
  };
  return (
    <Dialog title="Out of sight until" onClose={onClose}>
      <p className="buttons">
        <button type="button" className="button" onClick={() => until(new Date(Date.now() + HOUR_MS))}>
          In an hour
        </button>
        <button type="button" className="button" onClick={() => until(new Date(Date.now() + 4 * HOUR_MS))}>
          In four hours
        </button>
        <button type="button" className="button" onClick={() => until(tomorrowMorning())}>
          Tomorrow, 9:00
        </button>
        {review.snoozed_until !== null && (
          <button type="button" className="button" onClick={() => until(null)}>
            Not at all
          </button>
        )}
      </p>
      <p className="muted">Its deadlines go on, and when it is overdue it is back.</p>
    </Dialog>
  );
}

function tomorrowMorning(): Date {
  const at = new Date();
  at.setDate(at.getDate() + 1);
  at.setHours(9, 0, 0, 0);
  return at;
}

function Ask({ review, onClose }: DialogProps) {
  const attend = useAttend(review);
  const [question, setQuestion] = useState("");
  const [to, setTo] = useState("");
  const [isBack, setBack] = useState(false);
  const mayGoBack = review.actions.every(({ allowed }) => allowed.includes("respond") || allowed.includes("reject"));
  const send = (event: FormEvent) => {
    event.preventDefault();
    const body = isBack
      ? { question, to: "agent", seen_digest: review.request_digest }
      : { question, ...(to.trim() === "" ? {} : { to: to.trim() }) };
    attend.mutate({ act: "ask", body, done: isBack ? "Sent back to the graph." : "Asked." });
    onClose();
  };
  return (
    <Dialog title="Ask before deciding" onClose={onClose}>
      <form className="stack" onSubmit={send}>
        <div className="field">
          <label htmlFor="ask-question">Question</label>
          <textarea
            id="ask-question"
            className="input"
            rows={3}
            maxLength={10_000}
            required
            value={question}
            onChange={(event) => setQuestion(event.target.value)}
          />
        </div>
        <label className="check">
          <input type="radio" name="ask-to" checked={!isBack} onChange={() => setBack(false)} /> A person: the review
          stays open
        </label>
        {!isBack && (
          <div className="field">
            <label htmlFor="ask-to">Who (empty: whoever knows)</label>
            <input
              id="ask-to"
              className="input"
              autoComplete="off"
              maxLength={200}
              value={to}
              onChange={(event) => setTo(event.target.value)}
            />
          </div>
        )}
        {mayGoBack && (
          <label className="check">
            <input type="radio" name="ask-to" checked={isBack} onChange={() => setBack(true)} /> The graph: this is a
            decision, it is told what you wrote and may ask again
          </label>
        )}
        <button type="submit" className="button primary" disabled={question.trim() === ""}>
          {isBack ? "Send back to the graph" : "Ask"}
        </button>
      </form>
    </Dialog>
  );
}

function Assign({ review, onClose }: DialogProps) {
  const attend = useAttend(review);
  const [to, setTo] = useState(review.assignee ?? "");
  const send = (event: FormEvent) => {
    event.preventDefault();
    const body = { to: to.trim() === "" ? null : to.trim() };
    attend.mutate({ act: "assign", body, done: body.to === null ? "Assigned to nobody." : `Assigned to ${body.to}.` });
    onClose();
  };
  return (
    <Dialog title="Assign" onClose={onClose}>
      <form className="stack" onSubmit={send}>
        <div className="field">
          <label htmlFor="assign-to">Who is to decide it (empty: nobody in particular)</label>
          <input
            id="assign-to"
            className="input"
            autoComplete="off"
            maxLength={200}
            value={to}
            onChange={(event) => setTo(event.target.value)}
          />
        </div>
        <button type="submit" className="button primary">
          Assign
        </button>
      </form>
    </Dialog>
  );
}
