import { useNow } from "../ui/clock.tsx";
import { visibleLine } from "../ui/visible-text.ts";
import { type Pending, sendNow, undo, usePending } from "./pending.ts";

/** Decisions that can still be taken back and whose review is not on screen. */
export function PendingBar({ except }: { except?: string | undefined }) {
  const elsewhere = usePending().filter(({ review }) => review.id !== except);
  if (elsewhere.length === 0) return null;
  return (
    <div className="pending-bar">
      {elsewhere.map((one) => (
        <PendingLine key={one.review.id} pending={one} title />
      ))}
    </div>
  );
}

/** One decision that can still be taken back. */
export function PendingLine({ pending, title = false }: { pending: Pending; title?: boolean }) {
  const now = useNow();
  const { review, verb, sends_at } = pending;
  const seconds = sends_at === null ? 0 : Math.max(1, Math.ceil((sends_at - now) / 1000));
  return (
    <div className="pending-line" role="status">
      <span>
        <strong>{verb}</strong>
        {title ? `: ${visibleLine(review.title)}` : ""}{" "}
        {sends_at === null ? "is being sent …" : <span aria-hidden="true">is sent in {seconds} s</span>}
      </span>
      {sends_at !== null && (
        <span className="pending-buttons">
          <button type="button" className="button" onClick={() => undo(review.id)}>
            Undo <kbd>u</kbd>
          </button>
          <button type="button" className="button quiet" onClick={() => sendNow(review.id)}>
            Send now
          </button>
        </span>
      )}
    </div>
  );
}
