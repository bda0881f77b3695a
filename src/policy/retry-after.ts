/** Headers as fetch gives them, or as a plain object of lower-case names. */
export type HeaderBag = { get(name: string): string | null } | Readonly<Record<string, unknown>>;

const NUMBER = /^\d+(?:\.\d+)?$/;
// An HTTP date begins with the day of the week; Date.parse alone would also make a date of "-5".
const DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? /;

/** How long the server asks to wait: `retry-after-ms`, else `retry-after` in seconds or as a date. */
export function parseRetryAfter(headers: HeaderBag, nowMs: number): number | undefined {
  const milliseconds = headerOf(headers, "retry-after-ms");
  if (NUMBER.test(milliseconds)) return Number(milliseconds);
  const text = headerOf(headers, "retry-after");
  if (NUMBER.test(text)) return Number(text) * 1000;
  const at = DATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

function headerOf(headers: HeaderBag, name: string): string {
  const value = typeof headers["get"] === "function" ? headers.get(name) : (headers as Record<string, unknown>)[name];
  return typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
}
