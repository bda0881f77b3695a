const SHORTEST_SECRET = 6;

/**
 * Takes out of a text, or of all texts of a value, what was sent in headers that open doors: there are servers that answer
 * with what they were sent, and answers are recorded.
 */
export function secretsHidden(headers: Readonly<Record<string, string>>): <Value>(value: Value) => Value {
  // "Bearer abc": what must not be seen is what follows.
  const secrets = Object.values(headers)
    .flatMap((value) => [value, ...value.split(" ").slice(1)])
    .filter(({ length }) => length >= SHORTEST_SECRET);
  const hide = (text: string) => secrets.reduce((left, secret) => left.replaceAll(secret, "[secret]"), text);
  const hideIn = (value: unknown): unknown => {
    if (typeof value === "string") return hide(value);
    if (Array.isArray(value)) return value.map(hideIn);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [hide(key), hideIn(inner)]));
  };
  return (value) => (secrets.length === 0 ? value : (hideIn(value) as typeof value));
}
