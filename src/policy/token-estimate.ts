const LETTERS_OF_TOKEN = 4;
const TOKENS_OF_MESSAGE = 4;
// What providers count for a picture or a document of ordinary size.
const TOKENS_OF_MEDIUM = 1_000;

/** About how many tokens a text is: four letters of English each, and one for every character of most other scripts. */
export function textTokens(text: string): number {
  let wide = 0;
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) > 0x24f) wide += 1;
  return Math.ceil((text.length - wide) / LETTERS_OF_TOKEN) + wide;
}

/** About how many tokens the content of a message is: its text, and what stands beside it. */
export function contentTokens(content: unknown): number {
  if (typeof content === "string") return textTokens(content) + TOKENS_OF_MESSAGE;
  if (!Array.isArray(content)) return TOKENS_OF_MESSAGE;
  return content.reduce<number>((sum, block) => sum + blockTokens(block), TOKENS_OF_MESSAGE);
}

// The bytes of a picture are no text, however long they are.
function blockTokens(block: unknown): number {
  if (typeof block === "string") return textTokens(block);
  const { text } = (block ?? {}) as { text?: unknown };
  return typeof text === "string" ? textTokens(text) : TOKENS_OF_MEDIUM;
}
