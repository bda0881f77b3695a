import { EMOJI_STYLE, HOSTILE, visibleLine } from "../policy/visible-text.ts";

/** Text in one line: line ends and tabs are shown too. The output is made of printable characters only, so it is safe everywhere. */
export function sanitiseLine(text: string): string {
  return visibleLine(text);
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

function unit(character: string, at: number): string {
  return `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
}
