import { isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument } from "yaml";
import type { Json, JsonObject } from "../../protocol/json.ts";

/** Where something is wrong in a file, and what. */
export interface FileFault {
  line: number;
  column: number;
  message: string;
}

/** A file's value, and where each part of it stands. */
export interface ReadYaml {
  value: Json;
  /** The place of a value, or of the nearest thing around it that is there. */
  place(path: readonly PropertyKey[]): { line: number; column: number };
  /** The place of a key. */
  keyPlace(path: readonly PropertyKey[]): { line: number; column: number };
}

/** The largest text that is read. */
export const MAX_POLICY_BYTES = 128 * 1024;
const DEEPEST = 20;
const MOST_FAULTS = 20;
const MOST_OPEN = 500;
const TOO_DEEP = "is nested too deeply";

/**
 * Reads the part of YAML that is JSON with comments: no anchors and aliases, which can make a small file huge, no tags, no
 * second document. A key may stand once.
 */
export function readYaml(text: string): { ok: true; value: ReadYaml } | { ok: false; faults: FileFault[] } {
  if (text.length > MAX_POLICY_BYTES)
    return { ok: false, faults: [{ line: 1, column: 1, message: `is larger than ${MAX_POLICY_BYTES / 1024} KB` }] };
  const lines = new LineCounter();
  const reader = createReader(lines);
  const document = mostOpen(text) > MOST_OPEN ? undefined : parsed(text, lines);
  if (document === undefined) return { ok: false, faults: [{ line: 1, column: 1, message: TOO_DEEP }] };
  // What the parser says is about the text; what follows from a text that cannot be parsed would only distract.
  for (const { pos, code, message } of [...document.errors, ...document.warnings].slice(0, MOST_FAULTS))
    reader.fault(pos[0], code === "MULTIPLE_DOCS" ? "a second document is not allowed" : message);
  if (document.directives?.yaml.explicit === true) reader.fault(0, "must not begin with a %YAML directive");
  const value = reader.faults.length > 0 ? null : reader.json(document.contents, [], 0);
  if (reader.faults.length > 0) return { ok: false, faults: reader.faults };
  return { ok: true, value: { value, place: reader.place, keyPlace: reader.keyPlace } };
}

/** How many brackets are open at once at most, quoted ones too: the parser takes seconds over a heap of them. */
function mostOpen(text: string): number {
  let open = 0;
  let most = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    open += bracket === "[" || bracket === "{" ? 1 : -1;
    most = Math.max(most, open);
  }
  return most;
}

function parsed(text: string, lineCounter: LineCounter) {
  try {
    // Keys are compared here instead: the parser compares each with all before it.
    const options = { lineCounter, uniqueKeys: false, prettyErrors: false, version: "1.2", schema: "core" } as const;
    const document = parseDocument(text, options);
    // The parser, too, ends at the end of the stack, and then speaks of every bracket it has seen.
    return document.errors.some(({ message }) => /call stack/i.test(message)) ? undefined : document;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function createReader(lines: LineCounter) {
  const faults: FileFault[] = [];
  const values = new Map<string, number>();
  const keys = new Map<string, number>();
  const placeAt = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const fault = (offset: number, message: string): null => {
    faults.push({ ...placeAt(offset), message });
    return null;
  };

  const json = (node: unknown, path: readonly (string | number)[], around: number): Json => {
    const at = startOf(node) ?? around;
    values.set(nameOf(path), at);
    if (path.length > DEEPEST) return fault(at, TOO_DEEP);
    const refused = refusal(node);
    if (refused !== undefined) return fault(at, refused);
    if (isMap(node)) return object(node.items, path, at);
    if (isSeq(node)) return node.items.map((item, index) => json(item, [...path, index], at));
    return scalar(isScalar(node) ? node.value : null, at);
  };

  const object = (pairs: readonly Pair[], path: readonly (string | number)[], around: number): JsonObject => {
    const made: JsonObject = {};
    for (const { key, value } of pairs) {
      const at = startOf(key) ?? around;
      const name = isScalar(key) && refusal(key) === undefined ? key.value : undefined;
      if (typeof name !== "string") fault(at, 'a key must be text without a tag or an anchor; quote it: "…"');
      else if (name === "__proto__") fault(at, "a key must not be __proto__");
      else if (Object.hasOwn(made, name)) fault(at, `"${name}" stands here twice`);
      else {
        keys.set(nameOf([...path, name]), at);
        made[name] = json(value, [...path, name], at);
      }
    }
    return made;
  };

  const scalar = (value: unknown, at: number): Json => {
    if (value === null || typeof value === "boolean") return value;
    if (typeof value === "number") return Number.isFinite(value) ? value : fault(at, "is not a number JSON can carry");
    if (typeof value !== "string") return fault(at, "is not a value JSON can carry");
    return value.isWellFormed() ? value : fault(at, "holds half of a character");
  };

  const nearest = (found: ReadonlyMap<string, number>, path: readonly PropertyKey[]) => {
    const own = found.get(nameOf(path));
    if (own !== undefined) return placeAt(own);
    // Bound: each turn takes one step off the path, and the whole file has a place.
    for (let length = path.length; length >= 0; length -= 1) {
      const offset = values.get(nameOf(path.slice(0, length)));
      if (offset !== undefined) return placeAt(offset);
    }
    return { line: 1, column: 1 };
  };
  return {
    faults,
    fault,
    json,
    place: (path: readonly PropertyKey[]) => nearest(values, path),
    keyPlace: (path: readonly PropertyKey[]) => nearest(keys, path),
  };
}

function startOf(node: unknown): number | undefined {
  return (node as { range?: [number, number, number] | null } | null | undefined)?.range?.[0];
}

function refusal(node: unknown): string | undefined {
  if (node === null || node === undefined) return undefined;
  const { anchor, tag, source } = node as { anchor?: string; tag?: string; source?: unknown };
  if (anchor !== undefined) return `an anchor (&${anchor}) is not allowed; write the value where it is meant`;
  if (isMap(node) || isSeq(node) || isScalar(node))
    return tag === undefined ? undefined : `a tag (${tag}) is not allowed`;
  return `an alias (*${String(source)}) is not allowed; write the value where it is meant`;
}

function nameOf(path: readonly PropertyKey[]): string {
  return JSON.stringify(path.map(String));
}
