import { matchesGlob } from "./glob.ts";

/** Which headers of a request its run's graph is told of. */
export interface HeaderRule {
  /** Patterns of names; the usual ones unless given. */
  includes?: readonly string[] | null | undefined;
  excludes?: readonly string[] | null | undefined;
}

// These prove who somebody is: they are never stored, whatever is configured.
const NEVER = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "x-api-key",
  "x-tenant-id",
  "x-service-key",
]);
// What looks like a secret is stored only where it is named.
const SECRET =
  /(^|[-_])(api-?key|auth|authorization|cookie|credential|csrf|jwt|password|secret|session|signature|token)s?([-_]|$)/;
const LONGEST_NAME = 200;
const MOST_CHARACTERS = 16_384;

/** The headers that a graph is told of, by their names in lower case: `x-*` and user-agent, unless something else is said. */
export function headersForGraph(
  headers: Iterable<[string, string]>,
  { includes, excludes }: HeaderRule,
): Record<string, string> {
  const told: Record<string, string> = {};
  let characters = 0;
  for (const [given, value] of headers) {
    const name = given.toLowerCase();
    if (NEVER.has(name) || name.length > LONGEST_NAME || matches(excludes, name)) continue;
    const isUsual = (name.startsWith("x-") && !SECRET.test(name)) || name === "user-agent";
    if (!(includes == null ? isUsual : matches(includes, name))) continue;
    characters += name.length + value.length;
    // What a client may make as large as it likes ends somewhere.
    if (characters > MOST_CHARACTERS) break;
    told[name] = value;
  }
  return told;
}

function matches(patterns: readonly string[] | null | undefined, name: string): boolean {
  return patterns?.some((pattern) => matchesGlob(pattern.toLowerCase(), name)) ?? false;
}
