import { memo, type ReactNode, useEffect, useRef } from "react";
import { Link } from "wouter";
import type { ReviewTask } from "../../../src/protocol/review.ts";
import { isOpen, RiskBadge, StatusBadge } from "../review/badges.tsx";
import { Ago, Due } from "../ui/clock.tsx";
import { count } from "../ui/format.ts";
import { Empty, Failed, Loading } from "../ui/states.tsx";
import { Line } from "../ui/text.tsx";
import { visibleLine } from "../ui/visible-text.ts";
import type { View } from "./filters.ts";
import type { ReviewList as List, Row } from "./use-reviews.ts";

interface Props {
  list: List;
  search: ReactNode;
  /** Stays at the bottom of the list. */
  footer: ReactNode;
  view: View;
  isSearch: boolean;
  openId: string | undefined;
  selected: ReadonlySet<string>;
  sort: string;
  onSort: (sort: string) => void;
  onToggle: (id: string) => void;
  onMore: () => void;
}

/** The list. Nothing in it moves by itself; what is new is announced above it. */
export function ReviewList({
  list,
  search,
  footer,
  view,
  isSearch,
  openId,
  selected,
  sort,
  onSort,
  onToggle,
  onMore,
}: Props) {
  const { rows, total, left, fresh, error, refresh } = list;
  return (
    <section className="inbox-list" aria-label={view.label}>
      {search}
      <header className="list-head">
        <h2>
          {view.label} <span className="muted">{rows === undefined ? "" : total}</span>
        </h2>
        <label>
          <span className="sr-only">Order</span>
          <select className="input" value={sort} onChange={(event) => onSort(event.target.value)}>
            <option value="due_at">due first</option>
            <option value="priority">priority</option>
            <option value="opened_at">oldest first</option>
            <option value="newest">newest first</option>
          </select>
        </label>
      </header>
      <div className="fresh" role="status">
        {fresh > 0 && (
          <button type="button" className="button primary" onClick={refresh}>
            {fresh} new: show <kbd>.</kbd>
          </button>
        )}
      </div>
      {error !== null && error !== undefined && <Failed error={error} retry={refresh} />}
      {rows === undefined && !error && <Loading what="reviews" />}
      {rows?.length === 0 && <Nothing view={view} isSearch={isSearch} />}
      {rows !== undefined && rows.length > 0 && (
        <ul className="rows">
          {rows.map(({ review, isGone }) => (
            <RowView
              key={review.id}
              review={review}
              isGone={isGone}
              isCurrent={review.id === openId}
              isSelected={selected.has(review.id)}
              onToggle={onToggle}
            />
          ))}
        </ul>
      )}
      {rows !== undefined && left && (
        <p className="more">
          <button type="button" className="button" onClick={onMore}>
            {moreOf(total, rows.length)}: show them
          </button>
        </p>
      )}
      {footer}
    </section>
  );
}

interface RowProps extends Row {
  isCurrent: boolean;
  isSelected: boolean;
  onToggle: (id: string) => void;
}

const RowView = memo(function RowView({ review, isGone, isCurrent, isSelected, onToggle }: RowProps) {
  const element = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isCurrent) element.current?.scrollIntoView({ block: "nearest" });
  }, [isCurrent]);
  const waits = isOpen(review) && !isGone;
  return (
    <li
      ref={element}
      className={`row risk-${review.risk ?? "none"} ${isGone ? "gone" : ""} ${isSelected ? "selected" : ""}`}
    >
      <input
        type="checkbox"
        aria-label={`Select ${visibleLine(review.title.slice(0, 100))}`}
        checked={isSelected}
        onChange={() => onToggle(review.id)}
      />
      <Link href={`/reviews/${review.id}`} className="row-link" aria-current={isCurrent ? "true" : undefined}>
        <span className="row-title">
          <Line text={review.title} />
        </span>
        <span className="row-effect">
          <Line text={effectOf(review)} />
        </span>
        <span className="row-facts">
          {review.risk !== null && review.risk !== "low" && <RiskBadge risk={review.risk} />}
          {isGone && isOpen(review) ? (
            <span className="badge">no longer here</span>
          ) : !waits || review.status !== "open" ? (
            <StatusBadge review={review} />
          ) : null}
          {review.claim !== null && (
            <span className="badge accent">
              <Line text={`in hand: ${review.claim.by}`} />
            </span>
          )}
          <span className="row-graph">
            <Line text={review.graph_id} />
          </span>
          <Ago at={review.opened_at} isRough />
          {waits && review.due_at !== null && <Due at={review.due_at} isRough />}
        </span>
      </Link>
    </li>
  );
});

function moreOf(total: string, shown: number): string {
  return /^\d+$/.test(total) ? count(Number(total) - shown, "more", "more") : "More";
}

function effectOf({ actions }: ReviewTask): string {
  const [first, ...others] = actions;
  if (first === undefined) return "";
  const more = others.length === 0 ? "" : ` (and ${count(others.length, "more action")})`;
  return `${first.preview ?? first.name}${more}`;
}

function Nothing({ view, isSearch }: { view: View; isSearch: boolean }) {
  if (isSearch) return <Empty title="Nothing fits the search." />;
  return (
    <Empty title={view.id === "all" ? "Nothing waits for a person." : `Nothing in “${view.label}”.`}>
      <p className="muted">
        When a run asks for an approval, it appears here by itself, with one sentence of what would happen.
      </p>
    </Empty>
  );
}
