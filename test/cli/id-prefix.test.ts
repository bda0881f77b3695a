import { describe, expect, test } from "vitest";
import { matchPrefix, parseId, shortId } from "../../src/cli/id-prefix.ts";
import { fc } from "../support/properties.ts";

const ids = [
  "7f3a2b10-0000-4000-8000-000000000000",
  "7f3a2b1f-0000-4000-8000-000000000000",
  "aaaa0000-0000-4000-8000-000000000000",
];
const match = (text: string) =>
  matchPrefix(
    parseId(text, "review"),
    ids,
    (id) => id,
    () => "a title",
    "review",
  );

describe("an id on the command line", () => {
  test.each([
    ["its first four characters", "aaaa", ids[2]],
    ["capital letters", "AAAA00", ids[2]],
    ["the ellipsis it was copied with", "7f3a2b10…", ids[0]],
    ["three dots", "7f3a2b1f...", ids[1]],
    ["all of it", ids[0] as string, ids[0]],
    ["nothing there is", "bbbb", undefined],
  ])("may be %s", (_what, given, expected) => {
    expect(match(given)).toBe(expected);
  });

  test("that several begin with is refused with all of them", () => {
    expect(() => match("7f3a")).toThrow(`7f3a begins the id of 2 reviews:\n  ${ids[0]}  a title\n  ${ids[1]}  a title`);
  });

  test.each(["7f3", "", "   ", "review", "7f3a; rm", "7f3a\0", "%2e%2e", "../..", "\u202eaaaa", "a".repeat(37)])(
    "is refused when it is %j",
    (given) => {
      expect(() => match(given)).toThrow(expect.objectContaining({ exitCode: 2 }));
    },
  );
});

describe("shortId()", () => {
  test("shows seven characters where they are enough", () => {
    expect(shortId(ids[2] as string, ids)).toBe("aaaa000");
  });

  test("shows as many as it takes to tell ids apart", () => {
    expect(shortId(ids[0] as string, ids)).toBe("7f3a2b10");
  });

  test("always finds its own id again among the others", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 50 }), (all) => {
        for (const id of all) {
          const short = parseId(`${shortId(id, all)}…`, "run");
          expect(
            matchPrefix(
              short,
              all,
              (each) => each,
              () => "",
              "run",
            ),
          ).toBe(id);
        }
      }),
    );
  });
});
