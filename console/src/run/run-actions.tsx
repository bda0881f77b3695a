import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { useWhoami } from "../app/query.ts";
import { get, messageOf, post } from "../data/api.ts";
import { Dialog } from "../ui/dialog.tsx";
import { shortId } from "../ui/format.ts";
import { Loading } from "../ui/states.tsx";
import { Line } from "../ui/text.tsx";
import { say } from "../ui/toast.tsx";
import { isMoving, type RunDetail, type RunError } from "./model.ts";

/** Whether who is signed in holds a permission. */
export function useMay(permission: string): boolean {
  return useWhoami().data?.permissions.includes(permission) ?? false;
}

/** True where a run failed, so that another one may go on from there. */
export const hasFailed = ({ last_run_status }: Pick<RunDetail, "last_run_status">) =>
  last_run_status === "error" || last_run_status === "timeout";

/** What can be done with a run as it stands; `open` is the dialog that is shown. */
export function RunActions({
  run,
  open,
  setOpen,
}: {
  run: RunDetail;
  open: ActionName;
  setOpen: (name: ActionName) => void;
}) {
  const mayCancel = useMay("runs:cancel");
  const mayStart = useMay("runs:create");
  return (
    <div className="run-actions">
      {run.review_id !== null && (
        <Link href={`/reviews/${run.review_id}`} className="button primary">
          Open the review
        </Link>
      )}
      {isMoving(run.status) && mayCancel && (
        <button type="button" className="button danger" onClick={() => setOpen("cancel")}>
          Cancel …
        </button>
      )}
      {hasFailed(run) && mayStart && (
        <button type="button" className="button primary" onClick={() => setOpen("retry")}>
          Retry …
        </button>
      )}
      {mayStart && (
        <Link href={`/start/${encodeURIComponent(run.graph_id)}?like=${run.run_id}`} className="button">
          Start another
        </Link>
      )}
      {open === "cancel" && <CancelDialog run={run} onClose={() => setOpen(undefined)} />}
      {open === "retry" && <RetryDialog run={run} onClose={() => setOpen(undefined)} />}
    </div>
  );
}

/** A dialog of a run. */
export type ActionName = "cancel" | "retry" | undefined;

interface DialogProps {
  run: RunDetail;
  onClose: () => void;
}

function CancelDialog({ run, onClose }: DialogProps) {
  const client = useQueryClient();
  const [action, setAction] = useState<"interrupt" | "rollback">("interrupt");
  const [error, setError] = useState<unknown>();
  const [isSent, setSent] = useState(false);
  const cancel = async () => {
    setSent(true);
    try {
      await post(`/threads/${run.thread_id}/runs/${run.last_run_id}/cancel?action=${action}`, {});
      say("The run is being cancelled.", "ok");
      onClose();
      await client.invalidateQueries({ queryKey: ["run", run.run_id] });
    } catch (failure) {
      setError(failure);
      setSent(false);
    }
  };
  return (
    <Dialog title={`Cancel run ${shortId(run.last_run_id)}`} onClose={onClose}>
      <fieldset className="run-stack run-plain">
        <legend className="sr-only">What becomes of what it has done</legend>
        <label className="run-choice">
          <input type="radio" name="action" checked={action === "interrupt"} onChange={() => setAction("interrupt")} />
          <span>
            <strong>Stop it, and keep what it has done.</strong> The thread stays where it is.
          </span>
        </label>
        <label className="run-choice">
          <input type="radio" name="action" checked={action === "rollback"} onChange={() => setAction("rollback")} />
          <span>
            <strong>Stop it and take it back.</strong> The run is deleted and the thread is what it was before. Refused
            where an effect was begun or a decision was made.
          </span>
        </label>
        {error !== undefined && (
          <p className="notice bad" role="alert">
            {messageOf(error)}
          </p>
        )}
        <p className="run-dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            Let it go on
          </button>
          <button type="button" className="button danger" disabled={isSent} onClick={() => void cancel()}>
            {isSent ? "Cancelling …" : "Cancel the run"}
          </button>
        </p>
      </fieldset>
    </Dialog>
  );
}

interface RetryPlan {
  from: "checkpoint" | "start";
  error: RunError | null;
}

function RetryDialog({ run, onClose }: DialogProps) {
  const [, navigate] = useLocation();
  const [error, setError] = useState<unknown>();
  const [isSent, setSent] = useState(false);
  const plan = useQuery({
    queryKey: ["run", run.run_id, "retry", run.last_run_id],
    queryFn: ({ signal }) => get<RetryPlan>(`/runs/${run.last_run_id}/retry`, signal),
    staleTime: 0,
  });
  const retry = async () => {
    setSent(true);
    try {
      const { run_id } = await post<{ run_id: string }>(`/runs/${run.last_run_id}/retry`, {});
      say("Retried: this is the run that goes on.", "ok");
      onClose();
      navigate(`/runs/${run_id}`);
    } catch (failure) {
      setError(failure);
      setSent(false);
    }
  };
  const refusal = error ?? plan.error ?? undefined;
  return (
    <Dialog title="Retry from where it failed" onClose={onClose}>
      <div className="run-stack">
        {plan.isPending && <Loading what="what a retry would do" />}
        {plan.data !== undefined && <Plan plan={plan.data} node={run.node} />}
        {refusal !== undefined && refusal !== null && (
          <p className="notice bad" role="alert">
            {messageOf(refusal)}
          </p>
        )}
        <p className="run-dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            Not now
          </button>
          <button
            type="button"
            className="button primary"
            disabled={isSent || plan.data === undefined}
            onClick={() => void retry()}
          >
            {isSent ? "Starting …" : "Retry"}
          </button>
        </p>
      </div>
    </Dialog>
  );
}

function Plan({ plan, node }: { plan: RetryPlan; node: string | null }) {
  return (
    <>
      {plan.error !== null && (
        <p className="notice bad">
          It failed with <Line text={`${plan.error.error}: ${plan.error.message}`} />
        </p>
      )}
      {plan.from === "checkpoint" ? (
        <p>
          A new run goes on from the last checkpoint
          {node !== null && (
            <>
              , at node <Line text={node} />
            </>
          )}
          . What was done before is kept, and an effect that has a receipt is not repeated.
        </p>
      ) : (
        <p>Nothing of it was stored, so a new run gets the same input from the start.</p>
      )}
    </>
  );
}
