/**
 * What the metadata of a thing has to hold for somebody to see it, as jsonb containment reads it: a value that is the
 * same, or a list that holds these. `{}` is held by everything.
 */
export type AccessFilter = Readonly<Record<string, Scalar | readonly Scalar[]>>;

type Scalar = string | number | boolean | null;

/** Lets everything through. */
export const EVERYTHING: AccessFilter = {};

// What decides about access is a handful of names, never a document.
const MAX_TERMS = 50;
const MAX_CHARACTERS = 10_000;

/** A filter of a project's own handler that says nothing that could be obeyed: nobody is let in by it. */
class UnreadableFilter extends Error {
  override readonly name = "UnreadableFilter";
}

/**
 * Reads what a handler has returned: `{owner: "ana"}`, `{owner: {$eq: "ana"}}`, `{teams: {$contains: "red"}}` or with a
 * list, of which all must be there. Whatever else it is throws: a filter that is half understood lets too much through.
 */
export function readAccessFilter(given: unknown): AccessFilter {
  if (!isPlainObject(given)) throw new UnreadableFilter(`a filter must be an object, not ${nameOf(given)}`);
  const terms = Object.entries(given);
  if (terms.length > MAX_TERMS) throw new UnreadableFilter(`a filter of ${terms.length} keys; at most ${MAX_TERMS}`);
  return Object.fromEntries(terms.map(([key, wanted]) => [text(key), termOf(key, wanted)]));
}

function termOf(key: string, wanted: unknown): Scalar | Scalar[] {
  if (!isPlainObject(wanted)) return scalar(key, wanted);
  const operators = Object.keys(wanted);
  const [operator, ...others] = operators;
  if (others.length === 0 && operator === "$eq") return scalar(key, wanted["$eq"]);
  if (others.length === 0 && operator === "$contains") {
    const held = wanted["$contains"];
    const list = Array.isArray(held) ? held : [held];
    if (list.length > MAX_TERMS)
      throw new UnreadableFilter(`${key}: $contains names ${list.length}; at most ${MAX_TERMS}`);
    return list.map((one) => scalar(key, one));
  }
  throw new UnreadableFilter(
    `${key}: must be a value, {$eq: value} or {$contains: value}, not {${operators.join(", ")}}`,
  );
}

function scalar(key: string, value: unknown): Scalar {
  if (typeof value === "string") return text(value);
  if (value === null || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value)))
    return value;
  throw new UnreadableFilter(`${key}: must be text, a number, true, false or null, not ${nameOf(value)}`);
}

/** What Postgres cannot hold, no metadata has: it would be an error there instead of a refusal. */
function text(value: string): string {
  if (value.length <= MAX_CHARACTERS && value.isWellFormed() && !value.includes("\0")) return value;
  throw new UnreadableFilter("a filter must not hold NUL characters, lone surrogates or very long texts");
}

/** True when the metadata holds what the filter wants: what `metadata @> filter` says in Postgres. */
export function isHeld(filter: AccessFilter, metadata: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(filter).every(([key, wanted]) => {
    if (!Object.hasOwn(metadata, key)) return false;
    const value = metadata[key];
    if (!Array.isArray(wanted)) return value === wanted;
    return Array.isArray(value) && wanted.every((one) => value.includes(one));
  });
}

/**
 * The metadata of something new that its maker will be able to see: what the filter wants and the metadata does not
 * speak of is added. Undefined where it says something else, as when somebody makes a thread in another's name.
 */
export function stamped(
  filter: AccessFilter,
  metadata: Readonly<Record<string, unknown>>,
): Record<string, unknown> | undefined {
  const missing = Object.entries(filter).filter(([key]) => !Object.hasOwn(metadata, key));
  const made = Object.fromEntries([...Object.entries(metadata), ...missing]);
  return isHeld(filter, made) ? made : undefined;
}

/**
 * What holds both, as one thing to be held: a search by metadata, made narrower by what may be seen at all. Undefined
 * where nothing can hold both.
 */
export function narrowed(
  wish: Readonly<Record<string, unknown>>,
  filter: AccessFilter,
): Record<string, unknown> | undefined {
  const both = new Map(Object.entries(wish));
  for (const [key, wanted] of Object.entries(filter)) {
    const before = both.get(key);
    if (!both.has(key)) both.set(key, wanted);
    else if (Array.isArray(before) && Array.isArray(wanted)) both.set(key, [...before, ...wanted]);
    else if (before !== wanted) return undefined;
  }
  return Object.fromEntries(both);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value;
}
