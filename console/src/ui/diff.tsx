import { Text } from "./text.tsx";
import { wordDiff } from "./word-diff.ts";

/** Two texts as one, what was taken out and what was put in marked by sign, by element, and by colour. */
export function WordDiff({ before, after }: { before: string; after: string }) {
  return (
    <span className="diff">
      {wordDiff(before, after).map(({ text, kind }, place) => {
        // biome-ignore-start lint/suspicious/noArrayIndexKey: pieces have nothing else
        if (kind === "same") return <Text key={place} text={text} />;
        const Mark = kind === "removed" ? "del" : "ins";
        return (
          <Mark key={place}>
            <span className="sr-only">{kind}: </span>
            <span aria-hidden="true">{kind === "removed" ? "−" : "+"}</span>
            <Text text={text} />
            <span className="sr-only"> (end)</span>
          </Mark>
        );
        // biome-ignore-end lint/suspicious/noArrayIndexKey: pieces have nothing else
      })}
    </span>
  );
}
