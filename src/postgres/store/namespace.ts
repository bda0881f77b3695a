import { HoldpointError } from "../../protocol/errors.ts";
import type { NamespaceRange } from "./store.sql.ts";

const LABELS = 32;
/** What the names of an item may take in bytes, all together: they are an entry of an index, which has room for no more. */
const NAME_BYTES = 2_000;
/** Behind every label that somebody could think of. */
const LAST = String.fromCodePoint(0x10ffff);

/** Refuses names under which nothing can be kept. Throws `bad_request`, `invalid`. */
export function checkNames(namespace: readonly unknown[], key: unknown): void {
  if (namespace.length === 0) throw new HoldpointError("bad_request", "/namespace must name at least one label");
  checkPath("/namespace", namespace);
  checkLabel("/key", key);
  const bytes = [...(namespace as string[]), key as string].reduce((sum, name) => sum + Buffer.byteLength(name), 0);
  if (bytes > NAME_BYTES) throw refused("/key", `takes ${bytes} bytes with its namespace; ${NAME_BYTES} are allowed`);
}

/** Refuses a prefix, or a path to compare namespaces with, that no namespace can have. Throws `invalid`. */
export function checkPath(pointer: string, path: readonly unknown[]): void {
  if (path.length > LABELS) throw refused(pointer, `has ${path.length} labels; ${LABELS} are allowed`);
  for (const [index, label] of path.entries()) {
    checkLabel(`${pointer}/${index}`, label);
    // The wire writes a namespace with periods between its labels.
    if ((label as string).includes(".")) throw refused(`${pointer}/${index}`, "must not contain a period");
    if (label === "") throw refused(`${pointer}/${index}`, "must not be empty");
  }
}

function checkLabel(pointer: string, label: unknown): void {
  if (typeof label !== "string") throw refused(pointer, "must be a string");
  if (label.includes("\0") || !label.isWellFormed())
    throw refused(pointer, "must not contain NUL characters or lone surrogates");
}

function refused(pointer: string, message: string): HoldpointError {
  return new HoldpointError("invalid", `${pointer} ${message}`, { facts: { faults: [{ pointer, message }] } });
}

/** All namespaces that begin with a prefix, as a range of the index. */
export function namespacesBelow(prefix: readonly string[]): NamespaceRange {
  const last = prefix.at(-1);
  // The next label in the order of bytes is the same with the smallest character behind it.
  return { from: prefix, to: last === undefined ? [LAST] : [...prefix.slice(0, -1), `${last}\u0001`] };
}
