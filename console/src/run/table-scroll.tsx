import type { ReactNode } from "react";

/** A table that may be wider than its place: it scrolls by itself, also by keys. */
export function TableScroll({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
    <section className="run-table-scroll" aria-label={label} tabIndex={0}>
      <table className="run-table">{children}</table>
    </section>
  );
}
