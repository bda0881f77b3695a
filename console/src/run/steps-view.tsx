import { useEffect, useState } from "react";
import { Ago } from "../ui/clock.tsx";
import { WordDiff } from "../ui/diff.tsx";
import { formatBytes, shortId } from "../ui/format.ts";
import { Empty, Failed, Loading } from "../ui/states.tsx";
import { Line, Text } from "../ui/text.tsx";
import { ForkDialog } from "./fork-dialog.tsx";
import { JsonView } from "./json-view.tsx";
import { nodeName, type RunDetail } from "./model.ts";
import { type Change, changedKeys, stateDiff } from "./state-diff.ts";
import { type Step, useStateAt, useSteps } from "./steps-query.ts";

const FIRST_STEPS = 20;

/** Every state that the process has written, and what each step changed. */
export function StepsView({ run, isLive, mayFork }: { run: RunDetail; isLive: boolean; mayFork: boolean }) {
  const [fork, setFork] = useState<Step>();
  const steps = useSteps(run, isLive);
  const loaded = steps.data?.pages.reduce((sum, { states }) => sum + states.length, 0) ?? 0;
  const { hasNextPage, isFetching, fetchNextPage } = steps;
  useEffect(() => {
    // The run that carried an answer has a few steps only: those of the run that asked belong to the same page.
    if (loaded < FIRST_STEPS && hasNextPage && !isFetching) void fetchNextPage();
  }, [loaded, hasNextPage, isFetching, fetchNextPage]);
  if (steps.data === undefined) {
    return steps.error ? <Failed error={steps.error} retry={() => void steps.refetch()} /> : <Loading what="steps" />;
  }
  const all = steps.data.pages.flatMap(({ states }) => states);
  const byId = new Map(all.map((step) => [step.checkpoint.checkpoint_id, step]));
  if (all.length === 0 && !steps.hasNextPage) return <Empty title="Nothing of this run's state is stored." />;
  return (
    <>
      <ol className="run-steps">
        {all.map((step) => (
          <StepItem
            key={step.checkpoint.checkpoint_id}
            step={step}
            before={byId.get(step.parent_checkpoint?.checkpoint_id ?? null)}
            thread_id={run.thread_id}
            {...(mayFork ? { onFork: () => setFork(step) } : {})}
          />
        ))}
      </ol>
      {steps.hasNextPage && (
        <p className="run-more">
          <button
            type="button"
            className="button"
            disabled={steps.isFetchingNextPage}
            onClick={() => void steps.fetchNextPage()}
          >
            {steps.isFetchingNextPage ? "Loading …" : "Earlier steps"}
          </button>
        </p>
      )}
      {fork !== undefined && <ForkDialog run={run} step={fork} onClose={() => setFork(undefined)} />}
    </>
  );
}

interface ItemProps {
  step: Step;
  before: Step | undefined;
  thread_id: string;
  onFork?: () => void;
}

function StepItem({ step, before, thread_id, onFork }: ItemProps) {
  const [isOpen, setOpen] = useState(false);
  const { checkpoint, parent_checkpoint, metadata, next, created_at } = step;
  const parentId = parent_checkpoint?.checkpoint_id ?? null;
  const parent = useStateAt(thread_id, parentId, isOpen && before === undefined);
  const earlier = before ?? parent.data;
  const wroteBy = before === undefined ? [] : before.tasks.map(({ name }) => name);
  const keys = before === undefined ? [] : changedKeys(before.values, step.values);
  return (
    <li className="run-step">
      <div className="step-head">
        <button type="button" className="step-title" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <span className="step-number">{metadata.step ?? "·"}</span>
          <span className="run-clip">
            <Line text={stepTitle(step, wroteBy)} />
          </span>
        </button>
        <span className="step-next muted">
          {next.length === 0 ? "the end" : <Line text={`next: ${next.map(nodeName).join(", ")}`} />}
        </span>
        <span className="muted step-time">{created_at !== null && <Ago at={created_at} />}</span>
      </div>
      {keys.length > 0 && (
        <p className="run-chips">
          <span className="sr-only">changed: </span>
          {keys.slice(0, 8).map((key) => (
            <span key={key} className="badge">
              <Line text={key} />
            </span>
          ))}
          {keys.length > 8 && <span className="muted">and {keys.length - 8} more</span>}
        </p>
      )}
      {isOpen && (
        <div className="step-more">
          {earlier === undefined && parentId !== null ? (
            <Loading what="the state before" />
          ) : (
            <Changes before={earlier?.values ?? {}} after={step.values} />
          )}
          <details>
            <summary>The whole state</summary>
            <JsonView value={step.values} label="the whole state" />
          </details>
          <p className="step-actions">
            {onFork !== undefined && (
              <button type="button" className="button" onClick={onFork}>
                Fork from here …
              </button>
            )}
            <span className="muted mono">checkpoint {shortId(checkpoint.checkpoint_id ?? "")}</span>
          </p>
        </div>
      )}
    </li>
  );
}

function stepTitle({ metadata, next }: Step, wroteBy: readonly string[]): string {
  if (metadata.source === "input") return "input";
  if (metadata.source === "update") return "state was edited";
  if (metadata.source === "fork") return "copied";
  if (wroteBy.length > 0) return wroteBy.map(nodeName).join(", ");
  return next.length === 0 ? "last step" : `before ${next.map(nodeName).join(", ")}`;
}

function Changes({ before, after }: { before: unknown; after: unknown }) {
  const { changes, is_cut } = stateDiff(before, after);
  if (changes.length === 0) return <p className="muted">This step changed nothing of the state.</p>;
  return (
    <>
      <ul className="run-changes">
        {changes.map((change) => (
          <ChangeItem key={change.path} change={change} />
        ))}
      </ul>
      {is_cut && <p className="muted">More was changed than is shown.</p>}
    </>
  );
}

const SIGNS = { added: "+", removed: "−", changed: "~" } as const;
const LONG = 4_000;

function ChangeItem({ change: { path, kind, before, after } }: { change: Change }) {
  return (
    <li className={`run-change change-${kind}`}>
      <span className="change-path">
        <span aria-hidden="true">{SIGNS[kind]} </span>
        <span className="sr-only">{kind}: </span>
        <code>
          <Line text={path} />
        </code>
      </span>
      {kind === "changed" && typeof before === "string" && typeof after === "string" ? (
        <WordDiff before={before.slice(0, LONG)} after={after.slice(0, LONG)} />
      ) : (
        <span className="change-values">
          {kind !== "added" && <Value value={before} tag="del" />}
          {kind !== "removed" && <Value value={after} tag="ins" />}
        </span>
      )}
    </li>
  );
}

function Value({ value, tag: Tag }: { value: unknown; tag: "del" | "ins" }) {
  const text = typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "nothing");
  return (
    <Tag className="change-value">
      <span className="sr-only">{Tag === "del" ? "before: " : "now: "}</span>
      <Text text={text} first={500} />
      {text.length > 50_000 && <span className="muted"> ({formatBytes(text.length)})</span>}
    </Tag>
  );
}
