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

/** Lines of at most `width` cells, broken between words where there are any. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/(?<= )/)) {
    if (line !== "" && textWidth((line + word).trimEnd()) > width) {
      lines.push(line.trimEnd());
      line = "";
    }
    line += word;
    while (textWidth(line.trimEnd()) > width) {
      const head = fitting(line, width);
      lines.push(head);
      line = line.slice(head.length);
    }
  }
  lines.push(line.trimEnd());
  return lines;
}

function fitting(text: string, width: number): string {
  let head = "";
  let used = 0;
  for (const { segment } of segmenter.segment(text)) {
    used += cells(segment);
    // At least one character a line, however narrow the terminal says it is.
    if (used > width && head !== "") break;
    head += segment;
  }
  return head;
}

function cells(grapheme: string): number {
  if (COMBINING.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}
