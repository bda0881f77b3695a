import type { ReactNode } from "react";
import { Link } from "wouter";
import { Ago, useNow } from "../ui/clock.tsx";
import { count, formatMoment, formatNumber, shortId } from "../ui/format.ts";
import { Icon } from "../ui/icons.tsx";
import { Line } from "../ui/text.tsx";
import { JsonView, summaryOf } from "./json-view.tsx";
import { isOver, type RunDetail } from "./model.ts";
import { type ActionName, RunActions } from "./run-actions.tsx";
import type { LiveState } from "./run-queries.ts";
import { formatMs } from "./spans.ts";
import { StatusBadge } from "./status.tsx";

interface Props {
  run: RunDetail;
  live: LiveState;
  open: ActionName;
  setOpen: (name: ActionName) => void;
}

/** What a run is about, where it stands, and what can be done with it. */
export function RunHeader({ run, live, open, setOpen }: Props) {
  return (
    <header className="run-header">
      <div className="run-title">
        <Link href="/runs" className="button quiet run-back" aria-label="Back to the runs">
          <Icon name="back" />
        </Link>
        <h1>
          <Line text={run.graph_id} /> <span className="mono muted">{shortId(run.run_id)}</span>
        </h1>
        <span role="status">
          <StatusBadge status={run.status} />
        </span>
        <LiveBadge state={live} />
        <RunActions run={run} open={open} setOpen={setOpen} />
      </div>
      {run.review_title !== null && (
        <p className="run-sentence">
          <Line text={run.review_title} /> waits for a person
          {run.waiting_since !== null && (
            <>
              , asked <Ago at={run.waiting_since} />
            </>
          )}
          .
        </p>
      )}
      {run.error !== null && (
        <p className="notice bad run-error">
          <strong>
            <Line text={run.error.error} />
          </strong>
          {run.node !== null && run.node_status === "error" && (
            <>
              {" "}
              at node <Line text={run.node} />
            </>
          )}
          : <Line text={run.error.message} />
        </p>
      )}
      <Summary run={run} />
      <Facts run={run} />
    </header>
  );
}

function LiveBadge({ state }: { state: LiveState }) {
  if (state === "off") return null;
  const words = { connecting: "connecting …", live: "live", again: "connecting again …" }[state];
  return (
    <span className={`badge ${state === "live" ? "ok" : "warn"}`} role="status">
      <span className={`run-dot ${state}`} aria-hidden="true" />
      {words}
    </span>
  );
}

function Summary({ run }: { run: RunDetail }) {
  const [first] = run.parts;
  const last = run.parts.at(-1);
  const given = first?.given?.input ?? first?.given?.command ?? null;
  return (
    <div className="run-summary">
      <Spoken name="Input" text={first?.given === null ? TOO_LONG : summaryOf(given)} value={given} />
      {run.status === "success" && last !== undefined && last.output_bytes > 0 && (
        <Spoken name="Output" text={last.output === null ? TOO_LONG : outputOf(last.output)} value={last.output} />
      )}
    </div>
  );
}

const TOO_LONG = "too long to be shown here";

/** What was said in short; all of it behind a click. */
function Spoken({ name, text, value }: { name: string; text: string; value: unknown }) {
  return (
    <details className="spoken">
      <summary>
        <span className="spoken-name">{name}</span>
        <span className="spoken-text">{text === "" ? <span className="muted">none</span> : <Line text={text} />}</span>
      </summary>
      <JsonView value={value} label={name.toLowerCase()} />
    </details>
  );
}

/** Of the values at the end those that say the most: what is named after an end, or else what came last. */
function outputOf(output: unknown): string {
  if (typeof output !== "object" || output === null || Array.isArray(output)) return summaryOf(output);
  const named = ["answer", "output", "result", "outcome", "receipt"].filter((key) => {
    const value = Object.hasOwn(output, key) ? (output as Record<string, unknown>)[key] : null;
    return value !== null && value !== undefined && value !== "";
  });
  if (named.length === 0) return summaryOf(output);
  return summaryOf(Object.fromEntries(named.map((key) => [key, (output as Record<string, unknown>)[key]])));
}

function Facts({ run }: { run: RunDetail }) {
  const now = useNow();
  const end =
    isOver(run.status) && run.ended_at !== null ? Date.parse(run.ended_at) : Math.max(now, Date.parse(run.now));
  const tokens = run.input_tokens + run.output_tokens;
  const retryOf = run.metadata["retry_of"] ?? run.metadata["forked_from"];
  return (
    <dl className="run-facts">
      <Fact name="Started">
        <span title={formatMoment(run.created_at)}>
          <Ago at={run.created_at} />
        </span>{" "}
        by <Line text={run.started_by} />
      </Fact>
      <Fact name="Took">{formatMs(end - Date.parse(run.due_at))}</Fact>
      <Fact name="In the queue">{formatMs(run.queue_ms)}</Fact>
      {run.attempts > run.runs && <Fact name="Attempts">{`${run.attempts} for ${count(run.runs, "run")}`}</Fact>}
      {tokens > 0 && <Fact name="Tokens">{formatNumber(tokens)}</Fact>}
      {run.cost !== null && <Fact name="Cost">{formatNumber(Number(run.cost.toPrecision(3)))}</Fact>}
      <Fact name="Thread">
        <span className="mono" title={run.thread_id}>
          {shortId(run.thread_id)}
        </span>
      </Fact>
      {typeof retryOf === "string" && (
        <Fact name={run.metadata["retry_of"] === undefined ? "Forked from" : "Retry of"}>
          <Link href={`/runs/${encodeURIComponent(retryOf)}`} className="mono">
            {shortId(retryOf)}
          </Link>
        </Fact>
      )}
      {run.graph.is_guarded === true && <Fact name="Graph">guarded</Fact>}
      {!run.graph.is_loaded && <Fact name="Graph">not loaded now</Fact>}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
