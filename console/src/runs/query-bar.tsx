import { type RefObject, useEffect, useId, useState } from "react";
import type { ListedRun, ProcessStatus } from "../run/model.ts";
import { statusSign } from "../run/status.tsx";
import { words } from "../ui/format.ts";
import { visibleLine } from "../ui/visible-text.ts";
import { type RunQuery, readQuery, STATUSES, writeQuery } from "./query-text.ts";
import { useGraphNames } from "./runs-query.ts";

interface Props {
  text: string;
  setText: (text: string) => void;
  unknown: readonly string[];
  runs: readonly ListedRun[];
  input: RefObject<HTMLInputElement | null>;
}

const TYPED_MS = 250;
const CHIPS: readonly ProcessStatus[] = STATUSES.slice(0, 7);

/** A question to the list of runs: written, or put together by chips. Both are the same text. */
export function QueryBar({ text, setText, unknown, runs, input }: Props) {
  const [typed, setTyped] = useState(text);
  const help = useId();
  useEffect(() => setTyped(text), [text]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is typed is asked for when typing pauses
  useEffect(() => {
    if (typed === text) return;
    const timer = setTimeout(() => setText(typed), TYPED_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <search className="run-query">
      <input
        ref={input}
        className="input"
        type="search"
        aria-label="Search runs"
        aria-describedby={unknown.length > 0 ? help : undefined}
        placeholder="status:error graph:refund-approval waiting:>1h by:… since:24h, or an id"
        spellCheck={false}
        autoComplete="off"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") setText(typed);
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
      {unknown.length > 0 && (
        <p id={help} className="field-error">
          Not understood: {visibleLine(unknown.join(" ")).slice(0, 200)}. Try status:, graph:, error:, by:,
          waiting:&gt;1h, since:24h, or the beginning of an id.
        </p>
      )}
      <Chips text={typed} setText={setText} runs={runs} />
    </search>
  );
}

function Chips({ text, setText, runs }: Pick<Props, "text" | "setText" | "runs">) {
  const { query } = readQuery(text);
  const graphs = useGraphNames();
  const change = (next: Partial<RunQuery>) => setText(writeQuery({ ...query, ...next }));
  const toggle = (status: ProcessStatus) => {
    const isOn = query.statuses.includes(status);
    change({ statuses: isOn ? query.statuses.filter((one) => one !== status) : [...query.statuses, status] });
  };
  const errors = runs.flatMap(({ error }) => (error === null ? [] : [error.error]));
  const people = runs.map(({ principal_id }) => principal_id);
  return (
    <div className="run-chips-bar">
      <fieldset className="run-chips run-plain">
        <legend className="sr-only">Status</legend>
        {CHIPS.map((status) => (
          <button
            key={status}
            type="button"
            className="run-chip"
            aria-pressed={query.statuses.includes(status)}
            onClick={() => toggle(status)}
          >
            <span aria-hidden="true">{statusSign(status)} </span>
            {status === "interrupted" ? "cancelled" : words(status)}
          </button>
        ))}
        <button
          type="button"
          className="run-chip"
          aria-pressed={query.waiting !== undefined}
          onClick={() => change({ waiting: query.waiting === undefined ? "1h" : undefined })}
        >
          waiting &gt; {query.waiting ?? "1h"}
        </button>
      </fieldset>
      <Choice label="Graph" value={query.graph} options={graphs} onChange={(graph) => change({ graph })} />
      <Choice label="Error" value={query.error} options={errors} onChange={(error) => change({ error })} />
      <Choice label="Started by" value={query.by} options={people} onChange={(by) => change({ by })} />
      <Choice
        label="Since"
        value={query.since}
        options={["1h", "24h", "7d", "30d"]}
        onChange={(since) => change({ since })}
      />
    </div>
  );
}

interface ChoiceProps {
  label: string;
  value: string | undefined;
  options: readonly string[];
  onChange: (value: string | undefined) => void;
}

function Choice({ label, value, options, onChange }: ChoiceProps) {
  const all = [...new Set([...(value === undefined ? [] : [value]), ...options])];
  if (all.length === 0) return null;
  return (
    <select
      className={value === undefined ? "run-chip-select" : "run-chip-select on"}
      aria-label={label}
      value={value ?? ""}
      onChange={(event) => onChange(event.target.value === "" ? undefined : event.target.value)}
    >
      <option value="">{label}: any</option>
      {all.map((one) => (
        <option key={one} value={one}>
          {label}: {visibleLine(one).slice(0, 60)}
        </option>
      ))}
    </select>
  );
}
