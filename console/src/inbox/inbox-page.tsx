import { useEffect, useMemo, useRef, useState } from "react";
import { useLocation, useParams, useSearch } from "wouter";
import { useShortcuts } from "../app/shortcuts.ts";
import { readStored, store } from "../app/stored.ts";
import { useReviewStream } from "../data/stream.ts";
import { PendingBar } from "../review/pending-bar.tsx";
import { ReviewPanel } from "../review/review-panel.tsx";
import { Empty } from "../ui/states.tsx";
import { Filters } from "./filter-rail.tsx";
import { listPath, readSearch, VIEWS, type View } from "./filters.ts";
import { ReviewList } from "./review-list.tsx";
import { useSavedSearches } from "./saved.ts";
import { SearchBox } from "./search-box.tsx";
import { SelectionBar } from "./selection-bar.tsx";
import { useReviewCounts, useReviewList } from "./use-reviews.ts";
import "./inbox.css";

const PAGE = 100;

/** What waits for a person: views and search, the list, and the review that is open. */
export default function InboxPage() {
  const { id } = useParams<{ id?: string }>();
  const [, navigate] = useLocation();
  const [view, setView] = useState<View>(
    () => VIEWS.find((one) => one.id === readStored("view")) ?? (VIEWS[0] as View),
  );
  // A link may name the view to show, also from here; its address is that of the list then.
  const named = new URLSearchParams(useSearch()).get("view");
  const [search, setSearch] = useState("");
  const [sort, setSort] = useState(() => readStored("sort") ?? "due_at");
  const [limit, setLimit] = useState(PAGE);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const box = useRef<HTMLInputElement>(null);
  const { saved, keep, forget } = useSavedSearches();
  const liveness = useReviewStream();
  const counts = useReviewCounts(liveness);
  const read = useMemo(() => readSearch(search, Date.now()), [search]);
  const list = useReviewList(listPath(view, read.query, { sort, limit }), liveness);
  const words = search.trim();
  const rows = list.rows ?? [];
  const place = rows.findIndex(({ review }) => review.id === id);
  const open = (review_id: string) => navigate(`/reviews/${review_id}`, { replace: id !== undefined });
  const step = (by: number) => {
    const to = rows[place === -1 ? 0 : Math.min(rows.length - 1, Math.max(0, place + by))];
    if (to !== undefined) open(to.review.id);
  };
  const next = nextOpen(rows, place);
  const toggle = (review_id: string) => {
    const after = new Set(selected);
    if (!after.delete(review_id)) after.add(review_id);
    setSelected(after);
  };
  const group = "Inbox";
  useShortcuts([
    { keys: "j", label: "Next review", group, run: () => step(1) },
    { keys: "k", label: "Previous review", group, run: () => step(-1) },
    {
      keys: "n",
      label: "Next open review",
      group,
      isOff: next === undefined,
      run: () => next !== undefined && open(next),
    },
    { keys: "x", label: "Select", group, isOff: id === undefined, run: () => id !== undefined && toggle(id) },
    { keys: "/", label: "Search", group, run: () => box.current?.focus() },
    { keys: ".", label: "Show what is new", group, isOff: list.fresh === 0, run: list.refresh },
    { keys: "Escape", label: "Back to the list", group, isOff: id === undefined, run: () => leave(navigate) },
  ]);
  const change = (to: View) => {
    setView(to);
    setLimit(PAGE);
    setSelected(new Set());
    store("view", to.id);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a link changes it, and it is followed once
  useEffect(() => {
    const to = VIEWS.find((one) => one.id === named);
    if (named === null) return;
    if (to !== undefined) change(to);
    navigate(location.pathname, { replace: true });
  }, [named]);
  return (
    <div className={id === undefined ? "inbox" : "inbox has-review"}>
      <Filters {...{ view, search, saved, counts, liveness }} onView={change} onSearch={setSearch} onForget={forget} />
      <ReviewList
        list={list}
        search={
          <SearchBox
            {...{ search, box }}
            faults={read.faults}
            onSearch={setSearch}
            onKeep={words === "" || saved.some((one) => one.search === words) ? null : () => keep(words)}
          />
        }
        view={view}
        footer={selected.size > 0 && <SelectionBar ids={[...selected]} onDone={() => setSelected(new Set())} />}
        isSearch={words !== ""}
        openId={id}
        selected={selected}
        sort={sort}
        onSort={(to) => {
          setSort(to);
          store("sort", to);
        }}
        onToggle={toggle}
        onMore={() => setLimit(limit + PAGE)}
      />
      <section className="inbox-detail" aria-label="Review">
        {id === undefined ? (
          <>
            <h1 className="sr-only">Inbox</h1>
            <Empty title={rows.length === 0 ? "Nothing is open." : "Choose a review, or press j."}>
              <p className="muted">Nothing is decided by opening it.</p>
            </Empty>
          </>
        ) : (
          <ReviewPanel id={id} next={next} />
        )}
      </section>
      <PendingBar except={id} />
    </div>
  );
}

function nextOpen(
  rows: readonly { review: { id: string; status: string }; isGone: boolean }[],
  place: number,
): string | undefined {
  const waiting = ({ review, isGone }: (typeof rows)[number]) =>
    !isGone && (review.status === "open" || review.status === "info_requested");
  const after = rows.slice(place + 1).find(waiting);
  return (after ?? rows.slice(0, Math.max(0, place)).find(waiting))?.review.id;
}

function leave(navigate: (to: string) => void): void {
  const focused = document.activeElement;
  // Out of a field first; only then away.
  if (focused instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(focused.tagName)) focused.blur();
  else navigate("/reviews");
}
