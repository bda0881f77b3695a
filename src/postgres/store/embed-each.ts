import type { Embedder } from "./embedder.ts";

/** Makes the vectors of several things at once, each with some texts: what Postgres is given of each. */
export async function embedEach(embedder: Embedder, texts: readonly (readonly string[])[]): Promise<number[][][]> {
  const all = [...new Set(texts.flat())];
  const made = all.length === 0 ? [] : await embedder.embed(all);
  const byText = new Map(all.map((text, index) => [text, made[index]]));
  return texts.map((some) =>
    some.flatMap((text) => {
      const vector = byText.get(text);
      // Nine digits are all that such a number has.
      return vector == null ? [] : [Array.from(vector, (one) => Number(one.toPrecision(9)))];
    }),
  );
}
