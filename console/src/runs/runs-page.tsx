import { useEffect, useRef, useState } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { useShortcuts } from "../app/shortcuts.ts";
import type { ListedRun } from "../run/model.ts";
import { FirstVisit } from "../start/first-visit.tsx";
import { count } from "../ui/format.ts";
import { Empty, Failed, Loading } from "../ui/states.tsx";
import { QueryBar } from "./query-bar.tsx";
import { readQuery } from "./query-text.ts";
import { useRuns } from "./runs-query.ts";
import { RunsTable } from "./runs-table.tsx";
import "../run/shared.css";
import "./runs.css";

/** All runs, newest first, and what fits a question. */
export default function RunsPage() {
  const [text, setText] = useText();
  const { query, unknown } = readQuery(text);
  const runs = useRuns(query);
  const input = useRef<HTMLInputElement>(null);
  const [, navigate] = useLocation();
  useEffect(() => {
    document.title = "Runs · Holdpoint";
  }, []);
  useShortcuts([
    { keys: "/", label: "Search", group: "Runs", run: () => input.current?.focus() },
    { keys: "n", label: "Start a run", group: "Runs", run: () => navigate("/start") },
  ]);
  const all = runs.data?.pages.flatMap((page) => page.runs) ?? [];
  const isFirstVisit = runs.data !== undefined && all.length === 0 && text.trim() === "";
  if (isFirstVisit) return <FirstVisit />;
  return (
    <div className="runs">
      <div className="runs-head">
        <h1>Runs</h1>
        <QueryBar text={text} setText={setText} unknown={unknown} runs={all} input={input} />
        <Link href="/start" className="button primary">
          Start a run
        </Link>
      </div>
      {runs.data === undefined ? (
        runs.error ? (
          <Failed error={runs.error} retry={() => void runs.refetch()} />
        ) : (
          <Loading what="runs" />
        )
      ) : (
        <>
          {runs.error !== null && <Failed error={runs.error} retry={() => void runs.refetch()} />}
          <Found runs={all} key={text} />
          <More runs={runs} shown={all.length} />
        </>
      )}
    </div>
  );
}

/** The question, as the address has it, so that a link leads to what fits it. */
function useText(): [string, (text: string) => void] {
  const [location, navigate] = useLocation();
  const text = new URLSearchParams(useSearch()).get("q") ?? "";
  const set = (next: string) =>
    navigate(next.trim() === "" ? location : `${location}?${new URLSearchParams({ q: next })}`, { replace: true });
  return [text, set];
}

/** New runs come on top; while somebody points at the list they wait, so that nothing moves away under a click. */
function Found({ runs }: { runs: readonly ListedRun[] }) {
  const [isHeld, setHeld] = useState(false);
  const [newest, setNewest] = useState(runs[0]?.created_at ?? "");
  const top = runs[0]?.created_at ?? "";
  useEffect(() => {
    if (!isHeld) setNewest(top);
  }, [isHeld, top]);
  const shown = newest === "" ? runs : runs.filter(({ created_at }) => created_at <= newest);
  const waiting = runs.length - shown.length;
  if (runs.length === 0) return <Empty title="No run fits this." />;
  return (
    <div onPointerEnter={() => setHeld(true)} onPointerLeave={() => setHeld(false)}>
      <p className="run-pill-place" role="status">
        {waiting > 0 && (
          <button type="button" className="run-pill" onClick={() => setNewest(top)}>
            {count(waiting, "new run")}
          </button>
        )}
      </p>
      <RunsTable runs={shown} />
    </div>
  );
}

function More({ runs, shown }: { runs: ReturnType<typeof useRuns>; shown: number }) {
  const looked = runs.data?.pages.reduce((sum, page) => sum + page.looked, 0) ?? 0;
  return (
    <p className="run-more">
      {runs.hasNextPage ? (
        <button
          type="button"
          className="button"
          disabled={runs.isFetchingNextPage}
          onClick={() => void runs.fetchNextPage()}
        >
          {runs.isFetchingNextPage ? "Loading …" : "Older runs"}
        </button>
      ) : (
        <span className="muted">{count(shown, "run")}. That is all.</span>
      )}
      {runs.hasNextPage && shown < 50 && (
        <span className="muted"> {count(looked, "run")} looked at so far; more come behind them.</span>
      )}
    </p>
  );
}
