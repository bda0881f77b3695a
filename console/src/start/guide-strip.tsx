import { Link } from "wouter";
import type { RunDetail } from "../run/model.ts";
import { Line } from "../ui/text.tsx";
import { setGuide, useGuide } from "./guide.ts";
import "./start.css";

/** The three steps of the guided start, above the run that it is about. */
export function GuideStrip({ run }: { run: RunDetail }) {
  const guide = useGuide();
  if (guide !== run.run_id) return null;
  const isDecided = run.questions.some(({ outcome }) => outcome !== null);
  const isDone = run.status === "success" && (isDecided || run.questions.length === 0);
  const step = isDone ? 4 : isDecided ? 3 : 2;
  return (
    <section className="run-guide" aria-label="Guided start">
      <ol>
        <GuideStep number={1} step={step} title="Run the example" />
        <GuideStep number={2} step={step} title="Approve it" />
        <GuideStep number={3} step={step} title="See it resume" />
      </ol>
      <p role="status">
        {step === 2 && run.review_id !== null && (
          <>
            The run has stopped and waits for you, for days if need be: <Line text={run.review_title ?? "a review"} />.{" "}
            <Link href={`/reviews/${run.review_id}`} className="button primary">
              Open the review
            </Link>
          </>
        )}
        {step === 2 && run.review_id === null && "The run is on its way to the point where it needs a person …"}
        {step === 3 && "Decided. The run goes on from where it stopped …"}
        {step === 4 && (
          <>
            Done: it waited, somebody decided, and it went on from there, once. Below is what happened, and when.{" "}
            <button type="button" className="button" onClick={() => setGuide(null)}>
              Close the guide
            </button>
          </>
        )}
      </p>
    </section>
  );
}

function GuideStep({ number, step, title }: { number: number; step: number; title: string }) {
  const isDone = number < step;
  return (
    <li
      className={isDone ? "done" : number === step ? "now" : undefined}
      aria-current={number === step ? "step" : undefined}
    >
      <span className="guide-number" aria-hidden="true">
        {isDone ? "✓" : number}
      </span>
      {title}
      {isDone && <span className="sr-only"> (done)</span>}
    </li>
  );
}
