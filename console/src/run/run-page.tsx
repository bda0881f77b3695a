import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { Link, useLocation, useParams, useSearch } from "wouter";
import { useShortcuts } from "../app/shortcuts.ts";
import { ApiError } from "../data/api.ts";
import { GuideStrip } from "../start/guide-strip.tsx";
import { shortId } from "../ui/format.ts";
import { Empty, Failed, Loading } from "../ui/states.tsx";
import { Line } from "../ui/text.tsx";
import { visibleLine } from "../ui/visible-text.ts";
import { EffectsView } from "./effects-view.tsx";
import { EventsView } from "./events-view.tsx";
import { MessagesView } from "./messages-view.tsx";
import { isMoving, isOver, type RunDetail } from "./model.ts";
import { ReviewsView } from "./reviews-view.tsx";
import { type ActionName, hasFailed, useMay } from "./run-actions.tsx";
import { RunHeader } from "./run-header.tsx";
import { useLive, useRun } from "./run-queries.ts";
import { statusLabel } from "./status.tsx";
import { StepsView } from "./steps-view.tsx";
import { TimelineView } from "./timeline-view.tsx";
import "./shared.css";
import "./run.css";
import "./parts.css";

const GraphView = lazy(() => import("./graph-view.tsx"));

const TABS = [
  { name: "timeline", label: "Timeline" },
  { name: "graph", label: "Graph" },
  { name: "steps", label: "Steps" },
  { name: "messages", label: "Messages" },
  { name: "reviews", label: "Reviews" },
  { name: "effects", label: "Effects" },
  { name: "events", label: "Events" },
] as const;
type TabName = (typeof TABS)[number]["name"];

/** One run: when what happened, where it stands, and what can be done with it. */
export default function RunPage() {
  const { id = "" } = useParams<{ id: string }>();
  const { data, error, refetch } = useRun(id);
  // What was shown before is gone too.
  if (error instanceof ApiError && error.status === 404) {
    return (
      <div role="alert">
        <Empty title="There is no such run.">
          <p className="muted">
            Run <Line text={id} /> was not found: it was taken back or deleted, or never was.
          </p>
          <Link href="/runs">Go to the runs</Link>
        </Empty>
      </div>
    );
  }
  if (data === undefined)
    return error ? <Failed error={error} retry={() => void refetch()} /> : <Loading what="the run" />;
  return <RunView key={data.run_id} run={data} />;
}

function RunView({ run }: { run: RunDetail }) {
  const live = useLive(run);
  const [open, setOpen] = useState<ActionName>();
  const [tab, setTab] = useTab();
  const mayStart = useMay("runs:create");
  const isLive = !isOver(run.status);
  const [, navigate] = useLocation();
  useEffect(() => {
    document.title = `${visibleLine(run.graph_id)} ${shortId(run.run_id)}: ${statusLabel(run.status)} · Holdpoint`;
    return () => {
      document.title = "Holdpoint";
    };
  }, [run.graph_id, run.run_id, run.status]);
  useShortcuts([
    ...TABS.map(({ name, label }, place) => ({
      keys: String(place + 1),
      label,
      group: "Run",
      run: () => setTab(name),
    })),
    { keys: "r", label: "Retry", group: "Run", run: () => setOpen("retry"), isOff: !hasFailed(run) || !mayStart },
    { keys: "c", label: "Cancel", group: "Run", run: () => setOpen("cancel"), isOff: !isMoving(run.status) },
    {
      keys: "o",
      label: "Open the review",
      group: "Run",
      run: () => navigate(`/reviews/${run.review_id}`),
      isOff: run.review_id === null,
    },
    { keys: "Escape", label: "Back to the runs", group: "Run", run: () => navigate("/runs") },
  ]);
  return (
    <article className="run">
      <GuideStrip run={run} />
      <RunHeader run={run} live={live.state} open={open} setOpen={setOpen} />
      <Tabs tab={tab} setTab={setTab} run={run} />
      <div className="run-panel" role="tabpanel" id="run-panel" aria-labelledby={`tab-${tab}`}>
        {tab === "timeline" && <TimelineView run={run} />}
        {tab === "graph" && (
          <Suspense fallback={<Loading what="the graph" />}>
            <GraphView run={run} active={live.active} />
          </Suspense>
        )}
        {tab === "steps" && <StepsView run={run} isLive={isLive} mayFork={mayStart} />}
        {tab === "messages" && <MessagesView run={run} isLive={isLive} />}
        {tab === "reviews" && <ReviewsView run={run} />}
        {tab === "effects" && <EffectsView run={run} isLive={isLive} />}
        {tab === "events" && <EventsView run={run} />}
      </div>
    </article>
  );
}

/** The tab that the address names, so that a link leads to it. */
function useTab(): [TabName, (name: TabName) => void] {
  const [location, navigate] = useLocation();
  const asked = new URLSearchParams(useSearch()).get("tab");
  const found = TABS.find(({ name }) => name === asked)?.name ?? "timeline";
  return [found, (name) => navigate(name === "timeline" ? location : `${location}?tab=${name}`, { replace: true })];
}

function Tabs({ tab, setTab, run }: { tab: TabName; setTab: (name: TabName) => void; run: RunDetail }) {
  const list = useRef<HTMLDivElement>(null);
  const move = (by: number) => {
    const place = TABS.findIndex(({ name }) => name === tab);
    const next = TABS[(place + by + TABS.length) % TABS.length] as (typeof TABS)[number];
    setTab(next.name);
    list.current?.querySelector<HTMLElement>(`#tab-${next.name}`)?.focus();
  };
  const counts: Partial<Record<TabName, ReactNode>> = { reviews: run.reviews > 0 ? run.reviews : undefined };
  return (
    <div className="run-tabs" role="tablist" aria-label="Parts of the run" ref={list}>
      {TABS.map(({ name, label }) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${name}`}
          className="run-tab"
          aria-selected={tab === name}
          aria-controls="run-panel"
          tabIndex={tab === name ? 0 : -1}
          onClick={() => setTab(name)}
          onKeyDown={(event) => {
            if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
            event.preventDefault();
            move(event.key === "ArrowRight" ? 1 : -1);
          }}
        >
          {label}
          {counts[name] !== undefined && <span className="run-tab-count">{counts[name]}</span>}
        </button>
      ))}
    </div>
  );
}
