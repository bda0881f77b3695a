/** What a stream of events is sent with: nothing may keep or gather it on the way. */
export const SSE_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
} as const;

/** One event. */
export function frame(event: string, data: unknown, id?: number | string): string {
  return withId(eventText(event, data), id);
}

/** An event without its id, its JSON in one line: older clients join several lines without what separated them. */
export function eventText(event: string, data: unknown): string {
  const json = JSON.stringify(data).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
  return `event: ${oneLine(event)}\ndata: ${json}\n`;
}

/** That text as an event. */
export function withId(text: string, id: number | string | undefined): string {
  return `${text}${id === undefined ? "" : `id: ${id}\n`}\n`;
}

/** A line that clients ignore; it shows that the connection lives. Behind an empty line older clients would see an event. */
export function comment(text: string): string {
  return `: ${oneLine(text)}\n`;
}

// The name of an event carries the names of subgraph nodes, which are the author's.
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n\0]/g, " ");
}
