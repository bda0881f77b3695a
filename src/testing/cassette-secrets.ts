import type { Json } from "../protocol/json.ts";

/** What stands where something is not written down. */
export const HIDDEN = "[hidden]";

const SHORTEST_SECRET = 6;
/** Names of what opens doors: of headers, of members, of parameters. */
const NAMES =
  /^(?:.*[-_.])?(?:authorization|cookie|set-cookie|api[-_]?key|apikey|key|token|secret|password|passwd|pwd|passphrase|signature|sig|credentials?|session(?:id)?|otp|private[-_]?key)$/i;
// Names in one word, as JavaScript writes them.
const CAMEL = /(?:apiKey|accessKey|privateKey|secretKey|[a-z]Token|[a-z]Secret|[a-z]Password|sessionId)$/;

/** Whether what has this name is not to be written down. */
export function isSecretName(name: string): boolean {
  return NAMES.test(name) || CAMEL.test(name);
}

/** The texts that must not be written down wherever they turn up: the values of such headers and parameters. */
export function secretsOf(headers: Readonly<Record<string, string>>, url: URL): string[] {
  const found = [
    ...Object.entries(headers).filter(([name]) => isSecretName(name)),
    ...[...url.searchParams].filter(([name]) => isSecretName(name)),
  ].map(([, value]) => value);
  // "Bearer abc": what must not be seen is what follows.
  return longestFirst([...found.flatMap((value) => [value, ...value.split(/[\s;=,]+/)]), url.password]);
}

/** The secrets that are long enough to be looked for, the longest first, so that none leaves a rest of another. */
export function longestFirst(secrets: readonly string[]): string[] {
  return [...new Set(secrets)]
    .filter(({ length }) => length >= SHORTEST_SECRET)
    .sort((one, other) => other.length - one.length);
}

/** An address as it is written down: without a user, and without the values of parameters that open doors. */
export function shownUrl(url: URL, secrets: readonly string[]): string {
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  for (const name of new Set(shown.searchParams.keys())) if (isSecretName(name)) shown.searchParams.set(name, HIDDEN);
  return withoutTexts(shown.href, secrets);
}

/** A text without these. */
export function withoutTexts(text: string, secrets: readonly string[]): string {
  return secrets.reduce((left, secret) => left.replaceAll(secret, HIDDEN), text);
}

/** A value without these, and without the members whose names say that they open doors. */
export function withoutSecrets(value: Json, secrets: readonly string[]): Json {
  if (typeof value === "string") return withoutTexts(value, secrets);
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, secrets));
  if (typeof value !== "object" || value === null) return value;
  const isText = (item: Json) => typeof item === "string" || typeof item === "number";
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      withoutTexts(name, secrets),
      isSecretName(name) && isText(item) ? HIDDEN : withoutSecrets(item, secrets),
    ]),
  );
}
