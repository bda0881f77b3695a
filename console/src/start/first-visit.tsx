import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { get, messageOf } from "../data/api.ts";
import { JsonView } from "../run/json-view.tsx";
import { useMay } from "../run/run-actions.tsx";
import { type GraphChoice, useGraphs } from "../runs/runs-query.ts";
import { Failed, Loading } from "../ui/states.tsx";
import { Line } from "../ui/text.tsx";
import { setGuide } from "./guide.ts";
import { type Example, examplesOf, type Schemas } from "./input-schema.ts";
import { startRun } from "./start-run.ts";
import "../run/shared.css";
import "./start.css";

interface Offer {
  graph: GraphChoice;
  example: Example;
}

const GRAPHS_LOOKED_AT = 20;
// The example whose three steps these are; without it, the first graph that brings one.
const STORY = "refund-approval";

/** Where nothing has run yet: one example, three steps. */
export function FirstVisit() {
  const graphs = useGraphs();
  const offer = useQuery({
    queryKey: ["first-example", (graphs.data ?? []).map(({ graph_id }) => graph_id).join(" ")],
    queryFn: ({ signal }) => findOffer(graphs.data ?? [], signal),
    enabled: graphs.data !== undefined,
    staleTime: 60_000,
  });
  const error = graphs.error ?? offer.error;
  if (error !== null) return <Failed error={error} />;
  if (offer.data === undefined) return <Loading what="an example" />;
  return (
    <div className="run-first">
      <h1>Nothing has run here yet</h1>
      <p className="run-lead">
        A run does its work, stops where a person has to decide, and goes on when they have. See it happen once:
      </p>
      <ol className="first-steps">
        <li>
          <strong>Run the example.</strong> {offer.data === null ? <NoExample /> : <RunExample offer={offer.data} />}
        </li>
        <li className="muted">
          <strong>Approve it.</strong> You see what will happen, before anything does.
        </li>
        <li className="muted">
          <strong>See it resume.</strong> It goes on from where it stopped, and does it once.
        </li>
      </ol>
      <p className="muted">
        Or <Link href="/start">start a run of your own</Link>.
      </p>
    </div>
  );
}

function NoExample() {
  return (
    <span>
      No loaded graph brings an example. <Link href="/start">Start one with an input of yours</Link>.
    </span>
  );
}

function RunExample({ offer: { graph, example } }: { offer: Offer }) {
  const [, navigate] = useLocation();
  const [key] = useState(() => crypto.randomUUID());
  const [isSent, setSent] = useState(false);
  const [error, setError] = useState<unknown>();
  const mayStart = useMay("runs:create");
  const start = async () => {
    setSent(true);
    setError(undefined);
    try {
      const { run_id } = await startRun(graph.graph_id, example.input, key);
      setGuide(run_id);
      navigate(`/runs/${run_id}`);
    } catch (failure) {
      setError(failure);
      setSent(false);
    }
  };
  return (
    <>
      <span>
        {" "}
        <Line text={graph.graph_id} />
        {graph.description !== null && (
          <>
            : <Line text={graph.description} />
          </>
        )}
      </span>
      <JsonView value={example.input} label="the input of the example" />
      <button type="button" className="button primary" disabled={isSent || !mayStart} onClick={() => void start()}>
        {isSent ? "Starting …" : "Run the example"}
      </button>
      {error !== undefined && (
        <p className="notice bad" role="alert">
          {messageOf(error)}
        </p>
      )}
    </>
  );
}

/** The story's example, or that of the first graph that brings one. */
async function findOffer(graphs: readonly GraphChoice[], signal: AbortSignal): Promise<Offer | null> {
  const ordered = graphs.toSorted((a, b) => Number(b.graph_id === STORY) - Number(a.graph_id === STORY));
  for (const graph of ordered.slice(0, GRAPHS_LOOKED_AT)) {
    const path = `/assistants/${encodeURIComponent(graph.graph_id)}/schemas`;
    const schemas = await get<Schemas>(path, signal).catch(() => undefined);
    signal.throwIfAborted();
    const [example] = examplesOf(schemas);
    if (example !== undefined) return { graph, example };
  }
  return null;
}
