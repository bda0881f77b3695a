/** A text of this length that says the same again and again, as made-up data does; it compresses well. */
export function repetitiveText(characters: number, seed: number): string {
  const sentence = `The quick brown fox number ${seed} jumps over the lazy dog. `;
  return sentence.repeat(Math.ceil(characters / sentence.length)).slice(0, characters);
}

/** A text of this length whose words are as frequent as those of a language; it compresses as real text does. */
export function livelyText(characters: number, seed: number): string {
  const random = randomOf(seed);
  let text = "";
  // A word has two letters at least.
  while (text.length < characters) text += `${WORDS[Math.floor(WORDS.length ** random()) - 1]} `;
  return text.slice(0, characters);
}

/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SYLLABLES = 5;

const WORDS = (() => {
  const random = randomOf(7);
  const pick = (letters: string) => letters[Math.floor(random() * letters.length)] ?? "";
  const syllable = () => pick("bcdfghjklmnprstvwz") + pick("aeiou") + pick("   nrst").trim();
  const word = () => Array.from({ length: 1 + Math.floor(random() * (SYLLABLES - 1)) }, syllable).join("");
  return Array.from({ length: 5000 }, word);
})();
