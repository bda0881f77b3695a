import { useState } from "react";
import { useLocation } from "wouter";
import { messageOf, post } from "../data/api.ts";
import { Dialog } from "../ui/dialog.tsx";
import { count, formatMoment } from "../ui/format.ts";
import { Loading } from "../ui/states.tsx";
import { Line } from "../ui/text.tsx";
import { say } from "../ui/toast.tsx";
import type { Effect, Question, RunDetail } from "./model.ts";
import { useEffects } from "./run-queries.ts";
import type { Step } from "./steps-query.ts";

interface Props {
  run: RunDetail;
  step: Step;
  onClose: () => void;
}

/** Goes back in time, after saying what that does not take along and what it would do once more. */
export function ForkDialog({ run, step, onClose }: Props) {
  const [, navigate] = useLocation();
  const [error, setError] = useState<unknown>();
  const [isSent, setSent] = useState(false);
  const effects = useEffects(run.run_id, false);
  const fork = async () => {
    setSent(true);
    setError(undefined);
    try {
      const { run_id } = await post<{ run_id: string }>(`/threads/${run.thread_id}/runs`, {
        assistant_id: run.assistant_id,
        input: null,
        checkpoint: { checkpoint_id: step.checkpoint.checkpoint_id },
        metadata: { forked_from: run.run_id },
        stream_mode: ["values", "updates", "messages-tuple", "custom", "tasks"],
      });
      say("Forked: this is the new run.", "ok");
      onClose();
      navigate(`/runs/${run_id}`);
    } catch (failure) {
      setError(failure);
      setSent(false);
    }
  };
  const next = step.next.length === 0 ? "nothing: it is the end" : step.next.join(", ");
  return (
    <Dialog title="Fork from here" onClose={onClose}>
      <div className="run-stack">
        <p>
          A new run starts on this thread from step {step.metadata.step ?? "?"}
          {step.created_at !== null && ` of ${formatMoment(step.created_at)}`}. It executes{" "}
          <strong>
            <Line text={next} />
          </strong>{" "}
          and everything behind it again.
        </p>
        {run.graph.is_guarded === true && (
          <p className="notice bad">
            This graph is guarded: the server refuses forks of it, because they lead past a person's decision.
          </p>
        )}
        <Approvals questions={questionsAfter(run.questions, step)} />
        {effects.data === undefined ? (
          <Loading what="what was done outside" />
        ) : (
          <Repeated effects={effectsAfter(effects.data, step)} />
        )}
        {error !== undefined && (
          <p className="notice bad" role="alert">
            {messageOf(error)}
          </p>
        )}
        <p className="run-dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            Keep everything as it is
          </button>
          <button type="button" className="button danger" disabled={isSent} onClick={() => void fork()}>
            {isSent ? "Starting …" : "Fork from here"}
          </button>
        </p>
      </div>
    </Dialog>
  );
}

function Approvals({ questions }: { questions: readonly Question[] }) {
  const decided = questions.filter(({ outcome }) => outcome !== null);
  const open = questions.filter(({ status }) => status === "open" || status === "info_requested");
  if (questions.length === 0) return <p>No question was asked after this step.</p>;
  return (
    <div className="notice warn">
      {decided.length > 0 && (
        <p>
          <strong>
            {count(decided.length, "decision")} after this step {decided.length === 1 ? "does" : "do"} not carry over
          </strong>
          : the same questions are asked again.
        </p>
      )}
      {open.length > 0 && <p>{count(open.length, "open review")} will be taken back, and asked anew.</p>}
      <ul>
        {questions.map(({ id, title, outcome, decided_by }) => (
          <li key={id}>
            <Line text={title} />
            {outcome !== null && `, ${outcome} by ${decided_by ?? "somebody"}`}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Repeated({ effects }: { effects: readonly Effect[] }) {
  if (effects.length === 0) return <p>Nothing was done outside after this step.</p>;
  return (
    <div className="notice bad">
      <p>
        <strong>{count(effects.length, "effect")} after this step may happen once more</strong>: a fork is another run,
        and the receipts of this one do not hold for it.
      </p>
      <ul>
        {effects.map(({ effect_id, name, status }) => (
          <li key={effect_id}>
            <Line text={name} /> ({status === "receipt" ? "done" : status})
          </li>
        ))}
      </ul>
    </div>
  );
}

/** A question is asked by a task of the checkpoint it names: forking from that one asks it again. */
function questionsAfter(questions: readonly Question[], { checkpoint }: Step): Question[] {
  const from = checkpoint.checkpoint_id ?? "";
  return questions.filter(({ checkpoint_id }) => checkpoint_id >= from);
}

function effectsAfter(effects: readonly Effect[], { checkpoint }: Step): Effect[] {
  const from = checkpoint.checkpoint_id ?? "";
  return effects.filter(({ checkpoint_id, kind }) => checkpoint_id >= from && kind !== "read");
}
