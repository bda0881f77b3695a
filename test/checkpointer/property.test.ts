import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  assembleChain,
  type Chunk,
  extendChain,
  loadedValue,
  type Ref,
} from "../../src/postgres/checkpointer/chains.ts";
import { encodeChannel } from "../../src/postgres/checkpointer/channel-text.ts";
import { decode } from "../../src/postgres/checkpointer/decode.ts";
import { encode } from "../../src/postgres/checkpointer/encode.ts";
import { createSaver } from "../../src/postgres/checkpointer/saver.ts";
import { collect } from "../support/collect.ts";
import { SCALE } from "../support/dice.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { fc } from "../support/properties.ts";
import { type CountedSaver, checkpointOf, METADATA, openCounted } from "./support.ts";

let database: TestDatabase;
let counted: CountedSaver;

beforeAll(async () => {
  database = await createTestDatabase();
  counted = openCounted(database.url);
});
afterAll(async () => {
  await counted.end();
  await database.drop();
});

// The same values in every run, so that a failure can be seen again; more of them in the soak.
const runs = (numRuns: number) => ({ seed: 1, numRuns: numRuns * SCALE });

/** Any sequence of UTF-16 units: half of these strings are no text. */
const anyString = fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) });
const key = fc.oneof(
  fc.string(),
  anyString,
  fc.nat(20).map(String),
  fc.constantFrom(
    "__proto__",
    "constructor",
    "toString",
    "$hp",
    "value",
    "name",
    "lc",
    "-",
    "",
    '"',
    "\\",
    "\n",
    "0",
    "01",
    "-0",
  ),
);

const special = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, Number.NaN, -0, Number.POSITIVE_INFINITY, 5e-324, 2n ** 70n, /a\/b/giu),
  fc.constant(new Date(Number.NaN)),
  anyString,
);
/** Objects that look like what we or LangChain write. */
const hostile = fc.oneof(
  fc.record(
    {
      $hp: fc.constantFrom("date", "map", "set", "message", "object", "undefined", "bigint", "error", "nonsense"),
      value: fc.anything(),
      name: fc.constantFrom("HumanMessage", "Function", "process", "../../x", "__proto__", "constructor"),
    },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      lc: fc.constantFrom(1, 2),
      type: fc.constantFrom("constructor", "secret", "undefined", "not_implemented"),
      id: fc.array(fc.constantFrom("langchain_core", "messages", "HumanMessage", "Set", "Function", "process")),
      kwargs: fc.anything(),
      args: fc.array(fc.anything()),
    },
    { noNullPrototype: true },
  ),
);
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.anything({
      key,
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: false,
    }),
    special,
    hostile,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(tie("value"), { maxLength: 3 }).map((members) => new Set(members)),
  ),
}));

test("whatever is encoded is decoded to the same, in text that holds no line feed, NUL or lone surrogate", () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const text = encode(value);
      expect(text.includes("\n") || text.includes("\0") || !text.isWellFormed()).toBe(false);
      return isDeepStrictEqual(decode(text), value);
    }),
    runs(2_000),
  );
  expect(Object.keys(Object.prototype)).toEqual([]);
});

const member = fc.oneof(fc.string({ minLength: 200, maxLength: 400 }), fc.nat(3), special);
/** Values that follow each other in one channel: dicts and lists that mostly keep what they had. */
const changes = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ set: fc.dictionary(key, member, { maxKeys: 3, noNullPrototype: true }) }) },
    { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ push: fc.array(member, { maxLength: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ cut: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ reorder: fc.constant(true) }) },
    { weight: 1, arbitrary: fc.record({ whole: fc.oneof(member, fc.constant([]), fc.constant({})) }) },
  ),
  { minLength: 3, maxLength: 12 },
);
type Change = { set?: object; remove?: number; push?: unknown[]; cut?: number; reorder?: boolean; whole?: unknown };

const START = Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`key ${index}`, "x".repeat(300)]));

/** The value that the change makes of the one before; a new one, as reducers give it. */
function changed(before: unknown, { set, remove, push, cut, reorder, whole }: Change): unknown {
  if (whole !== undefined) return whole;
  if (push !== undefined) return [...(Array.isArray(before) ? before : [START, "x".repeat(900)]), ...push];
  if (Array.isArray(before)) return before.slice(0, cut === undefined ? undefined : cut % (before.length + 1));
  const entries = Object.entries(before !== null && typeof before === "object" ? before : START);
  if (remove !== undefined && entries.length > 0) entries.splice(remove % entries.length, 1);
  if (reorder) entries.reverse();
  for (const [name, value] of Object.entries(set ?? {})) {
    const known = entries.find(([other]) => other === name);
    if (known === undefined) entries.push([name, value]);
    else known[1] = value;
  }
  return Object.fromEntries(entries);
}

function valuesOf(steps: readonly Change[]): unknown[] {
  const values: unknown[] = [START];
  for (const step of steps) values.push(changed(values.at(-1), step));
  return values;
}

/** Also the order of members: a reader must not be able to tell how a value was stored. */
const isSame = (left: unknown, right: unknown) => isDeepStrictEqual(left, right) && encode(left) === encode(right);

test("a value that is put together from its chain is the value that was put, member by member and in order", () => {
  fc.assert(
    fc.property(changes, (steps) => {
      const chains = new Map<string, Chunk[]>();
      let previous: Ref | undefined;
      for (const value of valuesOf(steps as Change[])) {
        const encoded = encodeChannel(value);
        if (encoded.kind === "inline") {
          if (!isSame(decode(encoded.text), value)) return false;
          previous = undefined;
          continue;
        }
        const { ref, chunk } = extendChain(encoded, previous);
        if (chunk !== undefined) chains.set(ref.chain, [...(chains.get(ref.chain) ?? []), chunk]);
        const stored = chains.get(ref.chain) ?? [];
        const cold = assembleChain(ref.chain, ref.seq, stored, undefined);
        if (cold === undefined || !isSame(loadedValue(cold), value)) return false;
        const newer = stored.filter(({ seq }) => seq > (previous?.chain === ref.chain ? previous.seq : -1));
        const warm = assembleChain(ref.chain, ref.seq, newer, previous?.chain === ref.chain ? previous : undefined);
        if (warm === undefined || !isSame(loadedValue(warm), value)) return false;
        previous = ref;
      }
      return true;
    }),
    runs(1_000),
  );
});

test("a channel that changes in any way reads the same from every saver, alone and in a list", async () => {
  let thread = 0;
  await fc.assert(
    fc.asyncProperty(changes, async (steps) => {
      const values = valuesOf(steps as Change[]);
      thread += 1;
      let config = { configurable: { thread_id: `thread ${thread}` } } as Parameters<typeof counted.saver.put>[0];
      const configs = [];
      for (const value of values) {
        const { checkpoint, versions } = checkpointOf({ value });
        config = await counted.saver.put(config, checkpoint, METADATA, versions);
        configs.push(config);
      }
      const other = createSaver({ pool: counted.pool });
      const listed = await collect(other.list({ configurable: { thread_id: `thread ${thread}` } }));
      for (const [index, value] of values.entries()) {
        const reads = [await other.getTuple(configs[index]!), await counted.saver.getTuple(configs[index]!)];
        for (const tuple of [...reads, listed.at(-1 - index)]) {
          if (!isSame(tuple?.checkpoint.channel_values["value"], value)) return false;
        }
      }
      return true;
    }),
    runs(25),
  );
});
