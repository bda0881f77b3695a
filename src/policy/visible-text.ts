// Whatever a model, a customer or a graph wrote is hostile until it has passed here: a terminal obeys escape sequences,
// a header ends at a line end, and a person does not see what reorders or hides text. Nothing is dropped: every such
// character becomes its escape, so that a reviewer sees that it was there.

/**
 * Cc: ESC, BEL, backspace, C1 (a lone \x9b starts a sequence too). Cf, Default_Ignorable: zero-width, bidi, tags, fillers,
 * variation selectors. Zl, Zp: line breaks that are none to us. Cs: half a character. U+2800 looks like a space and is none.
 */
export const HOSTILE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/gu;
/** Emoji carry a variation selector so often that showing it would only be noise. */
export const EMOJI_STYLE = /(?<=\p{Extended_Pictographic})[\ufe0e\ufe0f]/gu;

/** Text in one line: line ends and tabs are shown too. */
export function visibleLine(text: string): string {
  return text.replaceAll(EMOJI_STYLE, "").replaceAll(HOSTILE, escaped);
}

function escaped(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  const code = character.codePointAt(0) as number;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}
