// Texts of models, customers and graphs are hostile until they have passed here. Nothing is dropped: what reorders or
// hides text, or is no character at all, becomes its escape, so that a reviewer sees that it was there.

/** The same set as the command line escapes; line ends and tabs are kept apart by whoever shows several lines. */
const HOSTILE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/gu;
const HOSTILE_BUT_LINES = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/gu;
/** Emoji carry a variation selector so often that showing it would only be noise. */
const EMOJI_STYLE = /(?<=\p{Extended_Pictographic})[\ufe0e\ufe0f]/gu;

/** A part of a text: as it is, or the escape of what should not be shown as it is. */
export interface TextPart {
  text: string;
  escaped: boolean;
}

/** A text in parts. With `lines` line ends and tabs stay what they are. */
export function visibleParts(text: string, lines: boolean): TextPart[] {
  const plain = text.replaceAll(EMOJI_STYLE, "").replaceAll("\r\n", "\n");
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of plain.matchAll(lines ? HOSTILE_BUT_LINES : HOSTILE)) {
    if (match.index > from) parts.push({ text: plain.slice(from, match.index), escaped: false });
    const last = parts.at(-1);
    const code = escaped(match[0]);
    if (last?.escaped === true && match.index === from) last.text += code;
    else parts.push({ text: code, escaped: true });
    from = match.index + match[0].length;
  }
  if (from < plain.length) parts.push({ text: plain.slice(from), escaped: false });
  return parts;
}

/** The same as one string: for titles, labels and everything else that is no element. */
export function visibleLine(text: string): string {
  return visibleParts(text, false)
    .map((part) => part.text)
    .join("");
}

/** Whether something in it would be shown as an escape. */
export function hasHiddenCharacters(text: string): boolean {
  // Not by `test`, which would have the next search begin where this one ended.
  return text.replaceAll(EMOJI_STYLE, "").replaceAll("\r\n", "\n").search(HOSTILE_BUT_LINES) !== -1;
}

function escaped(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  const code = character.codePointAt(0) as number;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}
