const PATTERNS: [RegExp, string][] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uuid>"],
  [/\b[0-9a-f]{32}\b/g, "<hash>"],
  [/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|\+00:00)/g, "<time>"],
  [/http:\/\/(127\.0\.0\.1|localhost):\d+/g, "<server>"],
];

/** What is different in each run of the same script made the same: ids, times and addresses. */
export function normalised(value: unknown): unknown {
  if (typeof value === "string")
    return PATTERNS.reduce((text, [pattern, name]) => text.replaceAll(pattern, name), value);
  if (Array.isArray(value)) return value.map(normalised);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [normalised(key), normalised(one)]));
}
