/** JSON text with what jsonb refuses (NUL, lone surrogates) replaced by U+FFFD; JSON writes each of them as an escape. */
export function storableJson(text: string): string {
  return text.replace(/\\\\|\\u(?:0000|d[89ab][0-9a-f]{2}|d[c-f][0-9a-f]{2})/g, (sequence) =>
    sequence === "\\\\" ? sequence : "\\ufffd",
  );
}
