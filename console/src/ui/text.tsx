import { useState } from "react";
import { formatBytes } from "./format.ts";
import { visibleParts } from "./visible-text.ts";

const FIRST_CHARACTERS = 2_000;
const MORE_CHARACTERS = 100_000;

/** Text of somebody else in one line: whatever could mislead is shown as its escape. */
export function Line({ text }: { text: string }) {
  return <Parts text={text.length > FIRST_CHARACTERS ? `${text.slice(0, FIRST_CHARACTERS)}…` : text} lines={false} />;
}

/** Text of somebody else with its lines. What is long is cut, and says by how much; all of it can be shown. */
export function Text({ text, first = FIRST_CHARACTERS }: { text: string; first?: number }) {
  const [shown, setShown] = useState(first);
  const rest = text.length - shown;
  if (rest <= 0) return <Parts text={text} lines />;
  return (
    <>
      <Parts text={text.slice(0, shown)} lines />…{" "}
      <button type="button" className="link" onClick={() => setShown(shown + MORE_CHARACTERS)}>
        {formatBytes(rest)} not shown: show {rest > MORE_CHARACTERS ? "more" : "all"}
      </button>
    </>
  );
}

function Parts({ text, lines }: { text: string; lines: boolean }) {
  // The place in the text is what a part is.
  return visibleParts(text, lines).map((part, place) =>
    part.escaped ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts have nothing else
      <span key={place} className="escape" title="a hidden or control character, shown as its code">
        {part.text}
      </span>
    ) : (
      part.text
    ),
  );
}
