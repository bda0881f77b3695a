import { useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { useShortcuts } from "../app/shortcuts.ts";
import { isOver, type ListedRun } from "../run/model.ts";
import { formatMs } from "../run/spans.ts";
import { StatusBadge } from "../run/status.tsx";
import { Ago, Due, useNow } from "../ui/clock.tsx";
import { formatNumber, shortId } from "../ui/format.ts";
import { Line } from "../ui/text.tsx";

const COLUMNS = ["Status", "Run", "Where it stands", "Started", "Took", "Queue", "Tries", "Tokens", "Cost", "Reviews"];

/** Without a model nothing costs tokens, and the columns would be empty. */
interface Shown {
  tokens: boolean;
  cost: boolean;
}

/** Runs, a line each; j and k go through them, Enter opens one. */
export function RunsTable({ runs }: { runs: readonly ListedRun[] }) {
  const [selected, setSelected] = useState<string>();
  const [, navigate] = useLocation();
  const body = useRef<HTMLTableSectionElement>(null);
  const move = (by: number) => {
    const place = runs.findIndex(({ run_id }) => run_id === selected);
    const next = place === -1 ? (by > 0 ? 0 : runs.length - 1) : place + by;
    const run = runs[Math.min(runs.length - 1, Math.max(0, next))];
    if (run !== undefined) setSelected(run.run_id);
  };
  const shown: Shown = {
    tokens: runs.some(({ input_tokens, output_tokens }) => input_tokens + output_tokens > 0),
    cost: runs.some(({ cost }) => cost !== null),
  };
  const columns = COLUMNS.filter((name) => (name !== "Tokens" || shown.tokens) && (name !== "Cost" || shown.cost));
  const open = () => selected !== undefined && navigate(`/runs/${selected}`);
  useShortcuts([
    { keys: "j", label: "Next run", group: "Runs", run: () => move(1) },
    { keys: "ArrowDown", label: "Next run", group: "Runs", run: () => move(1) },
    { keys: "k", label: "The run before", group: "Runs", run: () => move(-1) },
    { keys: "ArrowUp", label: "The run before", group: "Runs", run: () => move(-1) },
    { keys: "o", label: "Open the run", group: "Runs", run: open, isOff: selected === undefined },
  ]);
  useEffect(() => {
    if (selected === undefined) return;
    // The keyboard is on the link, so Enter opens it and a screen reader says it.
    body.current?.querySelector<HTMLElement>(`[data-run="${selected}"] a`)?.focus();
  }, [selected]);
  return (
    <div className="run-table-scroll">
      <table className="run-table runs-table">
        <thead>
          <tr>
            {columns.map((name, place) => (
              <th key={name} scope="col" className={place > 3 ? "number" : undefined}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          {runs.map((run) => (
            <RunRow key={run.run_id} run={run} isSelected={run.run_id === selected} shown={shown} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RunRow({ run, isSelected, shown }: { run: ListedRun; isSelected: boolean; shown: Shown }) {
  const [, navigate] = useLocation();
  return (
    <tr
      data-run={run.run_id}
      className={isSelected ? "run-selected" : undefined}
      onClick={(event) => {
        if (!(event.target instanceof HTMLElement) || event.target.closest("a") !== null) return;
        navigate(`/runs/${run.run_id}`);
      }}
    >
      <td className="cell-status">
        <StatusBadge status={run.status} short />
      </td>
      <th scope="row" className="cell-run">
        <Link href={`/runs/${run.run_id}`}>
          <Line text={run.graph_id} /> <span className="mono muted">{shortId(run.run_id)}</span>
        </Link>
      </th>
      <td className="cell-where">
        <Where run={run} />
      </td>
      <td className="cell-started">
        <Ago at={run.created_at} />
        <span className="muted run-by">
          {" "}
          <Line text={run.started_by} />
        </span>
      </td>
      <td className="number" data-name="took">
        <Took run={run} />
      </td>
      <td className="number" data-name="queue">
        {formatMs(run.queue_ms)}
      </td>
      <td className="number" data-name="tries">
        {run.attempts}
      </td>
      {shown.tokens && (
        <td className="number" data-name="tokens">
          {run.input_tokens + run.output_tokens === 0 ? "" : formatNumber(run.input_tokens + run.output_tokens)}
        </td>
      )}
      {shown.cost && (
        <td className="number" data-name="cost">
          {run.cost === null ? "" : formatNumber(Number(run.cost.toPrecision(3)))}
        </td>
      )}
      <td className="number" data-name="reviews">
        {run.reviews === 0 ? "" : run.reviews}
      </td>
    </tr>
  );
}

/** The node it is at, and why it is there. */
function Where({ run }: { run: ListedRun }) {
  if (run.review_id !== null) {
    return (
      <span className="run-where">
        <Link href={`/reviews/${run.review_id}`}>
          <Line text={run.review_title ?? "a review"} />
        </Link>
        {run.review_due_at !== null && (
          <span className="muted">
            {" "}
            <Due at={run.review_due_at} />
          </span>
        )}
      </span>
    );
  }
  if (run.error !== null) {
    return (
      <span className="run-where run-bad-text">
        {run.node !== null && (
          <>
            <Line text={run.node} />:{" "}
          </>
        )}
        <Line text={`${run.error.error}: ${run.error.message}`.slice(0, 160)} />
      </span>
    );
  }
  if (run.status === "pending") return <span className="muted">in the queue</span>;
  if (run.node === null) return null;
  return (
    <span className="muted">
      {run.status === "running" ? "behind " : ""}
      <Line text={run.node} />
    </span>
  );
}

function Took({ run }: { run: ListedRun }) {
  const now = useNow();
  const end =
    isOver(run.status) && run.ended_at !== null ? Date.parse(run.ended_at) : Math.max(now, Date.parse(run.now));
  return formatMs(end - Date.parse(run.due_at));
}
