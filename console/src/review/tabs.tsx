import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useId, useState } from "react";
import type { ReviewTask } from "../../../src/protocol/review.ts";
import { Ago } from "../ui/clock.tsx";
import { shortId, words } from "../ui/format.ts";
import { Markdown, Outside } from "../ui/markdown.tsx";
import { isSafeAddress } from "../ui/markdown-blocks.ts";
import { Failed, Loading } from "../ui/states.tsx";
import { Line, Text } from "../ui/text.tsx";
import { isObject } from "./args-model.ts";
import { type HistoryEvent, useAttend, useHistory } from "./queries.ts";

type Name = "context" | "discussion" | "history" | "state";
const NAMES: Record<Name, string> = {
  context: "Context",
  discussion: "Discussion",
  history: "History",
  state: "State",
};

/** What else there is to know before deciding. */
export function ReviewTabs({ review }: { review: ReviewTask }) {
  const [name, setName] = useState<Name>("context");
  const id = useId();
  const pages: Record<Name, () => ReactNode> = {
    context: () => <Context review={review} />,
    discussion: () => <Discussion review={review} />,
    history: () => <History review={review} />,
    state: () => <State review={review} />,
  };
  return (
    <section className="card">
      <fieldset className="tabs">
        <legend className="sr-only">More about this review</legend>
        {(Object.keys(NAMES) as Name[]).map((one) => (
          <button key={one} type="button" aria-pressed={one === name} aria-controls={id} onClick={() => setName(one)}>
            {NAMES[one]}
          </button>
        ))}
      </fieldset>
      <div id={id} className="tab-page">
        {pages[name]()}
      </div>
    </section>
  );
}

function Context({ review }: { review: ReviewTask }) {
  const evidence =
    isObject(review.value) && Array.isArray(review.value["evidence"]) ? review.value["evidence"].filter(isObject) : [];
  return (
    <>
      <p className="muted origin">In the words of the graph, which may quote customers and models:</p>
      {review.description.trim() === "" ? <p>Nothing is said about it.</p> : <Markdown text={review.description} />}
      {evidence.length > 0 && <h3>To check for yourself</h3>}
      <ul className="evidence">
        {evidence.map((item) => {
          const ref = String(item["ref"] ?? "");
          const label = String(item["label"] ?? item["kind"] ?? "");
          return (
            <li key={`${label} ${ref}`}>
              {isSafeAddress(ref) ? <Outside label={label} url={ref} /> : <Line text={`${label}: ${ref}`} />}
            </li>
          );
        })}
      </ul>
    </>
  );
}

const SPOKEN = new Set(["commented", "info_requested", "info_given"]);

function Discussion({ review }: { review: ReviewTask }) {
  const { data, error } = useHistory(review);
  const attend = useAttend(review);
  const [text, setText] = useState("");
  if (data === undefined) return error ? <Failed error={error} /> : <Loading what="what was said" />;
  const spoken = data.events.filter(({ kind }) => SPOKEN.has(kind));
  const isAnswer = review.status === "info_requested";
  const send = () =>
    attend.mutate(
      { act: isAnswer ? "answer" : "comment", body: { text }, done: isAnswer ? "Answered." : "Said." },
      { onSuccess: () => setText("") },
    );
  return (
    <>
      {spoken.length === 0 && <p className="muted">Nobody has said anything yet.</p>}
      {spoken.map((event) => (
        <div key={event.seq} className="said">
          <p className="muted">
            <Line text={event.principal_id} /> {SAYS[event.kind]}, <Ago at={event.at} />
          </p>
          <p className="quote">
            <Text text={textOf(event)} />
          </p>
        </div>
      ))}
      <div className="field">
        <label htmlFor="said-text">{isAnswer ? "Answer the question" : "Say something about it"}</label>
        <textarea
          id="said-text"
          className="input"
          rows={2}
          maxLength={10_000}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </div>
      <button type="button" className="button" disabled={text.trim() === "" || attend.isPending} onClick={send}>
        {isAnswer ? "Send the answer" : "Comment"}
      </button>
    </>
  );
}

const SAYS: Record<string, string> = { commented: "said", info_requested: "asked", info_given: "answered" };

function textOf({ body }: HistoryEvent): string {
  const { text, question } = body as { text?: unknown; question?: unknown };
  return String(text ?? question ?? "");
}

function History({ review }: { review: ReviewTask }) {
  const { data, error } = useHistory(review);
  if (data === undefined) return error ? <Failed error={error} /> : <Loading what="the record" />;
  const { state, entries, head } = data.chain;
  return (
    <>
      <p className={state === "intact" ? "muted" : "notice bad"}>
        {entries} entries, chain {state}
        {head !== null && (
          <>
            , head <code>{head.slice(0, 24)}…</code>
          </>
        )}
      </p>
      <ol className="history">
        {data.events.map(({ seq, kind, principal_id, at }) => (
          <li key={seq}>
            <span className="mono muted">{seq}</span> <strong>{words(kind)}</strong> <Line text={principal_id} />{" "}
            <span className="muted">
              <Ago at={at} />
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}

function State({ review }: { review: ReviewTask }) {
  const { thread_id, checkpoint_id } = review;
  const { data, error } = useQuery({
    queryKey: ["state", thread_id, checkpoint_id],
    queryFn: async () => {
      const { langgraph } = await import("../data/sdk.ts");
      return await langgraph.threads.getState(thread_id, checkpoint_id);
    },
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  if (data === undefined) return error ? <Failed error={error} /> : <Loading what="the state" />;
  return (
    <>
      <p className="muted">
        What the graph knew when it asked, at checkpoint <code>{shortId(checkpoint_id)}</code>:
      </p>
      <pre>
        <Text text={JSON.stringify(data.values, null, 2)} />
      </pre>
    </>
  );
}
