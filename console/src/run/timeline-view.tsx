import { useState } from "react";
import { Link } from "wouter";
import { useNow } from "../ui/clock.tsx";
import { count, formatBytes, formatMoment, formatNumber, shortId } from "../ui/format.ts";
import { Line } from "../ui/text.tsx";
import { isOver, type RunDetail } from "./model.ts";
import { formatMs, type Scale } from "./spans.ts";
import { statusLabel, statusSign } from "./status.tsx";
import { type Bar, type Row, timelineOf, waitWords } from "./timeline.ts";

/** When what happened, and how long it took. */
export function TimelineView({ run }: { run: RunDetail }) {
  const [folds, setFolds] = useState(true);
  const now = useNow();
  const at = Math.max(now, Date.parse(run.now));
  const timeline = timelineOf(run, isOver(run.status) ? Date.parse(run.ended_at ?? run.now) : at, folds);
  const { rows, scale } = timeline;
  return (
    <div className="timeline">
      <p className="timeline-tools">
        <span className="muted">
          {formatMoment(run.due_at)} · {formatMs(timeline.to - timeline.from)}
        </span>
        <label className="check">
          <input type="checkbox" checked={folds} onChange={(event) => setFolds(event.target.checked)} /> Fold idle time
        </label>
        <Legend />
      </p>
      <ol className="timeline-rows">
        {rows.map((row) => (
          <TimelineRow key={row.id} row={row} scale={scale} run={run} />
        ))}
      </ol>
      {run.is_cut && <p className="notice">More was executed than is shown here: the first 2,000 executions.</p>}
    </div>
  );
}

function Legend() {
  return (
    <span className="run-legend">
      <i className="run-swatch bar-queue" aria-hidden="true" /> queue{" "}
      <i className="run-swatch bar-node" aria-hidden="true" /> node{" "}
      <i className="run-swatch bar-wait" aria-hidden="true" /> waits for a person
    </span>
  );
}

function TimelineRow({ row, scale, run }: { row: Row; scale: Scale; run: RunDetail }) {
  const [isOpen, setOpen] = useState(false);
  const { part, execution, question } = row;
  return (
    <li className={part === undefined ? "timeline-row" : "timeline-row part-row"}>
      <div className="timeline-name" data-depth={Math.min(row.depth, 4)}>
        <button type="button" className="timeline-label" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <span className={`run-sign sign-${signOf(row)}`} aria-hidden="true">
            {statusSign(signOf(row))}
          </span>
          <span className="run-clip">
            {part === undefined ? <Line text={row.label} /> : `${row.label} ${shortId(part.run_id)}`}
          </span>
          <span className="sr-only">, {rowWords(row)}</span>
        </button>
        <span className="timeline-took" aria-hidden="true">
          {formatMs(tookOf(row))}
        </span>
      </div>
      <div className="run-track" aria-hidden="true">
        {scale.folds.map((fold) => (
          <span key={fold.from} className="run-fold" style={{ left: percent(fold.x), width: percent(fold.width) }}>
            {part === run.parts[0] && formatMs(fold.to - fold.from)}
          </span>
        ))}
        {row.bars.map((bar) => (
          <BarView key={`${bar.kind}${bar.from}`} bar={bar} scale={scale} />
        ))}
        {question !== undefined && <WaitCaption row={row} scale={scale} />}
      </div>
      {isOpen && (
        <div className="timeline-more">
          {part !== undefined && <PartMore row={row} />}
          {execution !== undefined && <ExecutionMore row={row} />}
          {question !== undefined && (
            <p>
              <Line text={question.title} />: {waitWords(question)}
              {question.decided_at !== null && `, ${formatMoment(question.decided_at)}`}.{" "}
              <Link href={`/reviews/${question.id}`}>Open the review</Link>
            </p>
          )}
        </div>
      )}
    </li>
  );
}

const percent = (share: number) => `${(share * 100).toFixed(3)}%`;

function BarView({ bar, scale }: { bar: Bar; scale: Scale }) {
  const left = scale.at(bar.from);
  const width = Math.max(0, scale.at(bar.to) - left);
  const open = bar.isOpen ? " bar-open" : "";
  return (
    <span
      className={`run-bar bar-${bar.kind} bar-is-${bar.status}${open}`}
      style={{ left: percent(left), width: `max(2px, ${percent(width)})` }}
    />
  );
}

/** Who decided, written where there is room for it. */
function WaitCaption({ row, scale }: { row: Row; scale: Scale }) {
  const [bar] = row.bars;
  if (row.question === undefined || bar === undefined) return null;
  const left = scale.at(bar.from);
  const place =
    left > 0.55 ? { right: percent(1 - left), paddingRight: 6 } : { left: percent(scale.at(bar.to)), paddingLeft: 6 };
  const text = waitWords(row.question);
  return (
    <span className={left > 0.55 ? "bar-caption run-before" : "bar-caption"} style={place}>
      <Line text={text} />
    </span>
  );
}

function signOf({ part, execution, question }: Row): string {
  if (question !== undefined) {
    if (question.status === "open" || question.status === "info_requested") return "waiting";
    return question.outcome === "rejected" || question.outcome === null ? "superseded" : "success";
  }
  // A node that asks is no node that was cancelled.
  if (execution !== undefined) return execution.status === "interrupted" ? "waiting" : execution.status;
  return part?.status ?? "pending";
}

function tookOf({ bars }: Row): number {
  const from = Math.min(...bars.map((bar) => bar.from));
  return Math.max(...bars.map((bar) => bar.to)) - from;
}

function rowWords(row: Row): string {
  const took = formatMs(tookOf(row));
  if (row.question !== undefined) return `${waitWords(row.question)}, ${took}`;
  if (row.execution !== undefined) {
    return `node, ${row.execution.status === "interrupted" ? "asked" : statusLabel(row.execution.status)}, ${took}`;
  }
  return `${statusLabel(signOf(row))}, ${took}`;
}

function PartMore({ row: { part } }: { row: Row }) {
  if (part === undefined) return null;
  return (
    <>
      <p className="mono">{part.run_id}</p>
      <ul>
        {part.attempts.map(({ attempt, worker_id, outcome, started_at, error_class }) => (
          <li key={attempt}>
            Attempt {attempt}: {statusLabel(outcome ?? "running")}
            {error_class !== null && (
              <>
                {" "}
                (<Line text={error_class} />)
              </>
            )}
            , worker {shortId(worker_id)}, {formatMoment(started_at)}
          </li>
        ))}
      </ul>
      {part.attempts.length === 0 && <p>No worker has taken it yet.</p>}
    </>
  );
}

function ExecutionMore({ row: { execution } }: { row: Row }) {
  if (execution === undefined) return null;
  const { model_ms, tool_ms, tries, input_tokens, output_tokens, write_keys, write_bytes, error_class, cost } =
    execution;
  const facts = [
    `${formatMs(execution.duration_ms)} in ${count(tries, "try", "tries")}`,
    ...(model_ms > 0 ? [`${formatMs(model_ms)} waiting for models`] : []),
    ...(tool_ms > 0 ? [`${formatMs(tool_ms)} waiting for tools`] : []),
    ...(input_tokens + output_tokens > 0
      ? [`${formatNumber(input_tokens)} tokens in, ${formatNumber(output_tokens)} out`]
      : []),
    ...(cost === null ? [] : [`cost ${formatNumber(cost)}`]),
    ...(execution.is_cached ? ["from the cache"] : []),
    `wrote ${formatBytes(write_bytes)}`,
  ];
  return (
    <>
      <p>{facts.join(" · ")}</p>
      {write_keys.length > 0 && (
        <p className="muted">
          Keys: <Line text={write_keys.join(", ")} />
        </p>
      )}
      {error_class !== null && (
        <p className="run-bad-text">
          Failed: <Line text={error_class} />
        </p>
      )}
    </>
  );
}
