// Markdown of a graph or a model is hostile: what is understood is a short list, made into elements of ours. HTML is
// text, images are named and never loaded. No pattern takes more than a fixed number of steps for each character.

/** A piece of a line. */
export type Span =
  | { kind: "text" | "code" | "strong" | "em"; text: string }
  | { kind: "link"; text: string; url: string }
  | { kind: "image"; text: string; url: string };

/** A piece of a page. */
export type Block =
  | { kind: "paragraph" | "heading" | "quote"; spans: Span[] }
  | { kind: "list"; ordered: boolean; items: Span[][] }
  | { kind: "code"; text: string }
  | { kind: "rule" };

const LONGEST_LINE = 2_000;
const FENCE = /^ {0,3}(```+|~~~+)/;
const RULE = /^ {0,3}([-*_] *){3,20}$/;
const HEADING = /^ {0,3}#{1,6} +(.*)$/;
const ITEM = /^ {0,8}(?:[-*+]|(\d{1,3})[.)]) +(.*)$/;
const QUOTE = /^ {0,3}> ?(.*)$/;

/** A text in blocks. */
export function markdownBlocks(markdown: string): Block[] {
  const blocks: Block[] = [];
  let lines: string[] = [];
  const flush = () => {
    if (lines.length > 0) blocks.push({ kind: "paragraph", spans: spansOf(lines.join("\n")) });
    lines = [];
  };
  const all = markdown.replaceAll(/\r\n?/g, "\n").split("\n");
  for (let at = 0; at < all.length; at += 1) {
    const line = all[at] as string;
    const fence = FENCE.exec(line)?.[1];
    if (fence !== undefined) {
      flush();
      const end = all.findIndex((other, index) => index > at && other.trimStart().startsWith(fence));
      const stop = end === -1 ? all.length : end;
      blocks.push({ kind: "code", text: all.slice(at + 1, stop).join("\n") });
      at = stop;
      continue;
    }
    const block = line.length > LONGEST_LINE ? undefined : lineBlock(line);
    if (line.trim() === "" || block !== undefined) flush();
    if (block === undefined) {
      if (line.trim() !== "") lines.push(line);
      continue;
    }
    const last = blocks.at(-1);
    if (block.kind === "list" && last?.kind === "list" && last.ordered === block.ordered && all[at - 1]?.trim() !== "")
      last.items.push(...block.items);
    else blocks.push(block);
  }
  flush();
  return blocks;
}

function lineBlock(line: string): Block | undefined {
  if (RULE.test(line)) return { kind: "rule" };
  const heading = HEADING.exec(line)?.[1];
  if (heading !== undefined) return { kind: "heading", spans: spansOf(heading) };
  const item = ITEM.exec(line);
  if (item !== null) return { kind: "list", ordered: item[1] !== undefined, items: [spansOf(item[2] as string)] };
  const quote = QUOTE.exec(line)?.[1];
  return quote === undefined ? undefined : { kind: "quote", spans: spansOf(quote) };
}

const SPAN =
  /\\([\\`*_{}[\]()#+\-.!|~<>])|(`[^`\n]{1,500}`)|(!?)\[([^[\]\n]{0,300})\]\(([^()\s<>]{0,1000})(?:\s"[^"\n]{0,200}")?\)|\*\*([^*\n]{1,500})\*\*|(?<![\p{L}\p{N}_*])[*_]([^*_\n]{1,500})[*_](?![\p{L}\p{N}_*])/gu;

/** A line in spans. */
function spansOf(text: string): Span[] {
  if (text.length > 20 * LONGEST_LINE) return [{ kind: "text", text }];
  const spans: Span[] = [];
  let from = 0;
  for (const match of text.matchAll(SPAN)) {
    if (match.index > from) spans.push({ kind: "text", text: text.slice(from, match.index) });
    spans.push(spanOf(match));
    from = match.index + match[0].length;
  }
  if (from < text.length) spans.push({ kind: "text", text: text.slice(from) });
  return spans;
}

function spanOf([all, literal, code, image, label, url, strong, em]: RegExpMatchArray): Span {
  if (literal !== undefined) return { kind: "text", text: literal };
  if (code !== undefined) return { kind: "code", text: code.slice(1, -1) };
  if (url !== undefined) {
    const text = label ?? "";
    if (image === "!") return { kind: "image", text, url };
    return isSafeAddress(url) ? { kind: "link", text, url } : { kind: "text", text: all };
  }
  return strong === undefined ? { kind: "em", text: em ?? all } : { kind: "strong", text: strong };
}

/** Whether a link may lead there at all. */
export function isSafeAddress(url: string): boolean {
  return URL.canParse(url) && /^(?:https?|mailto):$/.test(new URL(url).protocol);
}
