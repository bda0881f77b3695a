import { useEffect } from "react";
import { Link } from "wouter";
import { formatMs } from "../run/spans.ts";
import { TableScroll } from "../run/table-scroll.tsx";
import { Ago } from "../ui/clock.tsx";
import { count, shortId } from "../ui/format.ts";
import { Failed, Loading } from "../ui/states.tsx";
import { Line } from "../ui/text.tsx";
import { useHealth, type WorkerView } from "./health-query.ts";
import "../run/shared.css";
import "../runs/runs.css";

/** The queue by graph, and who executes runs. */
export default function HealthPage() {
  const { queue, workers, error } = useHealth();
  useEffect(() => {
    document.title = "Health · Holdpoint";
  }, []);
  if (queue === undefined || workers === undefined) return error ? <Failed error={error} /> : <Loading what="health" />;
  return (
    <div className="runs">
      <div className="runs-head">
        <h1>Health</h1>
      </div>
      <section className="run-section">
        <h2>Queue</h2>
        {queue.graphs.length === 0 ? (
          <p className="muted">Nothing waits and nothing executes.</p>
        ) : (
          <TableScroll label="The queue by graph">
            <thead>
              <tr>
                <th scope="col">Graph</th>
                <th scope="col">Pending</th>
                <th scope="col">Running</th>
                <th scope="col">Limit</th>
                <th scope="col">Oldest wait</th>
                <th scope="col">Workers with the graph</th>
              </tr>
            </thead>
            <tbody>
              {queue.graphs.map((graph) => (
                <tr key={graph.graph_id}>
                  <th scope="row">
                    <Link
                      href={`/runs?${new URLSearchParams({ q: `status:pending,running graph:${graph.graph_id}` })}`}
                    >
                      <Line text={graph.graph_id} />
                    </Link>
                  </th>
                  <td className="number">{graph.pending}</td>
                  <td className="number">{graph.running}</td>
                  <td className="number">{graph.limit ?? "none"}</td>
                  <td className="number">
                    {graph.oldest_wait_seconds === null ? "none" : formatMs(graph.oldest_wait_seconds * 1000)}
                  </td>
                  <td className={graph.loaded_by === 0 ? "number run-bad-text" : "number"}>
                    {graph.loaded_by === 0 ? "none: its runs wait until one has it" : graph.loaded_by}
                  </td>
                </tr>
              ))}
            </tbody>
          </TableScroll>
        )}
      </section>
      <section className="run-section">
        <h2>Workers of the last day</h2>
        <TableScroll label="Workers">
          <thead>
            <tr>
              <th scope="col">Worker</th>
              <th scope="col">State</th>
              <th scope="col">Running</th>
              <th scope="col">Graphs</th>
              <th scope="col">Started</th>
              <th scope="col">Last heard of</th>
            </tr>
          </thead>
          <tbody>
            {workers.map((worker) => (
              <WorkerRow key={worker.worker_id} worker={worker} />
            ))}
          </tbody>
        </TableScroll>
        {workers.length === 0 && <p className="notice bad">No worker has been seen: nothing is executed.</p>}
      </section>
    </div>
  );
}

const NAMED = 3;

/** Their names, where they are few; else how many, and the names behind a click. */
function Graphs({ names }: { names: readonly string[] }) {
  const all = <Line text={names.join(", ")} />;
  if (names.length <= NAMED) return all;
  return (
    <details>
      <summary>{count(names.length, "graph")}</summary>
      {all}
    </details>
  );
}

const STATES = { live: { sign: "✓", tone: "ok" }, stopped: { sign: "■", tone: "" }, lost: { sign: "✕", tone: "bad" } };

function WorkerRow({ worker }: { worker: WorkerView }) {
  const { sign, tone } = STATES[worker.state];
  return (
    <tr>
      <th scope="row">
        <span className="mono">{shortId(worker.worker_id)}</span>{" "}
        <span className="muted">
          <Line text={worker.hostname} />, process {worker.process_id}
        </span>
      </th>
      <td>
        <span className={`badge ${tone}`}>
          <span aria-hidden="true">{sign}</span>
          {worker.state}
        </span>
      </td>
      <td className="number">
        {worker.running} of {worker.slots}
      </td>
      <td>
        <Graphs names={worker.graph_ids} />
      </td>
      <td>
        <Ago at={worker.started_at} />
      </td>
      <td>
        <Ago at={worker.heartbeat_at} />
      </td>
    </tr>
  );
}
