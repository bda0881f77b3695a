// Descriptions are Markdown of a graph or a model. A terminal shows them as plain text: emphasis goes, and whatever
// points elsewhere is written out in full, so that the text of a link cannot say one thing and its address another.

/** Markdown as plain text. The result still has to pass the sanitiser. */
export function plainText(markdown: string): string {
  const lines: string[] = [];
  let fence: string | undefined;
  for (const line of markdown.replaceAll(/\r\n?/g, "\n").split("\n")) {
    const mark = /^ {0,3}(```+|~~~+)/.exec(line)?.[1];
    if (mark !== undefined && (fence === undefined || (mark[0] === fence[0] && mark.length >= fence.length))) {
      fence = fence === undefined ? mark : undefined;
      continue;
    }
    lines.push(fence === undefined ? plainLine(line) : `    ${line}`);
  }
  return alignTables(lines)
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .replace(/^\n+/, "")
    .trimEnd();
}

// The text is hostile: no pattern below may take longer than a fixed number of steps for each character. Longer lines
// are nobody's writing and stay as they are.
const LONGEST_LINE = 2000;

function plainLine(line: string): string {
  if (line.length > LONGEST_LINE) return line;
  if (/^ {0,3}([-*_] *){3,}$/.test(line)) return "—".repeat(20);
  const heading = /^ {0,3}#{1,6}\s+(.*?)(\s+#+)?\s*$/.exec(line);
  if (heading !== null) return plainSpan(heading[1] as string);
  const item = /^(\s*)[-*+]\s+(?:\[([ xX])\]\s+)?(.*)$/.exec(line);
  if (item !== null) {
    const [, indent = "", box, text = ""] = item;
    const bullet = box === undefined ? "•" : box === " " ? "[ ]" : "[x]";
    return `${indent}${bullet} ${plainSpan(text)}`;
  }
  return plainSpan(line);
}

function plainSpan(text: string): string {
  // Code is kept apart first: what is in it is meant letter by letter.
  return text
    .split(/(`+[^`]*`+)/)
    .map((part, index) => (index % 2 === 1 ? part.replaceAll(/^`+ ?| ?`+$/g, "") : plainWords(part)))
    .join("");
}

// A label without brackets and an address without parentheses: neither can be read in two ways.
const LINK = /(!?)\[([^[\]]{0,500})\]\(\s?<?([^()\s<>]{0,1000})>?(?:\s[^()]{0,200})?\)/g;

function plainWords(text: string): string {
  return text
    .replaceAll(LINK, (_all, image: string, label: string, url: string) => {
      if (image === "!") return `[image: ${label}] (${url})`;
      return label === url ? url : `${label} (${url})`;
    })
    .replaceAll(/(\*\*|__)(?=\S)(.{1,500}?)(?<=\S)\1/g, "$2")
    .replaceAll(/(?<![\p{L}\p{N}*_])([*_])(?=\S)([^*_]{1,500})(?<=\S)\1(?![\p{L}\p{N}*_])/gu, "$2")
    .replaceAll(/~~(?=\S)(.{1,500}?)(?<=\S)~~/g, "[struck out: $1]")
    .replaceAll(/\\([\\`*_{}[\]()#+\-.!|~<>])/g, "$1");
}

const WIDEST_CELL = 200;
const ROW = /^\s*\|.*\|\s*$/;
const RULE = /^\s*\|(\s*:?-+:?\s*\|)+\s*$/;

function alignTables(lines: readonly string[]): string[] {
  const out: string[] = [];
  for (let at = 0; at < lines.length; ) {
    let end = at;
    while (end < lines.length && ROW.test(lines[end] as string)) end += 1;
    if (end - at < 2) {
      out.push(lines[at] as string);
      at += 1;
      continue;
    }
    const rows = lines.slice(at, end).filter((line) => !RULE.test(line));
    for (const row of alignRows(rows.map(cellsOf))) out.push(row);
    at = end;
  }
  return out;
}

function cellsOf(line: string): string[] {
  return line
    .trim()
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

function alignRows(rows: readonly string[][]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  const isTooWide = widths.some((width) => width > WIDEST_CELL);
  return rows.map((row) =>
    row
      .map((cell, index) => (isTooWide ? cell : cell.padEnd(widths[index] as number)))
      .join("  ")
      .trimEnd(),
  );
}
