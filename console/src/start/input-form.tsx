import { useId, useState } from "react";
import { useLocation } from "wouter";
import type { Json } from "../../../src/protocol/json.ts";
import { useShortcuts } from "../app/shortcuts.ts";
import { ApiError, messageOf } from "../data/api.ts";
import { type ArgsDraft, type Errors, editedArgs, fieldsOf, textOf } from "../review/args-model.ts";
import { Line } from "../ui/text.tsx";
import { InputField } from "./input-field.tsx";
import { examplesOf, faultsIn, formOf, isLong, namesRequired, type Schemas } from "./input-schema.ts";
import { startRun } from "./start-run.ts";

interface Props {
  graph_id: string;
  schemas: Schemas | undefined;
  /** What another run was given. */
  like: unknown;
  mayStart: boolean;
}

/** The input as a form, or as JSON; examples fill it in. Text stays text until it can be read, so nothing typed is lost. */
export function InputForm({ graph_id, schemas, like, mayStart }: Props) {
  const form = formOf(schemas);
  const first: Json = like === undefined || like === null ? {} : (like as Json);
  const [draft, setDraft] = useState<ArgsDraft>(() =>
    form === undefined ? { texts: {}, raw: JSON.stringify(first, null, 2) } : { texts: {}, base: first },
  );
  const [sent, setSent] = useState<{ isUnderWay: boolean; error?: unknown; key: string }>(() => fresh());
  const [, navigate] = useLocation();
  const id = useId();
  const read = form === undefined ? undefined : editedArgs({}, draft, form);
  const raw = draft.raw === undefined ? undefined : readJson(draft.raw);
  const errors: Errors = { ...(read?.errors ?? {}), ...faultsOf(sent.error) };
  const change = (next: ArgsDraft) => {
    setDraft(next);
    // Another input is another wish.
    setSent(fresh());
  };
  const isReadable = raw === undefined ? Object.keys(read?.errors ?? {}).length === 0 : "value" in raw;
  const start = async () => {
    if (sent.isUnderWay || !isReadable || !mayStart) return;
    setSent({ ...sent, isUnderWay: true });
    try {
      const input = raw === undefined ? read?.args : (raw as { value: Json }).value;
      const { run_id } = await startRun(graph_id, input, sent.key);
      navigate(`/runs/${run_id}`);
    } catch (error) {
      setSent({ isUnderWay: false, error, key: sent.key });
    }
  };
  useShortcuts([{ keys: "mod+Enter", label: "Start the run", group: "Start a run", run: () => void start() }]);
  const examples = examplesOf(schemas);
  return (
    <form
      className="run-stack run-input-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      {examples.length > 0 && (
        <fieldset className="run-examples run-plain" aria-label="Examples">
          <span className="muted">Try:</span>
          {examples.map(({ label, input }) => (
            <button
              key={label}
              type="button"
              className="run-chip run-example"
              onClick={() =>
                change(
                  draft.raw === undefined
                    ? { texts: {}, base: input }
                    : { texts: {}, raw: JSON.stringify(input, null, 2) },
                )
              }
            >
              <Line text={label} />
            </button>
          ))}
        </fieldset>
      )}
      {draft.raw === undefined && form !== undefined ? (
        fieldsOf(draft.base ?? {}, form).map((field) => (
          <InputField
            key={field.pointer}
            field={isLong(schemas, field.pointer) && field.kind === "text" ? { ...field, kind: "lines" } : field}
            text={draft.texts[field.pointer] ?? textOf(field.value, field.kind)}
            error={errors[field.pointer]}
            saysOptional={namesRequired(schemas)}
            onType={(text) => change({ ...draft, texts: { ...draft.texts, [field.pointer]: text } })}
          />
        ))
      ) : (
        <div className="field">
          <label htmlFor={id}>Input as JSON</label>
          <textarea
            id={id}
            className="input mono"
            rows={10}
            spellCheck={false}
            value={draft.raw ?? ""}
            aria-invalid={raw !== undefined && "error" in raw}
            onChange={(event) => change({ ...draft, raw: event.target.value })}
          />
          {raw !== undefined && "error" in raw && <span className="field-error">✗ {raw.error}</span>}
        </div>
      )}
      {sent.error !== undefined && (
        <p className="notice bad" role="alert">
          <Line text={messageOf(sent.error)} />
        </p>
      )}
      <p className="run-form-actions">
        <button type="submit" className="button primary" disabled={!mayStart || sent.isUnderWay || !isReadable}>
          {sent.isUnderWay ? "Starting …" : "Start the run"}
        </button>
        {form !== undefined && (
          <button type="button" className="button quiet" onClick={() => change(switched(draft, read?.args ?? {}, raw))}>
            {draft.raw === undefined ? "Write it as JSON" : "Back to the form"}
          </button>
        )}
      </p>
    </form>
  );
}

const fresh = () => ({ isUnderWay: false, key: crypto.randomUUID() });

function faultsOf(error: unknown): Errors {
  return error instanceof ApiError && error.code === "invalid" ? faultsIn(error.message) : {};
}

/** From the form to JSON and back; what cannot be read as JSON stays JSON. */
function switched(draft: ArgsDraft, args: Json, raw: ReturnType<typeof readJson> | undefined): ArgsDraft {
  if (draft.raw === undefined) return { texts: {}, raw: JSON.stringify(args, null, 2) };
  return raw !== undefined && "value" in raw ? { texts: {}, base: raw.value } : draft;
}

function readJson(text: string): { value: Json } | { error: string } {
  try {
    return { value: JSON.parse(text) as Json };
  } catch (error) {
    return { error: `is no JSON: ${(error as Error).message}` };
  }
}
