import type { ReviewCounts } from "../../../src/protocol/review.ts";
import type { Liveness } from "../data/stream.ts";
import { countOf } from "./counts.ts";
import { type SavedSearch, VIEWS, type View } from "./filters.ts";

interface Props {
  view: View;
  search: string;
  counts: ReviewCounts | undefined;
  liveness: Liveness;
  saved: readonly SavedSearch[];
  onView: (view: View) => void;
  onSearch: (search: string) => void;
  onForget: (saved: SavedSearch) => void;
}

const LIVE: Record<Liveness, string> = {
  connecting: "connecting …",
  live: "live",
  polling: "not live: asked again every 5 s",
};

/** Views with their counts, and searches that were kept. */
export function Filters({ view, search, saved, counts, liveness, onView, onSearch, onForget }: Props) {
  return (
    <section className="filters" aria-label="Filters">
      <ul className="views">
        {VIEWS.map((one) => (
          <li key={one.id}>
            <button type="button" className="nav-link" aria-pressed={one.id === view.id} onClick={() => onView(one)}>
              <span>{one.label}</span>
              <Count view={one} counts={counts} />
            </button>
          </li>
        ))}
        {saved.map((one) => (
          <li key={one.search} className="saved">
            <button
              type="button"
              className="nav-link"
              aria-pressed={one.search === search.trim()}
              onClick={() => onSearch(one.search)}
            >
              <span>{one.name}</span>
            </button>
            <button
              type="button"
              className="link"
              aria-label={`Forget the search ${one.name}`}
              onClick={() => onForget(one)}
            >
              ✕
            </button>
          </li>
        ))}
      </ul>
      <p className={`live ${liveness}`} role="status">
        <span aria-hidden="true">{liveness === "live" ? "●" : "○"}</span> {LIVE[liveness]}
      </p>
    </section>
  );
}

function Count({ view, counts }: { view: View; counts: ReviewCounts | undefined }) {
  const amount = countOf(view, counts);
  if (amount === null || (amount === 0 && view.id !== "all")) return null;
  const tone = view.id === "overdue" || view.id === "attention" ? "bad" : "";
  return <span className={`badge ${tone}`}>{amount}</span>;
}
