import { useId } from "react";
import type { ReviewAction } from "../../../src/protocol/interrupt.ts";
import type { Json } from "../../../src/protocol/json.ts";
import { WordDiff } from "../ui/diff.tsx";
import { Line, Text } from "../ui/text.tsx";
import { hasHiddenCharacters, visibleLine } from "../ui/visible-text.ts";
import { type ArgsDraft, type Errors, type Field, fieldsOf, isObject, plain, readField, textOf } from "./args-model.ts";

/** The arguments as names and values; nothing can be changed. */
export function ArgsTable({ action }: { action: ReviewAction }) {
  const fields = fieldsOf(action.args, action);
  if (isObject(action.args) && fields.length === 0) return <p className="muted">No arguments.</p>;
  return (
    <dl className="args">
      {fields.map(({ pointer, label, value }) => (
        <div key={pointer}>
          <dt>
            <Line text={label} />
          </dt>
          <dd className={typeof value === "string" ? undefined : "mono"}>
            <Text text={plain(value)} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

interface FormProps {
  action: ReviewAction;
  draft: ArgsDraft;
  errors: Errors;
  isFrozen: boolean;
  onChange: (draft: ArgsDraft) => void;
}

/** The arguments as a form: what may be changed is a field, and beside it stands what it was. */
export function ArgsForm({ action, draft, errors, isFrozen, onChange }: FormProps) {
  const base = draft.base ?? action.args;
  const type = (pointer: string, text: string) => onChange({ ...draft, texts: { ...draft.texts, [pointer]: text } });
  return (
    <div className="args-form">
      {fieldsOf(base, action).map((field) => (
        <FieldView
          key={field.pointer}
          field={field}
          text={draft.texts[field.pointer] ?? textOf(field.value, field.kind)}
          proposed={proposedAt(action.args, field.pointer)}
          error={errors[field.pointer]}
          isFrozen={isFrozen}
          onType={(text) => type(field.pointer, text)}
        />
      ))}
    </div>
  );
}

interface FieldProps {
  field: Field;
  text: string;
  proposed: Json | undefined;
  error: string | undefined;
  isFrozen: boolean;
  onType: (text: string) => void;
}

function FieldView({ field, text, proposed, error, isFrozen, onType }: FieldProps) {
  const id = useId();
  if (!field.isEditable) {
    return (
      <div className="field fixed">
        <span className="field-label">
          <Line text={field.label} />
        </span>
        <span>
          <Text text={plain(field.value)} first={400} /> <span className="muted">(cannot be changed)</span>
        </span>
      </div>
    );
  }
  const read = readField(field, text);
  const now = "error" in read ? text : plain(read.value);
  const before = proposed === undefined ? "" : plain(proposed);
  const about = [field.hint === "" ? null : `${id}-hint`, error === undefined ? null : `${id}-error`].filter(Boolean);
  return (
    <div className="field">
      <label htmlFor={id}>
        <Line text={field.label} />
        {field.isRequired ? "" : <span className="muted"> (optional)</span>}
      </label>
      <Control
        field={field}
        id={id}
        text={text}
        isBad={error !== undefined}
        describedBy={about.join(" ")}
        isFrozen={isFrozen}
        onType={onType}
      />
      {field.hint !== "" && (
        <span id={`${id}-hint`} className="muted hint">
          <Line text={field.hint} />
        </span>
      )}
      {hasHiddenCharacters(text) && (
        <span className="hint">
          With its hidden characters: <Text text={text} first={400} />
        </span>
      )}
      {error !== undefined && (
        <span id={`${id}-error`} className="field-error">
          ✗ <Line text={error} />
        </span>
      )}
      {error === undefined && before !== now && (
        <span className="field-change">
          <WordDiff before={before} after={now} />
        </span>
      )}
    </div>
  );
}

interface ControlProps {
  field: Field;
  id: string;
  text: string;
  isBad: boolean;
  describedBy: string;
  isFrozen: boolean;
  onType: (text: string) => void;
}

function Control({ field, id, text, isBad, describedBy, isFrozen, onType }: ControlProps) {
  const shared = {
    id,
    disabled: isFrozen,
    "aria-invalid": isBad,
    "aria-describedby": describedBy === "" ? undefined : describedBy,
  };
  const choices = field.kind === "boolean" ? [true, false] : field.choices;
  if (field.kind === "boolean" || field.kind === "choice") {
    const known = choices.map((choice) => JSON.stringify(choice));
    return (
      <select {...shared} className="input" value={text} onChange={(event) => onType(event.target.value)}>
        {!known.includes(text) && <option value={text}>{text === "" ? "(nothing)" : visibleLine(text)}</option>}
        {known.map((choice, place) => (
          <option key={choice} value={choice}>
            {visibleLine(String(choices[place]))}
          </option>
        ))}
      </select>
    );
  }
  if (field.kind === "lines" || field.kind === "json") {
    return (
      <textarea
        {...shared}
        className={field.kind === "json" ? "input mono" : "input"}
        rows={Math.min(12, text.slice(0, 5_000).split("\n").length + 1)}
        spellCheck={field.kind !== "json"}
        value={text}
        onChange={(event) => onType(event.target.value)}
      />
    );
  }
  const isNumber = field.kind === "number" || field.kind === "integer";
  return (
    <input
      {...shared}
      className={isNumber ? "input mono short" : "input"}
      inputMode={isNumber ? "decimal" : undefined}
      autoComplete="off"
      value={text}
      onChange={(event) => onType(event.target.value)}
    />
  );
}

function proposedAt(args: Json, pointer: string): Json | undefined {
  let value: Json | undefined = args;
  for (const name of pointer.split("/").slice(1)) {
    const own = name.replaceAll("~1", "/").replaceAll("~0", "~");
    value = isObject(value) && Object.hasOwn(value, own) ? value[own] : undefined;
  }
  return value;
}
