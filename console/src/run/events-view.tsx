import { useEffect, useState } from "react";
import { get, messageOf } from "../data/api.ts";
import { count, formatBytes, shortId } from "../ui/format.ts";
import { Loading } from "../ui/states.tsx";
import { Line } from "../ui/text.tsx";
import { JsonView, summaryOf } from "./json-view.tsx";
import { type EventPage, isMoving, type RunDetail } from "./model.ts";
import { statusLabel } from "./status.tsx";

type StoredEvent = EventPage["events"][number];

const LOOK_AGAIN_MS = 1_000;
const SHOWN_AT_ONCE = 300;

/** What a run has stored for its stream, as it is. */
export function EventsView({ run }: { run: RunDetail }) {
  const [run_id, choose] = useState(run.last_run_id);
  return (
    <div className="run-stack">
      {run.parts.length > 1 && (
        <p>
          <label htmlFor="events-of">Events of </label>
          <select
            id="events-of"
            className="input short"
            value={run_id}
            onChange={(event) => choose(event.target.value)}
          >
            {run.parts.map((part, place) => (
              <option key={part.run_id} value={part.run_id}>
                {place === 0 ? "the run" : "the answer"} {shortId(part.run_id)}, {statusLabel(part.status)}
              </option>
            ))}
          </select>
        </p>
      )}
      <EventList key={run_id} run_id={run_id} />
    </div>
  );
}

function EventList({ run_id }: { run_id: string }) {
  const { events, isWhole, error, more } = useEvents(run_id);
  const [name, setName] = useState("");
  const [shown, setShown] = useState(SHOWN_AT_ONCE);
  const names = [...new Set(events.map(({ event }) => event))].sort();
  const fitting = name === "" ? events : events.filter(({ event }) => event === name);
  if (events.length === 0 && !isWhole && error === undefined) return <Loading what="events" />;
  return (
    <>
      <p className="event-tools">
        <label htmlFor="event-name">Show </label>
        <select id="event-name" className="input short" value={name} onChange={(event) => setName(event.target.value)}>
          <option value="">all</option>
          {names.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
        <span className="muted" role="status">
          {count(fitting.length, "event")}
          {isWhole ? "" : " so far"}
        </span>
      </p>
      {error !== undefined && <p className="notice bad">{messageOf(error)}</p>}
      <ol className="run-events">
        {fitting.slice(0, shown).map((event) => (
          <EventItem key={event.seq} event={event} />
        ))}
      </ol>
      {(fitting.length > shown || !isWhole) && (
        <p className="run-more">
          <button
            type="button"
            className="button"
            onClick={() => {
              setShown(shown + SHOWN_AT_ONCE);
              more();
            }}
          >
            More
          </button>
        </p>
      )}
    </>
  );
}

function EventItem({ event: { seq, event, data } }: { event: StoredEvent }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <li className="run-event">
      <button type="button" className="event-line" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span className="event-seq mono">{seq}</span>
        <span className="event-name">
          <Line text={event} />
        </span>
        <span className="run-clip muted">
          <Line text={summaryOf(data, 160)} />
        </span>
      </button>
      {isOpen && <JsonView value={data} label={`event ${seq}, ${formatBytes(JSON.stringify(data)?.length ?? 0)}`} />}
    </li>
  );
}

/** Reads page after page on demand, and what comes while the run goes on. */
function useEvents(run_id: string) {
  const [events, setEvents] = useState<StoredEvent[]>([]);
  const [page, setPage] = useState<{ after: number; turn: number }>({ after: 0, turn: 0 });
  const [isWhole, setWhole] = useState(false);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    get<EventPage>(`/runs/${run_id}/events?after=${page.after}`, stop.signal)
      .then(({ events: found, next, status }) => {
        setError(undefined);
        setEvents((known) => [...known, ...found.filter(({ seq }) => seq > (known.at(-1)?.seq ?? 0))]);
        setWhole(next === null);
        const after = found.at(-1)?.seq ?? page.after;
        // What is stored is read on demand; what is being stored comes by itself.
        if (next === null && isMoving(status)) {
          timer = setTimeout(() => setPage({ after, turn: page.turn + 1 }), LOOK_AGAIN_MS);
        }
      })
      .catch((failure: unknown) => {
        if (stop.signal.aborted) return;
        setError(failure);
        timer = setTimeout(() => setPage({ ...page, turn: page.turn + 1 }), LOOK_AGAIN_MS * 5);
      });
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [run_id, page]);
  const more = () => setPage({ after: events.at(-1)?.seq ?? 0, turn: page.turn + 1 });
  return { events, isWhole, error, more };
}
