import { expect, test } from "vitest";
import { parseSince } from "../../src/policy/since.ts";

test.each([
  ["90s", { seconds_ago: 90 }],
  ["90m", { seconds_ago: 5_400 }],
  ["24h", { seconds_ago: 86_400 }],
  [" 7d ", { seconds_ago: 604_800 }],
  ["2w", { seconds_ago: 1_209_600 }],
  ["2026-01-31", { at: "2026-01-31T00:00:00.000Z" }],
  ["2026-01-31T12:30:00+02:00", { at: "2026-01-31T10:30:00.000Z" }],
])("%j is how far back", (text, since) => {
  expect(parseSince(text)).toEqual(since);
});

test.each(["", "7", "d", "-7d", "7 d", "1.5h", "yesterday", "2026-13-01", "2026", "999999w", "7d; drop table"])(
  "%j is neither a span nor a moment",
  (text) => {
    expect(parseSince(text)).toBeUndefined();
  },
);
