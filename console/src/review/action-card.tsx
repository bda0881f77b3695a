import { useId, useState } from "react";
import type { DecisionType, ReviewAction } from "../../../src/protocol/interrupt.ts";
import type { ReviewTask } from "../../../src/protocol/review.ts";
import { WordDiff } from "../ui/diff.tsx";
import { Markdown } from "../ui/markdown.tsx";
import { Line, Text } from "../ui/text.tsx";
import { visibleLine } from "../ui/visible-text.ts";
import { ArgsForm, ArgsTable } from "./args-form.tsx";
import { changesBetween, type Errors, editedArgs, labelOf } from "./args-model.ts";
import { RiskBadge } from "./badges.tsx";
import { type ActionDraft, respondsWithValue } from "./decision.ts";

interface Props {
  review: ReviewTask;
  action: ReviewAction;
  draft: ActionDraft;
  errors: Errors;
  isFrozen: boolean;
  onChange: (draft: ActionDraft) => void;
}

const CHOICES: Record<DecisionType, string> = { approve: "Approve", edit: "Edit", reject: "Reject", respond: "Answer" };

/** One action: what it would do, its arguments as a table, a form, changes or JSON, and, of several, its own decision. */
export function ActionCard({ review, action, draft, errors, isFrozen, onChange }: Props) {
  const several = review.actions.length > 1;
  const isEditing = draft.type === "edit";
  return (
    <section className="card action" aria-label={visibleLine(`Action ${action.index + 1}: ${action.name}`)}>
      <header className="card-head">
        <h2>
          {several && <span className="muted">{action.index + 1}. </span>}
          <code>
            <Line text={action.name} />
          </code>
        </h2>
        {several && <RiskBadge risk={action.risk ?? null} />}
        {several && <Choice action={action} draft={draft} isFrozen={isFrozen} onChange={onChange} />}
      </header>
      {action.description !== undefined && <Markdown text={action.description} />}
      {isEditing ? (
        <Editor {...{ review, action, draft, errors, isFrozen, onChange }} />
      ) : (
        <ArgsTable action={action} />
      )}
      {several && (draft.type === "reject" || draft.type === "respond") && (
        <Message {...{ review, action, draft, isFrozen, onChange }} />
      )}
    </section>
  );
}

function Choice({ action, draft, isFrozen, onChange }: Pick<Props, "action" | "draft" | "isFrozen" | "onChange">) {
  const name = useId();
  return (
    <fieldset className="choice" disabled={isFrozen}>
      <legend className="sr-only">Decision on {visibleLine(action.name)}</legend>
      {action.allowed.map((type) => (
        <label key={type} className={draft.type === type ? `chosen ${type}` : undefined}>
          <input type="radio" name={name} checked={draft.type === type} onChange={() => onChange({ ...draft, type })} />
          {CHOICES[type]}
        </label>
      ))}
    </fieldset>
  );
}

/** What the graph is told: of a rejection, or as the answer. */
export function Message({ review, action, draft, isFrozen, onChange }: Omit<Props, "errors">) {
  const id = useId();
  const isJson = draft.type === "respond" && respondsWithValue(review, action);
  const label = draft.type === "reject" ? "Told to the graph" : isJson ? "The answer, as JSON" : "The answer";
  const schema = action.response_schema ?? (isJson ? action.args_schema : undefined);
  return (
    <div className="field">
      <label htmlFor={id}>
        {label} {draft.type === "reject" && <span className="muted">(optional)</span>}
      </label>
      <textarea
        id={id}
        className={isJson ? "input mono" : "input"}
        rows={3}
        maxLength={isJson ? undefined : 10_000}
        spellCheck={!isJson}
        disabled={isFrozen}
        value={draft.message}
        onChange={(event) => onChange({ ...draft, message: event.target.value })}
      />
      {schema !== undefined && draft.type === "respond" && (
        <details>
          <summary>What the graph takes (JSON Schema)</summary>
          <pre>
            <Text text={JSON.stringify(schema, null, 2)} />
          </pre>
        </details>
      )}
    </div>
  );
}

const TABS = { form: "Form", changes: "Changes", json: "JSON" } as const;

function Editor({ action, draft, errors, isFrozen, onChange }: Props) {
  const [tab, setTab] = useState<keyof typeof TABS>(draft.args.raw === undefined ? "form" : "json");
  const { args } = editedArgs(action.args, draft.args, action);
  const changes = changesBetween(action.args, args);
  const open = (next: keyof typeof TABS) => {
    // What was typed as JSON is what the form goes on from, as soon as it can be read.
    if (next !== "json" && draft.args.raw !== undefined && errors[""] === undefined)
      onChange({ ...draft, args: { base: args, texts: {} } });
    setTab(next);
  };
  const isUnread = tab !== "json" && draft.args.raw !== undefined;
  return (
    <div className="editor">
      <fieldset className="tabs">
        <legend className="sr-only">How to edit</legend>
        {(Object.keys(TABS) as (keyof typeof TABS)[]).map((name) => (
          <button key={name} type="button" aria-pressed={tab === name} onClick={() => open(name)}>
            {TABS[name]}
            {name === "changes" && changes.length > 0 ? ` (${changes.length})` : ""}
          </button>
        ))}
      </fieldset>
      {isUnread && <p className="notice warn">The JSON cannot be read yet: correct it there first. {errors[""]}</p>}
      {tab === "form" && !isUnread && (
        <ArgsForm
          action={action}
          draft={draft.args}
          errors={errors}
          isFrozen={isFrozen}
          onChange={(next) => onChange({ ...draft, args: next })}
        />
      )}
      {tab === "changes" && <Changes changes={changes} />}
      {tab === "json" && (
        <div className="field">
          <textarea
            aria-label="Arguments as JSON"
            className="input mono"
            rows={12}
            spellCheck={false}
            disabled={isFrozen}
            aria-invalid={errors[""] !== undefined}
            value={draft.args.raw ?? JSON.stringify(args, null, 2)}
            onChange={(event) => onChange({ ...draft, args: { ...draft.args, raw: event.target.value } })}
          />
          {errors[""] !== undefined && <span className="field-error">✗ {errors[""]}</span>}
        </div>
      )}
      <OtherErrors errors={errors} />
    </div>
  );
}

/** What was changed, word by word. */
export function Changes({ changes }: { changes: ReturnType<typeof changesBetween> }) {
  if (changes.length === 0) return <p className="muted">Nothing is changed yet.</p>;
  return (
    <dl className="args">
      {changes.map(({ pointer, before, after }) => (
        <div key={pointer}>
          <dt>
            <Line text={labelOf(pointer)} />
          </dt>
          <dd>
            <WordDiff before={before} after={after} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function OtherErrors({ errors }: { errors: Errors }) {
  const entries = Object.entries(errors).filter(([pointer]) => pointer !== "");
  if (entries.length === 0) return null;
  return (
    <ul className="errors" role="alert">
      {entries.map(([pointer, message]) => (
        <li key={pointer} className="field-error">
          ✗ <Line text={`${labelOf(pointer)} ${message}`} />
        </li>
      ))}
    </ul>
  );
}
