import { expect, test } from "vitest";
import { firstBrokenLink, type StoredLink } from "../../src/policy/audit-chain.ts";
import { chainOf } from "../support/invariants.ts";
import { fc } from "../support/properties.ts";

const bodies = fc.array(fc.json({ maxDepth: 2 }), { minLength: 1, maxLength: 8 });

test("a chain holds, and so does an empty one", () => {
  fc.assert(fc.property(bodies, (texts) => firstBrokenLink(chainOf(texts)) === null));
  expect(firstBrokenLink([])).toBeNull();
});

test("whatever is changed in a link, that link is named, or the next when only its hash fits", () => {
  const fields = [
    "tenant_id",
    "review_id",
    "kind",
    "at",
    "principal_id",
    "thread_id",
    "run_id",
    "body",
    "prev_hash",
    "hash",
  ] as const;
  const changes = fc.tuple(bodies, fc.nat(), fc.constantFrom(...fields), fc.nat(), fc.integer({ min: 1, max: 9 }));
  fc.assert(
    fc.property(changes, ([texts, where, field, place, by]) => {
      const chain = chainOf(texts);
      const at = where % chain.length;
      chain[at] = { ...(chain[at] as StoredLink), [field]: otherText(String(chain[at]?.[field]), place, by) };
      expect(firstBrokenLink(chain)).toBe(at);
    }),
    { numRuns: 1_000 },
  );
});

/** The text with one character changed. */
function otherText(text: string, place: number, by: number): string {
  const at = text.length === 0 ? 0 : place % text.length;
  return text.slice(0, at) + String.fromCharCode((text.charCodeAt(at) || 64) ^ by) + text.slice(at + 1);
}

test("a link that is taken out, put in twice or moved is found", () => {
  const chain = chainOf(["1", "2", "3", "4"]);
  expect(firstBrokenLink(chain.toSpliced(1, 1))).toBe(1);
  expect(firstBrokenLink(chain.toSpliced(2, 0, chain[1] as StoredLink))).toBe(2);
  expect(firstBrokenLink([chain[1], chain[0], chain[2], chain[3]] as StoredLink[])).toBe(0);
  expect(firstBrokenLink(chain.slice(1))).toBe(0);
});

test("a chain whose end was cut off still holds: only a seal outside the database can tell", () => {
  expect(firstBrokenLink(chainOf(["1", "2", "3"]).slice(0, 2))).toBeNull();
});
