import { formatSpan } from "../ui/format.ts";

/** A span of time with the precision that a reader needs: "34 ms", "3.2 s", "4 min 10 s". */
export function formatMs(ms: number): string {
  if (ms < 1) return ms <= 0 ? "0 ms" : "<1 ms";
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 9_950 ? 1 : 0)} s`;
  return formatSpan(ms);
}

/** From a moment to another; null: it goes on. */
export interface Span {
  from: number;
  to: number;
}

/** A span in which nothing executes, drawn shorter than it is. */
export interface Fold extends Span {
  /** Where it is drawn, as a share of the width. */
  x: number;
  width: number;
}

/** Where moments are drawn. */
export interface Scale {
  /** 0 at the beginning, 1 at the end. */
  at: (moment: number) => number;
  folds: Fold[];
}

const FOLD_WIDTH = 0.1;
const ALL_FOLDS = 0.4;
const LEAST_FOLDED_MS = 1_000;

/**
 * Lays out the time from the first moment to the last. Where nothing executes for much longer than anything does, the time
 * is folded: a wait of two days would leave nothing to be seen of a run of two seconds.
 */
export function layOut(whole: Span, busy: readonly Span[], folds: boolean): Scale {
  const length = Math.max(1, whole.to - whole.from);
  const spans = merge(busy, whole);
  const busyMs = spans.reduce((sum, span) => sum + span.to - span.from, 0);
  const gaps = gapsBetween(spans, whole).filter(({ from, to }) => {
    const gap = to - from;
    return folds && gap > LEAST_FOLDED_MS && gap > busyMs / 2;
  });
  if (gaps.length === 0) return { at: (moment) => clamp((moment - whole.from) / length), folds: [] };
  const each = Math.min(FOLD_WIDTH, ALL_FOLDS / gaps.length);
  const gapMs = gaps.reduce((sum, { from, to }) => sum + to - from, 0);
  const perMs = (1 - each * gaps.length) / Math.max(1, length - gapMs);
  const at = (moment: number) => {
    let x = (clampTo(moment, whole) - whole.from) * perMs;
    for (const { from, to } of gaps) {
      const passed = clampTo(moment, { from, to }) - from;
      x += (passed / (to - from)) * each - passed * perMs;
    }
    return clamp(x);
  };
  return { at, folds: gaps.map((gap) => ({ ...gap, x: at(gap.from), width: each })) };
}

function merge(spans: readonly Span[], whole: Span): Span[] {
  const merged: Span[] = [];
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    const span = { from: clampTo(from, whole), to: clampTo(Math.max(from, to), whole) };
    if (last !== undefined && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else merged.push(span);
  }
  return merged;
}

function gapsBetween(spans: readonly Span[], whole: Span): Span[] {
  const edges = [{ from: whole.from, to: whole.from }, ...spans, { from: whole.to, to: whole.to }];
  return edges.slice(1).map((span, index) => ({ from: (edges[index] as Span).to, to: span.from }));
}

const clamp = (share: number) => Math.min(1, Math.max(0, share));
const clampTo = (moment: number, { from, to }: Span) => Math.min(to, Math.max(from, moment));
