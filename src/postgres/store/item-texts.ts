import { textsAtPath } from "../../policy/texts-at-path.ts";

/** More words than this of one item are not looked at, and Postgres has room for no more in an index. */
const TEXT_CHARACTERS = 200_000;
/** What a model reads of one text: about as much as they take at once. */
const EMBEDDED_CHARACTERS = 24_000;
const EMBEDDED_TEXTS = 100;

/** The words of a value that it is found by: all of its texts, or those at some paths. */
export function wordsOf(value: unknown, paths: readonly string[] | undefined): string {
  const texts: unknown[] = paths === undefined ? [] : paths.flatMap((path) => textsAtPath(value, path));
  // Bound: each value is looked at once.
  const waiting = paths === undefined ? [value] : [];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next === "string") texts.push(next);
    else if (typeof next === "object" && next !== null) for (const member of Object.values(next)) waiting.push(member);
  }
  return plainText(texts.join(" "));
}

/** The texts at some paths of a value that get a vector each; of very many the first. */
export function textsToEmbed(value: unknown, paths: readonly string[]): string[] {
  const texts = paths.flatMap((path) => textsAtPath(value, path)).map(textToEmbed);
  return [...new Set(texts)].filter((text) => text !== "").slice(0, EMBEDDED_TEXTS);
}

/** A text as a model is given it. */
export const textToEmbed = (text: string) => plainText(text).slice(0, EMBEDDED_CHARACTERS).toWellFormed().trim();

/** A text that Postgres can hold. */
export const plainText = (text: string) => text.replaceAll("\0", " ").toWellFormed().slice(0, TEXT_CHARACTERS);
