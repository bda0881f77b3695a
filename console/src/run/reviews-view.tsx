import { Link } from "wouter";
import { Ago, Due } from "../ui/clock.tsx";
import { formatMoment, words } from "../ui/format.ts";
import { Empty } from "../ui/states.tsx";
import { Line } from "../ui/text.tsx";
import type { Question, RunDetail } from "./model.ts";
import { formatMs } from "./spans.ts";
import { StatusBadge } from "./status.tsx";
import { waitWords } from "./timeline.ts";

/** What people were asked, and what they said. */
export function ReviewsView({ run }: { run: RunDetail }) {
  if (run.questions.length === 0) return <Empty title="This run has asked nobody anything." />;
  return (
    <ul className="run-cards">
      {run.questions.map((question) => (
        <li key={question.id} className="run-card">
          <p className="run-card-head">
            <StatusBadge status={question.status === "open" ? "waiting" : question.status} short />
            <Link href={`/reviews/${question.id}`} className="run-card-title">
              <Line text={question.title} />
            </Link>
            {question.risk !== null && <span className="badge">{question.risk} risk</span>}
          </p>
          <p className="muted">
            Asked by node <Line text={question.node} /> <Ago at={question.opened_at} />. <Answer question={question} />
          </p>
        </li>
      ))}
    </ul>
  );
}

function Answer({ question }: { question: Question }) {
  const { outcome, decided_at, opened_at, due_at, status, status_reason } = question;
  if (outcome !== null && decided_at !== null) {
    const took = Date.parse(decided_at) - Date.parse(opened_at);
    return (
      <>
        {capital(waitWords(question))}, {formatMoment(decided_at)}, after {formatMs(took)}.
      </>
    );
  }
  if (status === "open" || status === "info_requested") return due_at === null ? null : <Due at={due_at} />;
  return (
    <>
      Nobody decided it: {words(status)}
      {status_reason !== null && (
        <>
          {" "}
          (<Line text={status_reason} />)
        </>
      )}
      .
    </>
  );
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
