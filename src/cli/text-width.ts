const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const COMBINING = /^\p{M}+$/u;

/** How many cells of a terminal the text takes. */
export function textWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += cells(segment);
  return width;
}

/** The cells of the widest text. */
export function widestOf(texts: Iterable<string>): number {
  let widest = 0;
  // Not Math.max(...texts), which a hostile number of texts would overflow.
  for (const text of texts) widest = Math.max(widest, textWidth(text));
  return widest;
}

/** The text in at most `width` cells, with an ellipsis where it was cut. */
export function clip(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let clipped = "";
  let used = 1;
  for (const { segment } of segmenter.segment(text)) {
    used += cells(segment);
    if (used > width) break;
    clipped += segment;
  }
  return width < 1 ? "" : `${clipped.trimEnd()}…`;
}

/** The text with spaces up to `width` cells. */
export function pad(text: string, width: number, side: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, width - textWidth(text)));
  return side === "left" ? text + space : space + text;
}

/** Lines of at most `width` cells, broken between words where there are any. Takes time in proportion to the text. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  let used = 0;
  for (const word of text.split(/(?<= )/)) {
    const wordWidth = textWidth(word.trimEnd());
    if (line !== "" && used + wordWidth > width) {
      lines.push(line.trimEnd());
      line = "";
      used = 0;
    }
    const pieces = wordWidth > width ? cut(word, width) : [word];
    const last = pieces.pop() ?? "";
    for (const piece of pieces) lines.push(piece);
    line += last;
    used += textWidth(last);
  }
  lines.push(line.trimEnd());
  return lines;
}

/** A word in pieces of at most `width` cells, of at least one character however narrow that is. */
function cut(word: string, width: number): string[] {
  const pieces: string[] = [];
  let piece = "";
  let used = 0;
  for (const { segment } of segmenter.segment(word)) {
    const size = cells(segment);
    if (piece !== "" && used + size > width) {
      pieces.push(piece);
      piece = "";
      used = 0;
    }
    piece += segment;
    used += size;
  }
  return [...pieces, piece];
}

function cells(grapheme: string): number {
  if (COMBINING.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}
