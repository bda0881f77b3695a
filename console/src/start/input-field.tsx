import { useId } from "react";
import type { Field } from "../review/args-model.ts";
import { Line } from "../ui/text.tsx";

interface Props {
  field: Field;
  text: string;
  error: string | undefined;
  saysOptional: boolean;
  onType: (text: string) => void;
}

/** One member of an input. */
export function InputField({ field, text, error, saysOptional, onType }: Props) {
  const id = useId();
  const about = [...(field.hint === "" ? [] : [`${id}-hint`]), ...(error === undefined ? [] : [`${id}-error`])].join(
    " ",
  );
  const shared = {
    id,
    "aria-invalid": error !== undefined,
    "aria-describedby": about === "" ? undefined : about,
  };
  return (
    <div className="field">
      <label htmlFor={id}>
        <Line text={field.label} />
        {saysOptional && !field.isRequired && <span className="muted"> (optional)</span>}
      </label>
      <Control field={field} text={text} onType={onType} shared={shared} />
      {field.hint !== "" && (
        <span id={`${id}-hint`} className="muted">
          <Line text={field.hint} />
        </span>
      )}
      {error !== undefined && (
        <span id={`${id}-error`} className="field-error">
          ✗ <Line text={error} />
        </span>
      )}
    </div>
  );
}

interface ControlProps extends Omit<Props, "error" | "saysOptional"> {
  shared: { id: string; "aria-invalid": boolean; "aria-describedby": string | undefined };
}

function Control({ field, text, onType, shared }: ControlProps) {
  const { kind } = field;
  const choices = kind === "boolean" ? [true, false] : field.choices;
  if (kind === "boolean" || kind === "choice") {
    const known = choices.map((choice) => JSON.stringify(choice));
    return (
      <select
        {...shared}
        className="input"
        value={known.includes(text) ? text : ""}
        onChange={(event) => onType(event.target.value)}
      >
        {!known.includes(text) && <option value="">(choose)</option>}
        {known.map((choice, place) => (
          <option key={choice} value={choice}>
            {String(choices[place])}
          </option>
        ))}
      </select>
    );
  }
  if (kind === "lines" || kind === "json") {
    return (
      <textarea
        {...shared}
        className={kind === "json" ? "input mono" : "input"}
        rows={4}
        spellCheck={kind !== "json"}
        value={text === "null" ? "" : text}
        onChange={(event) => onType(event.target.value)}
      />
    );
  }
  return (
    <input
      {...shared}
      className={kind === "text" ? "input" : "input mono short"}
      inputMode={kind === "text" ? undefined : "decimal"}
      autoComplete="off"
      value={text}
      onChange={(event) => onType(event.target.value)}
    />
  );
}
