// Whatever a model, a customer or a graph wrote is hostile until it has passed here: a terminal obeys escape sequences,
// and a person does not see what reorders or hides text. Nothing is dropped: every such character becomes its escape,
// so that a reviewer sees that it was there. The output is made of printable characters only, so it is safe everywhere.

// Cc: ESC, BEL, backspace, C1 (a lone \x9b starts a sequence too). Cf, Default_Ignorable: zero-width, bidi, tags, fillers,
// variation selectors. Zl, Zp: line breaks that are none to us. Cs: half a character. U+2800 looks like a space and is none.
const HOSTILE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/gu;
// Emoji carry a variation selector so often that showing it would only be noise.
const EMOJI_STYLE = /(?<=\p{Extended_Pictographic})[\ufe0e\ufe0f]/gu;

/** Text in one line: line ends and tabs are shown too. */
export function sanitiseLine(text: string): string {
  return text.replaceAll(EMOJI_STYLE, "").replaceAll(HOSTILE, escaped);
}

/** Text of several lines: line ends stay, a tab is two spaces, everything else is as in one line. */
export function sanitiseText(text: string): string {
  return text
    .replaceAll(/\r\n/g, "\n")
    .split("\n")
    .map((line) => sanitiseLine(line.replaceAll("\t", "  ")))
    .join("\n");
}

/** True when the text holds characters that hide, reorder or command. Line ends and tabs are none of them. */
export function hasHiddenCharacters(text: string): boolean {
  const plain = text.replaceAll(/[\r\n\t]/g, " ").replaceAll(EMOJI_STYLE, "");
  return plain.search(HOSTILE) >= 0;
}

/** JSON that a terminal can be shown: the same value, with its hostile characters written as escapes. */
export function safeJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent) ?? "null";
  // The only control characters JSON.stringify writes as they are, are its own line ends.
  return text.replaceAll(HOSTILE, (character) =>
    character === "\n" ? character : [...Array(character.length).keys()].map((at) => unit(character, at)).join(""),
  );
}

function escaped(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  const code = character.codePointAt(0) as number;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}

function unit(character: string, at: number): string {
  return `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
}
