import { usageError } from "./command-error.ts";
import { sanitiseLine } from "./sanitise.ts";

const SHORTEST_GIVEN = 4;
const SHORTEST_SHOWN = 7;
const LISTED_AT_MOST = 10;

/** What an id on the command line names: the one thing whose id begins with it. */
export interface IdQuery {
  prefix: string;
  /** True when the whole id was given, so that nothing has to be searched. */
  isWhole: boolean;
}

/** Reads an id, or the beginning of one, as it was typed or copied from a list. */
export function parseId(text: string, noun: string): IdQuery {
  // Copied from a line that shows it shortened.
  const prefix = text
    .trim()
    .replace(/(…|\.\.\.)$/, "")
    .toLowerCase();
  if (!/^[0-9a-f-]{1,36}$/.test(prefix)) {
    throw usageError(
      `"${sanitiseLine(text.slice(0, 80))}" is not the id of a ${noun}: ids are made of 0-9, a-f and "-"`,
    );
  }
  if (prefix.length < SHORTEST_GIVEN) {
    throw usageError(`"${prefix}" is too short: give at least ${SHORTEST_GIVEN} characters of the ${noun}'s id`);
  }
  return { prefix, isWhole: prefix.length === 36 };
}

/** The one candidate that a prefix names; undefined when there is none. Several are listed, never chosen from. */
export function matchPrefix<Item>(
  { prefix }: IdQuery,
  candidates: readonly Item[],
  idOf: (item: Item) => string,
  describe: (item: Item) => string,
  noun: string,
): Item | undefined {
  const matches = candidates.filter((item) => idOf(item).startsWith(prefix));
  if (matches.length <= 1) return matches[0];
  const lines = matches.slice(0, LISTED_AT_MOST).map((item) => `  ${idOf(item)}  ${sanitiseLine(describe(item))}`);
  const more = matches.length > LISTED_AT_MOST ? [`  … and ${matches.length - LISTED_AT_MOST} more`] : [];
  throw usageError([`${prefix} begins the id of ${matches.length} ${noun}s:`, ...lines, ...more].join("\n"));
}

/** How an id is shown among others: the shortest beginning that is still its own. */
export function shortId(id: string, among: Iterable<string> = []): string {
  let length = SHORTEST_SHOWN;
  for (const other of among) {
    if (other === id) continue;
    while (length < id.length && other.startsWith(id.slice(0, length))) length += 1;
  }
  // A beginning that ends in "-" reads like a typing error.
  return id.slice(0, id[length - 1] === "-" ? length + 1 : length);
}
