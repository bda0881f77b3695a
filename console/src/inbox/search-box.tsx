import type { RefObject } from "react";

interface Props {
  search: string;
  faults: readonly string[];
  box: RefObject<HTMLInputElement | null>;
  /** Null: there is nothing to keep. */
  onKeep: (() => void) | null;
  onSearch: (search: string) => void;
}

/** The search above the list. */
export function SearchBox({ search, faults, box, onKeep, onSearch }: Props) {
  return (
    <div className="search">
      <input
        ref={box}
        className="input"
        type="search"
        aria-label="Search reviews"
        title="Words of the title, or graph:refunds risk:high due:<4h who:ana group:finance"
        placeholder="Search, or graph: risk: due:<4h who:"
        autoComplete="off"
        value={search}
        onChange={(event) => onSearch(event.target.value)}
      />
      {onKeep !== null && (
        <button type="button" className="link" onClick={onKeep}>
          Keep this search
        </button>
      )}
      {faults.map((fault) => (
        <p key={fault} className="field-error">
          ✗ {fault}
        </p>
      ))}
    </div>
  );
}
