import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { Link, useParams, useSearch } from "wouter";
import { get } from "../data/api.ts";
import { useMay } from "../run/run-actions.tsx";
import { type GraphChoice, useGraphs } from "../runs/runs-query.ts";
import { Empty, Failed, Loading } from "../ui/states.tsx";
import { Line, Text } from "../ui/text.tsx";
import { InputForm } from "./input-form.tsx";
import type { Schemas } from "./input-schema.ts";
import "../run/shared.css";
import "./start.css";

/** Pick a graph, give it its input, and follow it. */
export default function StartPage() {
  const { graph = "" } = useParams<{ graph?: string }>();
  const { data, error, refetch } = useGraphs();
  const mayStart = useMay("runs:create");
  useEffect(() => {
    document.title = "Start a run · Holdpoint";
  }, []);
  if (data === undefined)
    return error ? <Failed error={error} retry={() => void refetch()} /> : <Loading what="graphs" />;
  if (data.length === 0) {
    return (
      <Empty title="No graph is loaded.">
        <p>A file in the workflows folder that exports a graph is loaded by itself.</p>
      </Empty>
    );
  }
  const graphs = data.toSorted((a, b) => a.graph_id.localeCompare(b.graph_id));
  const chosen =
    graphs.find(({ graph_id }) => graph_id === decoded(graph)) ?? (graphs.length === 1 ? graphs[0] : undefined);
  return (
    <div className="run-start">
      <h1>Start a run</h1>
      {!mayStart && <p className="notice warn">You may not start runs: your key does not hold runs:create.</p>}
      {graphs.length > 1 && chosen === undefined && <GraphList graphs={graphs} />}
      {graph !== "" && chosen === undefined && (
        <p className="notice bad">
          There is no graph <Line text={decoded(graph)} /> here.
        </p>
      )}
      {chosen !== undefined && <Chosen key={chosen.graph_id} graph={chosen} mayStart={mayStart} />}
      {graphs.length > 1 && chosen !== undefined && (
        <p>
          <Link href="/start">Another graph</Link>
        </p>
      )}
    </div>
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function GraphList({ graphs }: { graphs: readonly GraphChoice[] }) {
  return (
    <ul className="graph-list" aria-label="Graphs">
      {graphs.map((graph) => (
        <li key={graph.graph_id}>
          <Link href={`/start/${encodeURIComponent(graph.graph_id)}`} className="graph-choice">
            <strong>
              <Line text={graph.graph_id} />
            </strong>
            {graph.description !== null && (
              <span className="muted">
                <Line text={graph.description.slice(0, 200)} />
              </span>
            )}
          </Link>
        </li>
      ))}
    </ul>
  );
}

function Chosen({ graph, mayStart }: { graph: GraphChoice; mayStart: boolean }) {
  const like = new URLSearchParams(useSearch()).get("like");
  const schemas = useQuery({
    queryKey: ["schemas", graph.graph_id],
    queryFn: ({ signal }) => get<Schemas>(`/assistants/${encodeURIComponent(graph.graph_id)}/schemas`, signal),
    staleTime: 60_000,
  });
  const model = useQuery({
    queryKey: ["run", like, "input"],
    queryFn: ({ signal }) => inputOf(like as string, signal),
    enabled: like !== null,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const isReady = !schemas.isPending && (like === null || !model.isPending);
  return (
    <section className="start-graph">
      <h2>
        <Line text={graph.graph_id} />
      </h2>
      {graph.description !== null && (
        <p className="muted">
          <Text text={graph.description} first={600} />
        </p>
      )}
      {schemas.error !== null && (
        <p className="notice warn">The graph's schemas could not be read, so its input is written as JSON.</p>
      )}
      {isReady ? (
        <InputForm graph_id={graph.graph_id} schemas={schemas.data} like={model.data} mayStart={mayStart} />
      ) : (
        <Loading what="what it takes" />
      )}
    </section>
  );
}

/** What another run was given. */
async function inputOf(run_id: string, signal: AbortSignal): Promise<unknown> {
  const { parts } = await get<{ parts: { given: { input: unknown } | null }[] }>(
    `/runs/${encodeURIComponent(run_id)}`,
    signal,
  );
  return parts[0]?.given?.input ?? null;
}
